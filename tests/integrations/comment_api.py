"""A small local stand-in for GitHub's API of comments."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class CommentApi:
    """What stands there; refuse: an HTTP status for whoever wants to write."""

    address: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    refuse: int | None = None
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve_comments() -> Iterator[CommentApi]:
    """Serve on loopback until the block ends."""
    api = CommentApi()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *words: Any) -> None:
            api.asked.append(" ".join(map(str, words)))

        def _answer(self, status: int, value: object) -> None:
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _body(self) -> str:
            assert self.headers["Authorization"] == "Bearer token"
            size = int(self.headers["Content-Length"])
            return str(json.loads(self.rfile.read(size))["body"])

        def do_GET(self) -> None:
            where = urlsplit(self.path)
            assert where.path == "/repos/owner/name/issues/7/comments"
            query = parse_qs(where.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            self._answer(200, api.comments[(page - 1) * size : page * size])

        def do_POST(self) -> None:
            body = self._body()
            assert self.path == "/repos/owner/name/issues/7/comments"
            if api.refuse is not None:
                return self._answer(api.refuse, {"message": "Resource not accessible"})
            made = {"id": len(api.comments) + 1, "body": body, "user": {"type": "Bot"}}
            api.comments.append(made)
            return self._answer(201, made)

        def do_PATCH(self) -> None:
            body = self._body()
            found = re.fullmatch(r"/repos/owner/name/issues/comments/(\d+)", self.path)
            assert found
            if api.refuse is not None:
                return self._answer(api.refuse, {"message": "Resource not accessible"})
            comment = next(each for each in api.comments if each["id"] == int(found[1]))
            comment["body"] = body
            return self._answer(200, comment)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    api.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
