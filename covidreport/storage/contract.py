"""The contract of a run as people wrote it into run.json, and as an ONNX file states it.

A word that does not fit is refused by name, with where it stands and what is wanted, and all of
them at once; nothing is read as something near it. The rest of run.json is kept and shown.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from covidreport.errors import RunError, StoreError
from covidreport.storage.files import format_path, read_text
from covidreport.storage.words import (
    LARGEST,
    MEANT,
    NOTES,
    PREFIX,
    RUN_SCHEMA,
    SMALLEST,
    VERSION,
    WORDS,
    DataWords,
    ExportWords,
    InputWords,
    RunWords,
)

MOST_RUN_BYTES: Final = 16 * 2**20
"""A run.json holds settings; one of more is no run.json."""
MOST_DEPTH: Final = 32
_SHOWN = 60
_MISSPELT = 0.8
"""How alike two words are of which one is taken for the other, misspelt."""
_INNER: Final[Mapping[str, type[Struct]]] = {
    "data": DataWords, "input": InputWords, "export": ExportWords,
}  # fmt: skip


class RunFile(Struct, frozen=True):
    """What a run.json says, without what does not fit, and what that is."""

    settings: Mapping[str, Any]
    faults: tuple[str, ...] = ()


def read_run_file(path: Path) -> RunFile:
    """Read a run.json, whatever it holds: it never raises, and nothing in it is guessed."""
    try:
        settings = _parse(read_text(path, MOST_RUN_BYTES), format_path(path))
    except StoreError as error:
        return RunFile({}, (str(error),))
    faults = find_faults(settings, RunWords)
    wrong = {fault.word.split(".")[0] for fault in faults}
    said = "; ".join(fault.sentence for fault in faults)
    return RunFile(
        {key: _plain(value) for key, value in settings.items() if key not in wrong},
        (f"{format_path(path)}: {said}",) if faults else (),
    )


def read_input_words(described: Mapping[str, Any]) -> InputWords:
    """The words of `input` in run.json, typed; RunError with everything that does not fit."""
    faults = find_faults(described, InputWords)
    if faults:
        raise RunError(refuse(fault.sentence for fault in faults))
    return msgspec.convert(dict(described), InputWords)


def read_stated_words(metadata: Mapping[str, str]) -> InputWords:
    """The words that a file's metadata states, typed; values there are JSON.

    RunError with everything that does not fit, and for a file of a newer contract. What else
    stands under our prefix is a note of another tool and no word of the contract, unless it is one
    of them misspelt.
    """
    words: dict[str, Any] = {}
    sentences = []
    for key, text in metadata.items():
        word = key.removeprefix(PREFIX)
        if not key.startswith(PREFIX) or word in NOTES:
            continue
        if word not in (*WORDS, "contract"):
            near = difflib.get_close_matches(word, WORDS, 1, _MISSPELT)
            if near:  # nobody would notice that it is not read
                sentences.append(f"the model's metadata {key} is no word of it, `{near[0]}` is")
            continue
        try:
            words[word] = json.loads(text)
        except (ValueError, RecursionError):
            sentences.append(f"the model's metadata {key} is not JSON: {_show(text)}")
    version = words.pop("contract", VERSION)
    if version != VERSION:
        raise RunError(
            f"the model's contract is version {version!r}, this covidreport reads {VERSION!r}; "
            "use the newer covidreport"
        )
    faults = find_faults(words, InputWords)
    sentences += [f"{fault.sentence} (the model's metadata says so)" for fault in faults]
    if sentences:
        raise RunError(refuse(sentences))
    return msgspec.convert(words, InputWords)


def refuse(faults: Iterator[str] | Sequence[str]) -> str:
    """The sentence by which a contract is refused, for all its faults."""
    return "the model's contract can't be used: " + "; ".join(faults)


class Fault(Struct, frozen=True):
    """A word that does not fit: its path, such as `input.size`, and a sentence about it."""

    word: str
    sentence: str


def find_faults(words: Mapping[str, Any], kind: type[Struct], prefix: str = "") -> list[Fault]:
    """Everything in `words` that does not fit a Struct, each word by itself."""
    fields = _list_words(kind)
    forbids = kind.__struct_config__.forbid_unknown_fields
    found: list[Fault] = []
    for word, value in words.items():
        path = f"{prefix}{word}"
        if word not in fields:
            if forbids:
                found.append(Fault(path, f"`{path}` is no word of a contract{_nearest(word)}"))
        elif not _fits(word, value, fields[word]):
            wanted = fields[word].__metadata__[-1].description
            found.append(Fault(path, f"`{path}` is {_show(value)}; {wanted}"))
        elif word in _INNER and isinstance(value, Mapping) and kind is RunWords:
            found += find_faults(value, _INNER[word], f"{path}.")
    return found


@cache
def _list_words(kind: type[Struct]) -> Mapping[str, Any]:
    """The words of a Struct and their types, which take milliseconds to resolve."""
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _fits(word: str, value: object, wanted: Any) -> bool:
    """Whether a value is of a word's type, and what no type says."""
    try:
        given = msgspec.convert(value, wanted)
    except (msgspec.ValidationError, OverflowError, UnicodeError):
        return False
    if word == "labels":
        names = [name for name in given if name is not None]
        return 0 < len(names) == len(set(names))
    if word == "range":
        return all(map(math.isfinite, given)) and _is_usable(given[1] - given[0], False)
    if word == "channels":
        return given in (1, 3)
    if word in ("divisor", "std", "mean") and given is not None:
        numbers = given if isinstance(given, tuple) else (given,)
        return bool(numbers) and all(_is_usable(number, word == "mean") for number in numbers)
    return True


def _is_usable(number: float, zero: bool) -> bool:
    return (zero and number == 0) or SMALLEST <= abs(number) <= LARGEST


def _nearest(word: str) -> str:
    meant = MEANT.get(word.lower().replace("-", "_"))
    near = [meant] if meant else difflib.get_close_matches(word.lower(), WORDS, 1)
    return f" (`{near[0]}` is one)" if near else f"; {', '.join(WORDS)} are"


def _show(value: object) -> str:
    """A value as a sentence quotes it: on one line, and not all of a long one."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _parse(text: str, source: str) -> dict[str, Any]:
    """The object in a run.json; StoreError where it is none, or of another schema."""
    twice: list[str] = []

    def take(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            keys = [key for key, _ in pairs]
            twice.extend(key for key in value if keys.count(key) > 1)
        return value

    try:
        value = json.loads(text, object_pairs_hook=take)
    except json.JSONDecodeError as error:
        raise StoreError(f"{source}: is not valid JSON ({error})") from error
    except ValueError as error:
        raise StoreError(f"{source}: holds a number of too many digits") from error
    except RecursionError as error:
        raise StoreError(f"{source}: {_TOO_DEEP}") from error
    if not isinstance(value, dict):
        raise StoreError(f"{source}: holds {type(value).__name__}, expected an object")
    if value.get("schema") != RUN_SCHEMA:
        raise StoreError(
            f"{source}: its schema is {_show(value.get('schema'))}, this version reads "
            f'{RUN_SCHEMA!r}; write "schema": "{RUN_SCHEMA}" into it, or use the newer covidreport'
        )
    if twice:
        names = ", ".join(f"`{_show(key)[1:-1]}`" for key in dict.fromkeys(twice))
        raise StoreError(
            f"{source}: {names} stands twice in one object; keep the one that is meant"
        )
    if _depth(value) > MOST_DEPTH:
        raise StoreError(f"{source}: {_TOO_DEEP}")
    return value


_TOO_DEEP = f"is nested more than {MOST_DEPTH} levels deep, which is no run.json"


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    return depth


def _plain(value: Any) -> Any:
    """A free value as every format can hold it: no NaN, no half of a character."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value if value.isprintable() else _mend(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _mend(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
