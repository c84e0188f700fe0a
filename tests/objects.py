"""A store of objects on this machine, as `s3://` in moto's server, for the tests that read one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from covidreport.storage.objects import forget_stores

BUCKET = "clinic"


class Store:
    """What a test does to the bucket `clinic` of a server that was started for it."""

    def __init__(self, server: Any, url: str) -> None:
        import boto3

        self._server = server
        self.client = boto3.client("s3", endpoint_url=url)
        self.client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, data: bytes) -> None:
        """Put an object."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def put_folder(self, folder: Path, key: str) -> None:
        """Put all files of a folder, below a key."""
        for file in filter(Path.is_file, folder.rglob("*")):
            self.put(f"{key}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def list_below(self, key: str) -> dict[str, bytes]:
        """The objects below a key, by what follows it."""
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{key}/").get("Contents", [])
        names = [each["Key"] for each in found]
        return {
            name.removeprefix(f"{key}/"): self.client.get_object(Bucket=BUCKET, Key=name)[
                "Body"
            ].read()
            for name in names
        }

    def stop(self) -> None:
        """End the server: nothing answers any more."""
        self._server.stop()


@contextmanager
def serve_objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Start a server with an empty bucket; skips the test where moto or s3fs isn't installed."""
    moto = pytest.importorskip("moto.server", reason="moto isn't installed")
    pytest.importorskip("s3fs", reason="the extra `cloud` isn't installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    forget_stores()
    urlopen(Request(f"{url}/moto-api/reset", method="POST")).close()  # noqa: S310 - it is of the process
    store = Store(server, url)
    try:
        yield store
    finally:
        store.client.close()
        store.stop()
        forget_stores()


def list_files(folder: Path) -> dict[str, bytes]:
    """The files below a folder of this machine, without hidden ones, as `Store.list_below`."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    found = {each.relative_to(folder).as_posix(): each.read_bytes() for each in files}
    return {name: data for name, data in found.items() if "/." not in f"/{name}"}
