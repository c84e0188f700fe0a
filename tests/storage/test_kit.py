"""kit.zip: what was sealed is read back, and a kit that is not as it was sealed is refused by
name, before anything of it can be loaded."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from covidreport.errors import StoreError, UsageError
from covidreport.records import Kit
from covidreport.storage.kit import (
    KIT,
    KIT_FILE,
    encode_answer,
    encode_kit,
    name_kit,
    read_answer,
    read_kit,
    seal_member,
    stays_inside,
    unpack_kit,
    write_kit,
)
from tests.damage import DAMAGES

WRITTEN = Path(__file__).parents[1] / "data" / "kit" / "1"
FILES = {
    "runs/1/model.onnx": bytes(range(256)) * 40,
    "runs/1/run.json": b'{"schema": "covidreport.run/1"}\n',
    "runs/1/weights/part.bin": b"w" * 5_000,
}


@pytest.fixture
def sealed(tmp_path):
    """A kit, and the files that it is of."""
    files = {}
    for name, data in FILES.items():
        files[name] = tmp_path / "from" / name
        files[name].parent.mkdir(parents=True, exist_ok=True)
        files[name].write_bytes(data)
    members = {name: seal_member(file) for name, file in sorted(files.items())}
    kit = Kit("covid-19", (), 5, (), members)
    write_kit(tmp_path / "kit.zip", kit, files)
    return tmp_path / "kit.zip"


def _unpack(path: Path) -> Path:
    to = path.with_name("to")
    shutil.rmtree(to, ignore_errors=True)
    unpack_kit(path, to)
    return to


def _refuse(path: Path, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        _unpack(path)


def rewrite(path: Path, change, manifest=None) -> None:
    """The archive once more, each member by `change(info, data)`, a list of infos and bytes."""
    with zipfile.ZipFile(path) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for info, data in members:
            if info.filename == KIT_FILE and manifest is not None:
                document = json.loads(data)
                manifest(document)
                archive.writestr(info, json.dumps(document))
                continue
            for name, told in change(info, data):
                archive.writestr(name, told)


def keep(info, data):
    """A member as it is."""
    return [(info, data)]


def test_what_is_sealed_is_read_back(sealed):
    """Byte for byte, in the folders; the digest is that of kit.json."""
    to = _unpack(sealed)
    found = {path.relative_to(to).as_posix(): path.read_bytes() for path in to.rglob("*.*")}
    assert found == FILES
    with zipfile.ZipFile(sealed) as archive:
        assert archive.namelist() == [KIT_FILE, *sorted(FILES)]
        assert archive.read(KIT_FILE) == encode_kit(read_kit(sealed))
    assert len(name_kit(read_kit(sealed))) == 64


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_changed_member_is_refused_by_name(sealed, name):
    """With its check sum in the archive as before, and with one that fits."""
    with zipfile.ZipFile(sealed) as archive:
        info = archive.getinfo(name)
        start = info.header_offset + 30 + len(name.encode())
    data = bytearray(sealed.read_bytes())
    data[start + 3] ^= 1
    changed = sealed.with_name("changed.zip")
    changed.write_bytes(data)
    _refuse(changed, f"{name}: was changed since the kit was sealed")
    rewrite(
        sealed, lambda info, told: [(info, told[:-1] + b"?" if info.filename == name else told)]
    )
    _refuse(sealed.rename(sealed.with_name("again.zip")), f"{name}: was changed since")


def test_a_changed_manifest_is_another_kit_or_none(sealed):
    """A digest in it no longer fits; any other change gives another digest of the kit."""
    before = name_kit(read_kit(sealed))

    def forge(document):
        document["members"]["runs/1/run.json"]["sha256"] = "0" * 64

    forged = sealed.with_name("forged.zip")
    forged.write_bytes(sealed.read_bytes())
    rewrite(forged, keep, forge)
    _refuse(forged, "run.json: was changed since the kit was sealed")
    rewrite(sealed, keep, lambda document: document.update(target="normal"))
    assert name_kit(read_kit(sealed)) != before


@pytest.mark.parametrize(
    "name",
    ["../out.txt", "/out.txt", "runs/../../out.txt", "runs\\..\\out.txt", "C:/out.txt", "runs//x",
     "runs/1/con. ", "runs/1/\x1b[2J", "", "runs/.", "runs/1/"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(sealed, name):
    """Whether the manifest has it too, or the archive alone; nothing is written anywhere."""
    assert not stays_inside(name)

    def add(document):
        document["members"][name] = document["members"]["runs/1/run.json"]

    both, alone = (sealed.with_name(f"{each}.zip") for each in ("both", "alone"))
    for path, manifest in ((both, add), (alone, None)):
        path.write_bytes(sealed.read_bytes())
        rewrite(path, keep, manifest)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name or "x", FILES["runs/1/run.json"])
        with pytest.raises(StoreError):
            _unpack(path)
    assert not sealed.with_name("to").exists()
    assert not sealed.with_name("out.txt").exists()


def test_what_is_no_plain_stored_file_is_refused(sealed):
    """Links, compressed ones (a bomb is one), ones that are missing, given twice or not sealed."""
    name = "runs/1/run.json"
    original = sealed.read_bytes()

    def link(info, data):
        if info.filename == name:
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
        return [(info, data)]

    def compress(info, data):
        if info.filename == name:
            info.compress_type = zipfile.ZIP_DEFLATED
        return [(info, data)]

    def lose(info, data):
        return [] if info.filename == name else [(info, data)]

    for change, said in (
        (link, f"{name}: is no plain file"),
        (compress, f"{name}: is compressed"),
        (lose, f"'{name}' was sealed and is missing"),
        (lambda info, data: [(info, data), (f"{info.filename}.more", b"x")], "was not sealed"),
    ):
        sealed.write_bytes(original)
        rewrite(sealed, change)
        _refuse(sealed, said)
    sealed.write_bytes(original)
    with zipfile.ZipFile(sealed, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(name, FILES[name])
    _refuse(sealed, f"'{name}' is there twice")


def test_a_bomb_is_refused_before_it_is_unpacked(sealed):
    """A member that is larger than sealed; parts of one file that are each sealed as all of it; a
    manifest without end."""
    original = sealed.read_bytes()
    more = b"x" * 10**6
    rewrite(sealed, lambda info, data: [(info, data + more * (info.filename != KIT_FILE))])
    _refuse(sealed, "has 1,0.* bytes where .* are sealed")
    sealed.write_bytes(original)

    def enlarge(document):
        for each in document["members"].values():
            each["bytes"] = 2**40

    rewrite(sealed, keep, enlarge)
    _refuse(sealed, "is smaller than the .* bytes that it says it holds")
    with zipfile.ZipFile(sealed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(KIT_FILE, b" " * (64 * 2**20))
    _refuse(sealed, f"{KIT_FILE}: is compressed")
    assert not list(sealed.parent.glob("to/**/*.onnx"))


def test_the_sizes_of_an_archive_can_lie(sealed):
    """A directory that states another length or place than the member has."""
    data = bytearray(sealed.read_bytes())
    entry = data.index(b"PK\x01\x02")
    for offset in (20, 24, 42):  # compressed size, size, place
        changed = bytearray(data)
        changed[entry + offset : entry + offset + 4] = struct.pack("<I", 10_000_000)
        path = sealed.with_name("lies.zip")
        path.write_bytes(changed)
        with pytest.raises(StoreError, match=r"lies\.zip"):
            _unpack(path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_no_kit(sealed, damage):
    """Whatever a disk makes of it is one error that names it."""
    damage(sealed)
    _refuse(sealed, r"kit\.zip")


def test_a_kit_of_other_words_is_refused(sealed):
    """No manifest, no object, another version, a field that is none."""
    original = sealed.read_bytes()
    for text, said in (
        (None, "holds no kit.json, and is no kit"),
        ("[]", "holds no object"),
        ("{", "can't be read"),
        ("[" * 100_000, "can't be read"),
        ('{"schema": "covidreport.kit/9"}', "its schema is 'covidreport.kit/9'"),
        ('{"schema": "covidreport.kit/1", "target": 3}', "is not a whole kit"),
    ):
        sealed.write_bytes(original)
        with zipfile.ZipFile(sealed, "w") as archive:
            archive.writestr(KIT_FILE if text else "x", text or "")
        _refuse(sealed, said)


def test_another_kit_is_not_written_over(sealed, tmp_path):
    """The same one is; nothing is left beside it."""
    files = {name: tmp_path / "from" / name for name in FILES}
    kit = read_kit(sealed)
    write_kit(sealed, kit, files)
    other = Kit("normal", (), 5, (), kit.members)
    with pytest.raises(UsageError, match="is there already, and is not this kit"):
        write_kit(sealed, other, files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "kit.zip"]
    files["runs/1/run.json"].write_bytes(b"changed")
    with pytest.raises(StoreError, match="was changed while it was sealed"):
        write_kit(tmp_path / "late.zip", kit, files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "kit.zip"]


@pytest.mark.parametrize("name", ["kit", "answer"])
def test_files_of_the_first_version_are_read_and_written_as_they_were(name):
    """Both stay with people who can't make them again."""
    file = WRITTEN / f"{name}.json"
    if name == "kit":
        kit = KIT.decode(json.loads(file.read_text()), str(file))
        assert encode_kit(kit).decode() == file.read_text()
    else:
        answer, digest = read_answer(file)
        assert encode_answer(answer) == file.read_text()
        assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
