"""Objects in stores on the network, by fsspec: whether they are there, what identifies them, bytes.

Credentials come from fsspec's own configuration and environment. They are in no address, and what a
store says is told without them.
"""

from __future__ import annotations

import errno
import hashlib
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from covidreport.errors import UnreachableError, UsageError, WriteError
from covidreport.storage.store_errors import NoBucketError, PassingError, name_error

REQUESTS: Final = 64
"""How many requests are under way at most: a store takes some 50 ms to answer each."""
AHEAD: Final = 16
"""How many objects a decoder has asked for before it needs them."""
_MOST_LOOKED_UP: Final = 64
"""Objects of a folder that are looked up one by one; where more are wanted the folder is listed."""
_PIECE_BYTES: Final = 1 << 26
"""Of an object that is too large to be held."""
_IDENTIFIES: Final = (
    "ETag", "etag", "generation", "VersionId", "version_id", "md5Hash", "content_md5", "blob_id",
    "created",
)  # fmt: skip
"""What stores say of an object that differs once its bytes do, the first of these that is there:
a list and a look-up do not say all the same. `created` is that of memory."""
_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "s3": {"config_kwargs": {"max_pool_connections": REQUESTS}},  # 10 by default
}


@cache
def _open_store(scheme: str) -> Any:
    """One for the process: fsspec's own are one a thread, each with connections of its own.

    Nothing of what a store listed is kept, which would be of an earlier time.
    """
    try:
        import fsspec

        options = dict(_OPTIONS.get(scheme, {}))
        for name, stated in fsspec.config.conf.get(scheme, {}).items():
            both = isinstance(stated, dict) and isinstance(options.get(name), dict)
            options[name] = {**options[name], **stated} if both else stated
        return fsspec.filesystem(
            scheme, use_listings_cache=False, skip_instance_cache=True, **options
        )
    except ImportError as error:
        raise UsageError(
            f"{scheme}:// is read with other packages: pip install 'covidreport[cloud]'"
        ) from error


@cache
def _start_requests() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(REQUESTS, "objects")


def forget_stores() -> None:
    """Ask for stores and credentials anew, as after another environment."""
    _open_store.cache_clear()


def _reach(address: str) -> tuple[Any, str]:
    store = _call(address, _open_store, address.partition("://")[0])
    return store, store._strip_protocol(address)


def _call(address: str, work: Any, *args: Any, **more: Any) -> Any:
    try:
        return work(*args, **more)
    except (UsageError, UnreachableError):
        raise
    except Exception as error:  # each store has errors of its own
        raise name_error(address, error) from error


def read_object(address: str, most_bytes: int) -> bytes:
    """The bytes of an object in one request, no more than `most_bytes` of them.

    OSError where it is not there or may not be read; UnreachableError where the store answers
    nobody.
    """
    store, key = _reach(address)
    try:
        return bytes(_call(address, store.cat_file, key, start=0, end=most_bytes))
    except PassingError:
        raise
    except UnreachableError as error:
        # is it this object? a store has no part of an empty one, and may have lost the bytes of one
        size = _call(address, store.info, key)["size"]
        if size == 0:
            return b""
        raise OSError(errno.EIO, f"the store does not give it ({error})", address) from error


def read_objects(addresses: Sequence[str], most_bytes: int) -> Generator[Future[bytes], None, None]:
    """As `read_object` of each in turn, with `AHEAD` of them asked for."""
    pool = _start_requests()
    waiting = iter([partial(pool.submit, read_object, each, most_bytes) for each in addresses])
    asked = [submit() for submit in islice(waiting, AHEAD)]
    try:
        while asked:
            yield asked.pop(0)
            asked += [submit() for submit in islice(waiting, 1)]
    finally:
        for each in asked:
            each.cancel()


def identify_objects(prefix: str, paths: Sequence[str]) -> list[bytes | None]:
    """Of each object at `prefix` + path 32 bytes that differ once its own do, by what the store
    says: its ETag, version or generation, and its size.

    None where there is no such object; empty where nobody says, or there is no permission to ask.
    """
    store, _ = _reach(prefix)
    found: list[bytes | None] = [b""] * len(paths)
    folders: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        folders[path.rpartition("/")[0]].append(row)
    alone: list[int] = []
    for folder, rows in folders.items():
        listed = None
        if len(rows) > _MOST_LOOKED_UP:
            listed = _list_folder(store, f"{prefix}{folder}")
        if listed is None:
            alone += rows
            continue
        for row in rows:
            found[row] = listed.get(paths[row].rpartition("/")[2])
    answers = _start_requests().map(_look_up, [prefix + paths[row] for row in alone])
    for row, identity in zip(alone, answers, strict=True):
        found[row] = identity
    return found


def _list_folder(store: Any, address: str) -> dict[str, bytes] | None:
    """What identifies each object in a folder, by its name; None where nobody may list it."""
    try:
        infos = _call(address, store.ls, store._strip_protocol(address), detail=True)
    except PermissionError:
        return None
    except FileNotFoundError:
        return {}
    return {info["name"].rpartition("/")[2]: _identify(info) for info in infos if _is_object(info)}


def _look_up(address: str) -> bytes | None:
    store, key = _reach(address)
    try:
        info = _call(address, store.info, key)
    except PermissionError:
        return b""
    except FileNotFoundError:
        return None
    return _identify(info) if _is_object(info) else None


def _is_object(info: Mapping[str, Any]) -> bool:
    return info.get("type") == "file"


def _identify(info: Mapping[str, Any]) -> bytes:
    stated = next((info[name] for name in _IDENTIFIES if info.get(name)), None)
    if stated is None:
        return b""
    return hashlib.sha256(f"{info.get('size')} {stated}".encode()).digest()


def name_kind(address: str) -> str | None:
    """What is there, `file` or `directory`; None for nothing.

    UsageError where nobody may ask, and where there is no such bucket.
    """
    store, key = _reach(address)
    try:
        return str(_call(address, store.info, key)["type"])
    except NoBucketError as error:
        raise UsageError(f"{address}: {error.strerror}") from error
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise UsageError(f"{address}: {error.strerror} to look it up") from error


def write_object(address: str, data: bytes) -> None:
    """Put an object, whole or not at all: a store shows it once it has all of it.

    WriteError where there is no such bucket or no permission; UnreachableError as `read_object`.
    """
    store, key = _reach(address)
    with _explain_writing(address):
        _call(address, store.pipe_file, key, data)


def copy_to_store(file: Path, address: str) -> None:
    """As `write_object` with what is in a file of this machine, of any size."""
    store, key = _reach(address)
    with _explain_writing(address):
        _call(address, store.put_file, str(file), key)


def copy_objects(pairs: Sequence[tuple[str, Path]]) -> None:
    """Copy each object to a file of this machine, whole or not at all, several at a time.

    OSError and UnreachableError as `read_object`, WriteError where a file can't be written.
    """
    for _ in _start_requests().map(_copy_object, pairs):
        pass


def _copy_object(pair: tuple[str, Path]) -> None:
    address, file = pair
    store, key = _reach(address)
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"{file}: can't be written ({error.strerror or error})") from error
    try:
        _call(address, store.get_file, key, str(part))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def list_objects(address: str) -> dict[str, bytes]:
    """Of each object below an address, by its path from there, 32 bytes that differ once its own
    do. Empty where there is none.

    UsageError where nobody may list it or there is no such bucket, and where an object says
    nothing that would differ.
    """
    store, key = _reach(address)
    try:
        infos = _call(address, store.find, key, detail=True)
    except NoBucketError as error:
        raise UsageError(f"{address}: {error.strerror}") from error
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise UsageError(f"{address}: {error.strerror} to list it") from error
    start = f"{key.rstrip('/')}/"
    found = {
        name.removeprefix(start): _identify(info)
        for name, info in infos.items()
        if _is_object(info) and name.startswith(start)
    }
    if not all(found.values()):
        raise UsageError(f"{address}: the store states no ETag, so that no change would be seen")
    return found


def delete_object(address: str) -> None:
    """Delete an object; nothing where there is none. WriteError as `write_object`."""
    store, key = _reach(address)
    with _explain_writing(address), suppress(FileNotFoundError):
        _call(address, store.rm_file, key)


@contextmanager
def _explain_writing(address: str) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        if isinstance(error, FileNotFoundError):  # gcsfs says no more; no object is looked for
            why = f"there is no bucket {'/'.join(address.split('/')[:3])}"
        raise WriteError(f"{address}: can't be written ({why})") from error


def measure_object(address: str) -> int:
    """The size of an object in bytes. OSError and UnreachableError as `read_object`."""
    store, key = _reach(address)
    return int(_call(address, store.info, key)["size"])


def digest_object(address: str) -> str:
    """The sha256 of an object's bytes, in hexadecimal. OSError and UnreachableError as
    `read_object`."""
    store, key = _reach(address)
    size, digest = measure_object(address), hashlib.sha256()
    for start in range(0, size, _PIECE_BYTES):
        end = min(start + _PIECE_BYTES, size)
        digest.update(_call(address, store.cat_file, key, start=start, end=end))
    return digest.hexdigest()
