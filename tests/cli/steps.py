"""Commands on one study, one after the other, and what each said."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec import Struct


class Said(Struct):
    """What each command said, by its name, and when `file` was written as it had ended."""

    folder: Path
    code: dict[str, int]
    out: dict[str, str]
    err: dict[str, str]
    stamps: dict[str, int]


def run_steps(
    covidreport: Callable, folder: Path, steps: Mapping[str, tuple[str, ...]], last: str, file: str
) -> Said:
    """Run `steps` in `folder`, which nobody changes afterwards.

    `first` has the run folders as they were before `last`, which puts others in their place. file:
    in `runs`; its stamp is 0 as long as it is not there.
    """
    said = Said(folder, {}, {}, {}, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, words in steps.items():
            if name == last:
                shutil.copytree("runs", "first")
            done = covidreport(*words)
            said.code[name], said.out[name], said.err[name] = done.code, done.out, done.err
            written = folder / "runs" / file
            said.stamps[name] = written.stat().st_mtime_ns if written.exists() else 0
    return said
