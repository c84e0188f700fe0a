"""Records to JSON and back: the one place that does it, for whatever the program writes itself.

A field that nobody knows is passed over, so that newer files stay readable; one that is known and
holds something else is refused, with its path, before anybody computes with it. NaN and infinity
are neither written nor read: what is undefined is null.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
import numpy as np
from msgspec import Struct, field

from covidreport.errors import StoreError
from covidreport.storage.files import format_path, read_text
from covidreport.storage.write import encode_text, write_atomic

T = TypeVar("T")
Document: TypeAlias = dict[str, Any]
"""An object of JSON."""
_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_write_key = lru_cache(maxsize=4096)(_write)
_ENDLESS = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")
"""How MessagePack begins a number whose exponent is all ones; others may hold these bytes, too."""
_NESTED = {dict, list, tuple}
"""What may hold more."""


def decode(value: object, kind: type[T], source: str = "$") -> T:
    """A record, or a list or mapping of records, from what JSON holds.

    Raises StoreError with what does not fit and where, such as `$.counts[...].fn`; source:
    what stands for `$`.
    """
    try:
        _check_finite(value)
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        said = str(error).encode("utf-8", "backslashreplace").decode()
        if " - at `" not in said:
            said += " - at `$`"
        raise StoreError(said.replace("`$", f"`{source}")) from error


def encode(value: object) -> Any:
    """The same in the types that JSON has, fields in their order; ValueError for NaN or infinity.

    Paths have forward slashes, NumPy's numbers become Python's.
    """
    plain = msgspec.to_builtins(value, enc_hook=_plain)
    try:
        _check_finite(plain)
    except msgspec.ValidationError as error:
        raise ValueError(f"not JSON compliant: {error}") from error
    return plain


def _check_finite(value: object) -> None:
    """msgspec would write such a number as null, without a word."""
    try:
        if not _ENDLESS.search(msgspec.msgpack.encode(value)):  # a tenth of the time of JSON
            return
    except (TypeError, ValueError, OverflowError):  # what MessagePack can't hold
        pass
    _name_endless(value, "$")


def _name_endless(value: object, path: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise msgspec.ValidationError(f"A number without end - at `{path}`")
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, float | dict | list | tuple):
                _name_endless(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, float | dict | list | tuple):
                _name_endless(item, f"{path}[...]")


def _plain(value: object) -> object:
    """What msgspec does not know: paths, NumPy's numbers, mappings that are no dict."""
    if isinstance(value, Path):
        return format_path(value.as_posix())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} can't be written as JSON")


class FileFormat(Struct, Generic[T], frozen=True):
    """A kind of file that the program writes: its version, its record, what came before."""

    schema: str
    """The first key of the file."""
    record: type[T]
    fault: str
    """What is said of a file that does not fit, such as `is not a whole evaluation`."""
    remedy: str
    """How the file is made again."""
    migrations: Mapping[str, Callable[[Document], Document]] = field(default_factory=dict)
    """By the schema of an earlier version: the step to the version after it."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By field of the record: the key that it has in the file, where that is another word."""
    check: Callable[[T], None] = lambda _: None
    """Raises StoreError for what no type says."""

    @property
    def family(self) -> str:
        """The schema without its version."""
        return self.schema.partition("/")[0]

    def read(self, path: Path) -> T:
        """The record in a file; StoreError where it is missing, broken or of another schema."""
        return self.decode(read_json(path), format_path(path))

    def decode(self, value: Document, source: str) -> T:
        """The record in an object of this version or an earlier one; StoreError that names
        `source`."""
        while isinstance(value.get("schema"), str) and value["schema"] in self.migrations:
            value = self.migrations[value["schema"]](value)
        _check_schema(value, self.schema, source)
        try:
            record = decode(self._rename(value), self.record)
            self.check(record)
        except StoreError as error:
            said = self._name_keys(str(error))
            raise StoreError(f"{source}: {self.fault} ({said}); {self.remedy}") from error
        return record

    def encode(self, record: T) -> Document:
        """The object of the file: the schema, then the fields."""
        fields: Document = encode(record)
        return {
            "schema": self.schema,
            **{self.names.get(name, name): value for name, value in fields.items()},
        }

    def _name_keys(self, said: str) -> str:
        """A fault with the keys of the file: who mends it sees no others."""
        for name, key in self.names.items():
            said = said.replace(f"`$.{name}", f"`$.{key}").replace(
                f"field `{name}`", f"field `{key}`"
            )
        return said

    def _rename(self, value: Document) -> Document:
        """The object with the record's names; those that files never have are none of theirs."""
        fields = {key: name for name, key in self.names.items()}
        return {fields.get(key, key): item for key, item in value.items() if key not in self.names}


def read_json(path: Path, schema: str | None = None) -> Document:
    """The object in a JSON file; StoreError where it is missing, broken or of another schema."""
    source = format_path(path)
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise StoreError(f"{source}: is not valid JSON ({error})") from error
    except RecursionError as error:
        raise StoreError(f"{source}: is nested too deeply") from error
    if not isinstance(value, dict):
        raise StoreError(f"{source}: holds {type(value).__name__}, expected an object")
    if schema is not None:
        _check_schema(value, schema, source)
    return value


def _check_schema(value: Document, schema: str, source: str) -> None:
    if value.get("schema") != schema:
        raise StoreError(
            f"{source}: its schema is {value.get('schema')!r}, this version reads {schema!r}; "
            "make the file again with the covidreport that is installed"
        )


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, atomically; a NaN or infinity in it is a ValueError."""
    write_atomic(path, lay_out_json(value))


def lay_out_json(value: object) -> bytes:
    """What `write_json` writes."""
    text = json.dumps(encode(value), indent=2, ensure_ascii=False)
    return encode_text(f"{text}\n")


def write_lines(path: Path, value: object) -> None:
    """As `write_json`, with an object or list of numbers and texts alone, such as an estimate, on
    one line."""
    write_atomic(path, lay_out_lines(value))


def lay_out_lines(value: object) -> bytes:
    """What `write_lines` writes."""
    return encode_text(f"{format_json(encode(value))}\n")


def format_json(value: Any, indent: str = "") -> str:
    """JSON in which only what holds objects or lists is spread over lines."""
    inner = value.values() if isinstance(value, dict) else value
    if type(value) not in _NESTED or _NESTED.isdisjoint(map(type, inner)):
        return _write(value)
    more = f"{indent}  "
    if isinstance(value, dict):
        lines = [
            f"{_write_key(str(key))}: {format_json(item, more)}" for key, item in value.items()
        ]
        return f"{{\n{more}" + f",\n{more}".join(lines) + f"\n{indent}}}"
    return f"[\n{more}" + f",\n{more}".join(format_json(v, more) for v in value) + f"\n{indent}]"
