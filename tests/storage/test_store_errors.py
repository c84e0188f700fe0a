"""What a store says becomes one of a few errors, each with what to do about it.

S3 is asked by s3fs: moto's server, and one that answers as S3 does where moto can't. Of the other
stores the classes stand here as their libraries have them.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import Request, urlopen

import pytest

from covidreport.errors import UnreachableError, UsageError, WriteError
from covidreport.storage.objects import (
    forget_stores,
    identify_objects,
    name_kind,
    read_object,
    write_object,
)
from covidreport.storage.store_errors import (
    NoBucketError,
    PassingError,
    name_error,
    strip_secrets,
)
from tests.objects import BUCKET, serve_objects

PLACE = f"s3://{BUCKET}/a"


@pytest.fixture
def store(monkeypatch):
    with serve_objects(monkeypatch) as served:
        served.put("a", b"a")
        yield served


@contextmanager
def _demand_rights(store):
    """From here on moto asks who somebody is, and whether he may."""
    _count_free_requests(store, b"0")
    forget_stores()
    try:
        yield
    finally:
        _count_free_requests(store, b"Infinity")


def _count_free_requests(store, number):
    """After how many requests moto begins to ask."""
    place, plain = f"{store.client.meta.endpoint_url}/moto-api/reset-auth", "text/plain"
    request = Request(place, number, {"Content-Type": plain}, method="POST")  # noqa: S310 - moto
    urlopen(request).close()  # noqa: S310


@contextmanager
def _serve(monkeypatch, status, code, wait_s=0.0):
    """A server that answers everything with one error, as S3 spells it."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(wait_s)
            text = f"<Error><Code>{code}</Code><Message>what it says</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                with suppress(ConnectionError):  # nobody waited
                    self.wfile.write(text)

        do_HEAD = do_PUT = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *args):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    forget_stores()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_what_is_not_there_is_an_object_or_a_bucket(store):
    with pytest.raises(FileNotFoundError, match="there is no such object") as found:
        read_object(f"s3://{BUCKET}/b", 4)
    assert not isinstance(found.value, NoBucketError)
    with pytest.raises(NoBucketError, match="there is no bucket s3://nobodys"):
        read_object("s3://nobodys/a", 4)
    with pytest.raises(WriteError, match="there is no bucket s3://nobodys"):
        write_object("s3://nobodys/a", b"")
    with pytest.raises(UsageError, match="there is no bucket s3://nobodys"):
        name_kind("s3://nobodys/a")
    assert identify_objects("s3://nobodys/", ["a"]) == [None]
    assert name_kind(f"s3://{BUCKET}/b") is None


def test_credentials_that_nobody_has_are_told_from_a_lack_of_rights(store, monkeypatch):
    """The first keep everyone out, and the command ends; the second are of the object."""
    iam = __import__("boto3").client("iam", endpoint_url=store.client.meta.endpoint_url)
    iam.create_user(UserName="guest")
    key = iam.create_access_key(UserName="guest")["AccessKey"]
    nothing = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [nothing]})
    iam.put_user_policy(UserName="guest", PolicyName="p", PolicyDocument=policy)
    with _demand_rights(store):
        with pytest.raises(PassingError, match="takes no request without credentials") as refused:
            read_object(PLACE, 4)
        assert "environment" in str(refused.value)
        assert "a-secret" not in str(refused.value)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        forget_stores()
        with pytest.raises(PermissionError, match="the store gives no permission"):
            read_object(PLACE, 4)
        with pytest.raises(WriteError, match="the store gives no permission"):
            write_object(PLACE, b"b")
        assert identify_objects(f"s3://{BUCKET}/", ["a"]) == [b""]


def test_without_any_credentials_that_is_what_is_said(store, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    forget_stores()
    with pytest.raises(PassingError, match="credentials that hold"):
        read_object(PLACE, 4)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (503, "SlowDown", "is asked too much at once"),
        (429, "TooManyRequests", "is asked too much at once"),
        (400, "ExpiredToken", "takes no request without credentials that hold"),
        (400, "AuthorizationHeaderMalformed", "lies in another region"),
        (400, "RequestTimeout", "does not answer in time"),
    ],
)
def test_what_keeps_everyone_from_an_answer_is_no_fault_of_an_image(
    store, monkeypatch, status, code, said
):
    """It is raised from the first request, and nobody asks whether the object is at fault."""
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    with _serve(monkeypatch, status, code):
        with pytest.raises(PassingError, match=f"s3://{BUCKET}: {said}"):
            read_object(PLACE, 4)
        with pytest.raises(PassingError, match=f"s3://{BUCKET}: {said}"):
            write_object(PLACE, b"")


def test_a_store_that_is_slow_or_broken_is_told(store, monkeypatch):
    import fsspec
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    with _serve(monkeypatch, 500, "InternalError"):
        with pytest.raises(UnreachableError, match="answers with an error, 500") as broken:
            read_object(PLACE, 4)
        assert "OSError" in str(broken.value)
    options = {"s3": {"config_kwargs": {"read_timeout": 0.2, "retries": {"max_attempts": 0}}}}
    monkeypatch.setattr(fsspec.config, "conf", {**fsspec.config.conf, **options})
    with (
        _serve(monkeypatch, 200, "", wait_s=1),
        pytest.raises(PassingError, match="does not answer in time"),
    ):
        read_object(PLACE, 4)


class HttpError(Exception):
    """gcsfs's."""

    def __init__(self, code):
        self.code, self.message = code, "its text"
        super().__init__(f"its text, {code}")


class HttpResponseError(Exception):
    """azure-core's."""

    def __init__(self, status, code=None):
        self.status_code, self.error_code = status, code
        super().__init__("its text")


class ClientAuthenticationError(HttpResponseError):
    """azure-core's."""


class ResourceNotFoundError(HttpResponseError):
    """azure-core's."""


class RefreshError(Exception):
    """google-auth's."""


class RepositoryNotFoundError(Exception):
    """huggingface_hub's."""


class ServiceResponseTimeoutError(Exception):
    """azure-core's."""


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (HttpError(403), PermissionError, "no permission"),
        (OSError("Forbidden: b/a"), PermissionError, "no permission"),
        (HttpError(401), PassingError, "credentials that hold"),
        (RefreshError("gone"), PassingError, "credentials that hold"),
        (HttpError(429), PassingError, "asked too much"),
        (HttpError(503), PassingError, "asked too much"),
        (HttpError(500), UnreachableError, "answers with an error, 500"),
        (ResourceNotFoundError(404, "BlobNotFound"), FileNotFoundError, "no such object"),
        (ResourceNotFoundError(404, "ContainerNotFound"), NoBucketError, "no bucket az://b"),
        (HttpResponseError(403, "AuthorizationFailure"), PermissionError, "no permission"),
        (ClientAuthenticationError(403, "AuthenticationFailed"), PassingError, "credentials"),
        (HttpResponseError(503, "ServerBusy"), PassingError, "asked too much"),
        (ServiceResponseTimeoutError(), PassingError, "in time"),
        (RepositoryNotFoundError("404"), NoBucketError, "no bucket az://b"),
        (TimeoutError(), PassingError, "in time"),
        (ConnectionRefusedError(), UnreachableError, "does not answer"),
        (FileNotFoundError("b/a"), FileNotFoundError, "no such object"),
    ],
)  # fmt: skip
def test_other_stores_say_the_same_by_their_own_names(error, kind, said):
    named = name_error("az://b/a", error)
    assert type(named) is kind
    assert said in str(named)


def test_a_cause_tells_what_its_effect_does_not():
    """adlfs raises a RuntimeError or a ValueError from what happened."""
    outer = RuntimeError("Failed to upload block")
    outer.__cause__ = HttpResponseError(403, "AuthorizationPermissionMismatch")
    assert isinstance(name_error("az://b/a", outer), PermissionError)


def test_secrets_are_cut_out_of_addresses_and_nothing_else():
    assert strip_secrets("https://me:pw@host/a?sig=1&x=2 and a@b?") == "https://host/a and a@b"
