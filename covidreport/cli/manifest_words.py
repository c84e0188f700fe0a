"""`[manifest]` written out as TOML: the words that say other than what holds without them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from msgspec import Struct

from covidreport.dataset import ManifestSettings

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_words(words: ManifestSettings) -> list[str]:
    """The lines of the table, its head first."""
    usual = ManifestSettings()
    return [
        "[manifest]",
        *(
            f"{name} = {_write(value)}"
            for name in ManifestSettings.__struct_fields__
            if (value := getattr(words, name)) != getattr(usual, name)
        ),
    ]


def _write(value: object) -> str:
    if isinstance(value, Struct):
        kept = {name: getattr(value, name) for name in value.__struct_fields__}
        return _write({name: each for name, each in kept.items() if each not in (None, {}, ())})
    if isinstance(value, Mapping):
        pairs = (f"{_write_key(key)} = {_write(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_write, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _write_key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
