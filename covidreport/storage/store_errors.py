"""What the errors of stores mean: each library has classes and codes of its own for the same.

s3fs makes OSErrors of botocore's answers and keeps those as their cause; gcsfs has a status, or a
text alone; adlfs hands on azure-core's, huggingface_hub those of requests and httpx. They are told
by names and codes, so that no library is loaded for it.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Any, Final

from covidreport.errors import UnreachableError

_SECRETS: Final = ((re.compile(r"(?<=://)[^\s/@]+@"), ""), (re.compile(r"\?[^\s'\"<>)]*"), ""))
"""What an address may hold before the server's name and after its path."""
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "ContainerNotFound", "RepoNotFound"})
_CREDENTIALS: Final = frozenset({
    # codes of S3 and Azure
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
    "TokenRefreshRequired", "RequestTimeTooSkewed", "MissingSecurityHeader", "AuthenticationFailed",
    "InvalidAuthenticationInfo", "NoAuthenticationInformation",
    # classes of botocore, azure-core and google-auth
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError",
    "TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "LoginError",
    "ClientAuthenticationError", "DefaultCredentialsError", "RefreshError",
})  # fmt: skip
_FORBIDDEN: Final = frozenset({
    "AccessDenied", "AllAccessDisabled", "AccountProblem", "NotSignedUp", "InvalidObjectState",
    "AuthorizationFailure", "AuthorizationPermissionMismatch", "PublicAccessNotPermitted",
    "InsufficientAccountPermissions", "GatedRepoError",
})  # fmt: skip
_THROTTLED: Final = frozenset({
    "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded",
    "RequestThrottled", "TooManyRequests", "TooManyRequestsException", "BandwidthLimitExceeded",
    "ServerBusy",
})  # fmt: skip
_TIMEOUTS: Final = frozenset({
    "TimeoutError", "FSTimeoutError", "RequestTimeout", "RequestTimeoutException",
    "ConnectTimeoutError", "ReadTimeoutError", "ServerTimeoutError", "ServiceRequestTimeoutError",
    "ServiceResponseTimeoutError", "Timeout", "ConnectTimeout", "ReadTimeout", "TimeoutException",
    "OperationTimedOut",
})  # fmt: skip
_REGION: Final = frozenset({
    "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException", "301",
})  # fmt: skip
_MISSING: Final = frozenset({
    "NoSuchKey", "BlobNotFound", "ResourceNotFoundError", "EntryNotFoundError",
})  # fmt: skip
_STATUS: Final = {
    401: _CREDENTIALS, 403: _FORBIDDEN, 404: _MISSING, 408: _TIMEOUTS, 429: _THROTTLED,
    503: _THROTTLED, 504: _TIMEOUTS,
}  # fmt: skip
"""What a status says where no code does. A bucket elsewhere is 301 of S3 alone."""
_ORDER: Final = (
    _NO_BUCKET, _CREDENTIALS, _FORBIDDEN, _THROTTLED, _TIMEOUTS, _REGION, _MISSING
)  # fmt: skip
"""Of what several names say the first holds: 403 is also that of credentials that expired."""
_AGAIN: Final = "what is done is kept, so that the same command goes on when it answers again"


def strip_secrets(text: str) -> str:
    """A text without what addresses in it may hold of credentials."""
    for pattern, plain in _SECRETS:
        text = pattern.sub(plain, text)
    return text


class NoBucketError(FileNotFoundError):
    """There is no such bucket, so that nothing in it is there."""


class PassingError(UnreachableError):
    """What is no fault of the object that was asked for, and passes or is mended."""


def name_error(address: str, error: Exception) -> OSError | UnreachableError:
    """What a store's error means: of this object, or that nobody gets an answer.

    FileNotFoundError (NoBucketError where there is no bucket) and PermissionError are of the
    object; UnreachableError says what keeps everyone from an answer.
    """
    names, status = _read_names(error)
    kind = next((kind for kind in _ORDER if kind & names), _STATUS.get(status or 0))
    if kind is None and isinstance(error, PermissionError):
        kind = _FORBIDDEN
    server = "/".join(address.split("/")[:3])
    if kind is _NO_BUCKET:
        return NoBucketError(errno.ENOENT, f"there is no bucket {server}", address)
    if kind is _FORBIDDEN:
        return PermissionError(errno.EACCES, "the store gives no permission", address)
    if kind is _MISSING or (kind is None and isinstance(error, FileNotFoundError)):
        return FileNotFoundError(errno.ENOENT, "there is no such object", address)
    said = _say(error)
    if kind is _CREDENTIALS:
        return PassingError(
            f"{server}: takes no request without credentials that hold ({said}); give them by the "
            f"environment or the configuration of fsspec; {_AGAIN}"
        )
    if kind is _THROTTLED:
        return PassingError(
            f"{server}: is asked too much at once ({said}); begin again later, or with less that "
            f"asks it at the same time; {_AGAIN}"
        )
    if kind is _TIMEOUTS:
        return PassingError(f"{server}: does not answer in time ({said}); {_AGAIN}")
    if kind is _REGION:
        return PassingError(
            f"{server}: lies in another region ({said}); name that, such as by AWS_DEFAULT_REGION"
        )
    if status is not None:
        return UnreachableError(f"{server}: answers with an error, {status} ({said}); {_AGAIN}")
    return UnreachableError(f"{server}: does not answer ({said}); {_AGAIN}")


def _say(error: Exception) -> str:
    """Its class, unless that says nothing, and its text; without what addresses hold of secrets."""
    said = strip_secrets(" ".join(str(error).split()))[:300]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _read_names(error: Exception) -> tuple[frozenset[str], int | None]:
    """Codes and classes of an error and of what caused it, and its status in HTTP."""
    names: set[str] = set()
    found: list[object] = []
    for each in _walk_causes(error):
        names.update(kind.__name__ for kind in type(each).__mro__)
        response: Any = getattr(each, "response", None)
        if isinstance(response, dict):  # botocore
            names.add(str(response.get("Error", {}).get("Code", "")))
            found.append(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
        else:  # requests, httpx
            found.append(getattr(response, "status_code", None))
        stated = getattr(each, "error_code", None)  # azure-core, by an enumeration
        names.add(str(getattr(stated, "value", stated)))
        found += [getattr(each, name, None) for name in ("status_code", "status", "code")]
        if type(each) is OSError and str(each).startswith("Forbidden:"):  # gcsfs
            names.add("AccessDenied")
    if "RepositoryNotFoundError" in names:  # huggingface_hub
        names.add("RepoNotFound")
    return frozenset(names), next((each for each in found if isinstance(each, int) and each), None)


def _walk_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__
