"""Images of an object store: one request after the other, as many as `evaluate` has, and the floor.

A server of objects in a process of its own answers each request after `--latency-ms`, as a store on
a network does. Three ways take turns: each image is asked for when it is wanted, decoded, and the
next one is asked for; `read_ahead` asks for images before the decoder wants them; and the same
bytes are decoded from memory, which is the floor. Wall time is what counts here: waiting takes no
CPU. What is decoded is compared.

    python -m benchmarks.objects --images 256 --latency-ms 50
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.common import Row, print_rows, ratio_row, take_turns
from covidreport.images import decode_image, read_ahead
from covidreport.storage import objects
from covidreport.storage.address import Address

SIDE = 512


def draw_images(folder: Path, n: int) -> list[bytes]:
    """Pictures as PNG: a smooth field with noise, which takes about as long as a radiograph of
    their size."""
    rng = np.random.default_rng(0)
    rows = np.linspace(0, np.pi, SIDE)
    field = 120 + 80 * np.sin(rows)[:, None] * np.sin(rows)[None, :]
    drawn = []
    for i in range(n):
        noise = rng.normal(0, 6, (SIDE, SIDE))
        Image.fromarray((field + noise).clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
        drawn.append((folder / f"{i}.png").read_bytes())
    return drawn


def serve(folder: Path, latency_s: float, pipe: Connection) -> None:
    """Answer S3's `GetObject` and `HeadObject` with the files of a folder, each after a wait."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(latency_s)
            data = (folder / self.path.partition("?")[0].rpartition("/")[2]).read_bytes()
            self.send_response(206 if "Range" in self.headers else 200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Answer)
    pipe.send(server.server_address[1])
    server.serve_forever()


def decode(reads: Iterable[Callable[[], bytes]]) -> str:
    """Decode what is read, one after the other; a digest of all pixels."""
    digest = hashlib.sha256()
    for read in reads:
        digest.update(np.asarray(decode_image(read()).picture).tobytes())
    return digest.hexdigest()


def main() -> None:
    """Print what the three ways took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        drawn = draw_images(Path(name), stated.images)
        mine, its = multiprocessing.Pipe()
        words = (Path(name), stated.latency_ms / 1000, its)
        server = multiprocessing.get_context("spawn").Process(target=serve, args=words, daemon=True)
        server.start()
        try:
            os.environ |= {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{mine.recv()}", "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "a", "AWS_DEFAULT_REGION": "us-east-1",
            }  # fmt: skip
            print_rows(_measure(drawn, stated), as_json=stated.json)
        finally:
            server.terminate()
            server.join()


def _measure(drawn: list[bytes], stated: argparse.Namespace) -> list[Row]:
    places = [Address(f"s3://bucket/{i}.png") for i in range(stated.images)]
    found: dict[str, str] = {}

    def one_by_one() -> None:
        found["one"] = decode(lambda place=each: place.read_bytes() for each in places)  # type: ignore[misc]

    def ahead() -> None:
        found["ahead"] = decode(read for _, read in read_ahead(places))

    def floor() -> None:
        found["floor"] = decode((lambda data=each: data) for each in drawn)  # type: ignore[misc]

    taken = take_turns({"one": one_by_one, "ahead": ahead, "floor": floor}, stated.repeat)
    assert len(set(found.values())) == 1, "not the same pixels"
    what = f"{stated.images} objects, {stated.latency_ms:g} ms each"

    def row(name: str, words: str) -> Row:
        seconds = taken[name]
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        return Row(f"{what}: {words}, s", "", statistics.median(seconds), spread)

    return [
        row("one", "one after the other"),
        row("ahead", f"{objects.AHEAD} asked for ahead"),
        row("floor", "the same bytes from memory"),
        ratio_row("one after the other / ahead", "at least 4.4", taken["one"], taken["ahead"]),
    ]


if __name__ == "__main__":
    main()
