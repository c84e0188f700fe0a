"""What this machine made: a record in the cache, never in a run folder.

A run folder travels, and whoever hands it in can write anything into it: its scores, and every file
that vouches for them, are claims. The cache folder is this machine's own and is trusted. A record
says by digest which files were made here; one that is lost costs time and nothing else. The version
of covidreport is no part of it: files of an earlier version stay what they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from covidreport.errors import StoreError
from covidreport.records import Evaluation, Run
from covidreport.storage.cache import (
    encode_facts,
    name_entry,
    read_cached_bytes,
    remove_cached,
    write_cached_bytes,
)
from covidreport.storage.evaluation import read_thresholds
from covidreport.storage.files import digest_file
from covidreport.storage.folder import (
    EVALUATION_FILE,
    SCORES_FILE,
    THRESHOLDS_FILE,
    evaluation_folder,
)

KIND = "made-here"
SCHEMA = "covidreport.made-here/2"

_Facts = Mapping[str, str]


class MadeHere:
    """What is known to have been made here: by this process, and as the cache's records say.

    Without a cache this process alone is known. Whatever can't be read or written is not known;
    nothing here raises. use_cache: whether the cache may be written to.
    """

    def __init__(self) -> None:
        self._own: set[str] = set()

    def note_evaluation(self, run: Run, evaluation: Evaluation, *, use_cache: bool = True) -> None:
        """Note that both files of an evaluation, as they stand now, were computed here."""
        self._note(_describe_evaluation(run, evaluation), use_cache=use_cache)

    def has_evaluation(self, run: Run, evaluation: Evaluation) -> bool:
        """Whether its scores and its evaluation.json, by their bytes, were computed here."""
        return self._has(_describe_evaluation(run, evaluation))

    @contextmanager
    def rewriting(
        self, run: Run, evaluation: Evaluation, *, use_cache: bool = True
    ) -> Iterator[None]:
        """Around code that writes the files of an evaluation anew from its own scores.

        What was made here before is afterwards, and what was not is not.
        """
        own = self.has_evaluation(run, evaluation)
        yield
        if own:
            self.note_evaluation(run, evaluation, use_cache=use_cache)

    def note_thresholds(self, run_folder: Path) -> None:
        """Note that the run's thresholds.json, as it stands now, was tuned here."""
        self._note(_describe_thresholds(run_folder), use_cache=True)

    def has_thresholds(self, run_folder: Path) -> bool:
        """Whether the run's thresholds.json, by its bytes, was tuned here."""
        return self._has(_describe_thresholds(run_folder))

    def note_part(self, file: Path) -> None:
        """Note that a part.json, as it stands now, is of scores that were computed here."""
        self._note(_describe_part(file), use_cache=True)

    def has_part(self, file: Path) -> bool:
        """Whether a part.json, by its bytes, is of scores that were computed here."""
        return self._has(_describe_part(file))

    def has_tuned(self, run: Run, evaluation: Evaluation) -> bool | None:
        """Whether an evaluation's thresholds are of a thresholds.json that was tuned here.

        None where they are not the run's own.
        """
        if not evaluation.origin.tuned:
            return None
        if run.members:
            recorded = {each.run: each.thresholds for each in evaluation.facts.folds}
            return all(
                self._has_tuned(each.folder, recorded.get(each.name, {})) for each in run.members
            )
        return self._has_tuned(run.folder, evaluation.thresholds)

    def _has_tuned(self, run_folder: Path, thresholds: Mapping[str, float]) -> bool:
        try:
            tuned = read_thresholds(run_folder)
        except StoreError:
            return False
        if tuned is None or not self.has_thresholds(run_folder):
            return False
        shared = [label for label in tuned.fits if label in thresholds]
        return bool(shared) and all(
            thresholds[label] == tuned.fits[label].threshold for label in shared
        )

    def note_checkpoint(self, token: str, *, use_cache: bool = True) -> None:
        """Note that an unfinished evaluation with this token was begun here."""
        self._note(_name_checkpoint(token), use_cache=use_cache)

    def forget_checkpoint(self, token: str) -> None:
        """Delete the record of an evaluation that is finished."""
        remove_cached(KIND, name_entry(_name_checkpoint(token)))

    def has_checkpoint(self, token: str) -> bool:
        """Whether an unfinished evaluation with this token was begun here."""
        return self._has(_name_checkpoint(token))

    def _note(self, facts: _Facts | None, *, use_cache: bool) -> None:
        if facts is None:
            return
        name = name_entry(facts)
        self._own.add(name)
        if use_cache:
            write_cached_bytes(KIND, name, encode_facts(facts))

    def _has(self, facts: _Facts | None) -> bool:
        if facts is None:
            return False
        name = name_entry(facts)
        return name in self._own or read_cached_bytes(KIND, name) == encode_facts(facts)


def _describe_evaluation(run: Run, evaluation: Evaluation) -> _Facts | None:
    """None where a file is missing, or there is no model that could have given the scores.

    What run.json says of the model's input is part of it: the same files beside another
    description are not what that model answers.
    """
    key = evaluation.facts.key
    parts = run.members or (run,)
    if key is None or any(each.model is None for each in parts):
        return None
    folder = evaluation_folder(run.folder, evaluation.key)
    scores, figures = _digest(folder / SCORES_FILE), _digest(folder / EVALUATION_FILE)
    if scores is None or figures is None:
        return None
    inputs = [each.described for each in parts]
    said = inputs if run.members else inputs[0]
    described = json.dumps(said, sort_keys=True, default=str)
    return {
        "schema": SCHEMA, "what": "evaluation", "key": key, "scores": scores,
        "evaluation": figures, "input": described,
    }  # fmt: skip


def _name_checkpoint(token: str) -> _Facts:
    return {"schema": SCHEMA, "what": "partial", "token": token}


def _describe_thresholds(run_folder: Path) -> _Facts | None:
    digest = _digest(run_folder / THRESHOLDS_FILE)
    if digest is None:
        return None
    return {"schema": SCHEMA, "what": "thresholds", "sha256": digest}


def _describe_part(file: Path) -> _Facts | None:
    """part.json has the digest of its rows."""
    digest = _digest(file)
    return None if digest is None else {"schema": SCHEMA, "what": "part", "sha256": digest}


def _digest(file: Path) -> str | None:
    """None for what is no file, or can't be read: a pipe would be waited for without end."""
    try:
        return digest_file(file) if file.is_file() else None
    except OSError:
        return None
