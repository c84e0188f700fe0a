"""kit.zip and answer.json: sealed runs as one file, and what comes back of it.

A kit is a zip archive of stored (not compressed) files: kit.json first, then those that it names
with their sizes and digests, in the order of their names and with one date, so that the same runs
give the same bytes. It is trusted for nothing: whatever is in it is checked before any of it is
loaded. Its digests show that it was changed, not who made it: there is no signature.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from covidreport.errors import StoreError, UsageError, WriteError
from covidreport.records import Answer, Kit, SealedMember
from covidreport.storage.address import find_address, refuse_address
from covidreport.storage.codec import FileFormat, encode, format_json
from covidreport.storage.files import digest_file, format_path, open_file, read_bytes, read_text
from covidreport.storage.objects import copy_to_store
from covidreport.storage.write import encode_text

KIT_FILE: Final = "kit.json"
MOST_MANIFEST_BYTES: Final = 16 * 2**20
MOST_ANSWER_BYTES: Final = 64 * 2**20
MOST_MEMBERS: Final = 10_000
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = (stat.S_IFREG | 0o644) << 16
_PIECE: Final = 1 << 20
_BROKEN: Final = (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError, struct.error)
"""What opening an archive raises that is none, or was changed."""

KIT: Final = FileFormat(
    "covidreport.kit/1", Kit, "is not a whole kit", "ask for the kit again",
)  # fmt: skip
ANSWER: Final = FileFormat(
    "covidreport.answer/1", Answer, "is not a whole answer", "ask for the answer again",
)  # fmt: skip


def encode_kit(kit: Kit) -> bytes:
    """The bytes of kit.json, whose sha256 the kit is known by."""
    return encode_text(f"{format_json(encode(KIT.encode(kit)))}\n")


def name_kit(kit: Kit) -> str:
    """The sha256 that the kit is known by."""
    return hashlib.sha256(encode_kit(kit)).hexdigest()


def seal_member(file: Path) -> SealedMember:
    """What a file is known by in a kit."""
    return SealedMember(digest_file(file), file.stat().st_size)


def write_kit(path: Path, kit: Kit, files: Mapping[str, Path]) -> None:
    """Put a kit at `path`, whole or not at all; files: those that it names, by their names.

    UsageError where another file stands there: a kit that was sent has to stay for its answers.
    WriteError where it can't be written.
    """
    address = find_address(path)
    try:
        if address is None:
            refuse_address(path)
            path.parent.mkdir(parents=True, exist_ok=True)
        beside = None if address else path.parent
        handle, name = tempfile.mkstemp(prefix=".kit-", suffix=".part", dir=beside)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                _write_archive(stream, kit, files)
            if path.exists() and digest_file(path) != digest_file(temporary):
                raise UsageError(
                    f"{format_path(path)}: is there already, and is not this kit: name another "
                    "--output, since answers to a kit need the kit itself"
                )
            if address is not None:
                copy_to_store(temporary, str(address))
                return
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(
            f"{format_path(path)}: can't be written ({error.strerror or error}); make room or "
            "choose another folder"
        ) from error


def _write_archive(stream: Any, kit: Kit, files: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_describe_member(KIT_FILE), encode_kit(kit))
        for name in sorted(files):
            info = _describe_member(name)
            info.file_size = kit.members[name].bytes
            digest = hashlib.sha256()
            with open_file(files[name]) as source, archive.open(info, "w") as member:
                while piece := source.read(_PIECE):
                    digest.update(piece)
                    member.write(piece)
            if digest.hexdigest() != kit.members[name].sha256:
                raise StoreError(f"{format_path(files[name])}: was changed while it was sealed")


def _describe_member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system, info.external_attr = 3, _MODE  # as on Linux, wherever it is made
    return info


def read_kit(path: Path) -> Kit:
    """What a kit says of itself; nothing else of it is read. StoreError where it is none."""
    with _open_archive(path) as archive:
        return _read_manifest(path, archive)


def unpack_kit(path: Path, folder: Path) -> Kit:
    """Put the files of a kit below `folder`, every one checked before anybody can load it.

    StoreError that names the first file which is not as it was sealed, too large, compressed, given
    twice, no plain file, or would lie outside of the folder: then nothing of it is to be used.
    """
    with _open_archive(path) as archive:
        kit = _read_manifest(path, archive)
        infos = _check_names(path, archive, kit)
        for name in sorted(kit.members):
            _unpack(path, archive, infos[name], kit.members[name], folder / name)
    return kit


@contextmanager
def _open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    with open_file(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except _BROKEN as error:
            raise StoreError(
                f"{format_path(path)}: is no kit ({error}); ask for it again"
            ) from error
        with archive:
            yield archive


def _read_manifest(path: Path, archive: zipfile.ZipFile) -> Kit:
    where = f"{format_path(path)}, {KIT_FILE}"
    try:
        info = archive.getinfo(KIT_FILE)
        _check_plain(where, info, MOST_MANIFEST_BYTES)
        with archive.open(info) as stream:
            value = json.loads(stream.read(MOST_MANIFEST_BYTES + 1).decode("utf-8"))
    except KeyError as error:
        raise StoreError(f"{format_path(path)}: holds no {KIT_FILE}, and is no kit") from error
    except (*_BROKEN, RecursionError) as error:
        raise StoreError(f"{where}: can't be read ({error}); ask for the kit again") from error
    if not isinstance(value, dict):
        raise StoreError(f"{where}: holds no object; ask for the kit again")
    return KIT.decode(value, where)


def _check_names(path: Path, archive: zipfile.ZipFile, kit: Kit) -> Mapping[str, zipfile.ZipInfo]:
    """Each file of the archive by its name, where these are just the ones that are sealed."""
    infos = archive.infolist()
    times = Counter(info.filename for info in infos)
    strange = [name for name in times if name != KIT_FILE and name not in kit.members]
    missing = [name for name in kit.members if name not in times]
    twice = [name for name, count in times.items() if count > 1]
    unsafe = [name for name in kit.members if not stays_inside(name)]
    for names, why in (
        (unsafe, "would lie outside of the kit's folder"),
        (strange, "was not sealed"),
        (missing, "was sealed and is missing"),
        (twice, "is there twice"),
    ):
        if names:
            raise StoreError(f"{format_path(path)}: {names[0]!r} {why}; nothing of it was opened")
    if len(infos) > MOST_MEMBERS:
        raise StoreError(f"{format_path(path)}: holds {len(infos):,} files, which is no kit")
    total = sum(each.bytes for each in kit.members.values())
    if total > path.stat().st_size:  # parts of the archive would be unpacked several times
        raise StoreError(
            f"{format_path(path)}: is smaller than the {total:,} bytes that it says it holds; "
            "nothing of it was opened"
        )
    for info in infos:
        if info.filename != KIT_FILE:
            most = kit.members[info.filename].bytes
            _check_plain(f"{format_path(path)}, {info.filename}", info, most)
    return {info.filename: info for info in infos}


def stays_inside(name: str) -> bool:
    """Whether a name leads to a file below a folder, on any system."""
    parts = name.split("/")
    plain = name.isprintable() and not set(name) & set('\\:*?"<>|')
    return plain and all(part and part == part.strip(". ") for part in parts)


def _check_plain(where: str, info: zipfile.ZipInfo, most_bytes: int) -> None:
    """StoreError unless it is a stored, plain file of at most so many bytes."""
    if info.is_dir() or stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        raise StoreError(f"{where}: is no plain file; nothing of the kit was opened")
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise StoreError(f"{where}: is compressed, which no kit is; nothing of it was opened")
    if info.file_size > most_bytes:
        raise StoreError(
            f"{where}: has {info.file_size:,} bytes where {most_bytes:,} are sealed; nothing of "
            "the kit was opened"
        )


def _unpack(
    path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, sealed: SealedMember, to: Path
) -> None:
    where = f"{format_path(path)}, {info.filename}"
    digest, size = hashlib.sha256(), 0
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        with to.open("xb") as file, archive.open(info) as stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                digest.update(piece)
                file.write(piece)
    except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, struct.error):
        size = -1  # what its own check sum says is not what was sealed either
    if (digest.hexdigest(), size) != (sealed.sha256, sealed.bytes):
        raise StoreError(
            f"{where}: was changed since the kit was sealed; nothing of it was loaded: ask for the "
            "kit again"
        )


def read_answer(path: Path) -> tuple[Answer, str]:
    """An answer, and the sha256 of its file; StoreError where it is none."""
    data = read_bytes(path, MOST_ANSWER_BYTES)
    source = format_path(path)
    try:
        value = json.loads(read_text(path, MOST_ANSWER_BYTES))
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{source}: is not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise StoreError(f"{source}: holds no object, and is no answer")
    return ANSWER.decode(value, source), hashlib.sha256(data).hexdigest()


def encode_answer(answer: Answer) -> str:
    """The text of answer.json: what is shown, and what is sent."""
    return f"{format_json(encode(ANSWER.encode(answer)))}\n"
