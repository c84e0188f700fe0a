"""A real MLflow server on loopback with SQLite, for as long as a test needs it."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTS = ("mlflow", "aiohttp", "alembic", "flask", "flask_cors", "graphene", "sqlalchemy")
MISSING = [name for name in PARTS if importlib.util.find_spec(name) is None]
START_S = 120


@contextmanager
def run_server(folder: Path) -> Iterator[str]:
    """Start one that keeps everything in `folder`; gives its address, and ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    words = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", "sqlite:///store.db", "--artifacts-destination", "./artifacts",
        "--workers", "1",
    ]  # fmt: skip
    # jobs would want a queue (huey), and are for judging language models
    own = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            words, cwd=folder, env={**os.environ, **own}, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait(server, address, folder / "server.log")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):  # noqa: S310 # http
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"mlflow server did not start:\n{log.read_text()[-3000:]}")
