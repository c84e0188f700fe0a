"""New runs made of others: two or three that answer as one, and one with a layer behind it.

Each is a run folder like any other. It was tried on drawn pictures before it stands there: the new
model answers what its parts' answers come to.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.combine.graph import import_onnx, write_combined, write_scaled
from covidreport.combine.layers import FittedLayer, fit_layer
from covidreport.combine.parts import OF_OUTPUTS, OpenedPart, match_parts, open_part
from covidreport.errors import RunError, StoreError, UsageError
from covidreport.evaluate.opening import open_model
from covidreport.evaluate.reference import answer_pictures, keep_reference
from covidreport.evaluate.thresholds import Thresholds
from covidreport.inference.contract import complete_words, state_words
from covidreport.inference.graph import describe_graph
from covidreport.inference.limits import find_largest_difference, find_limits
from covidreport.inference.session import Session
from covidreport.metrics import logit, to_logits
from covidreport.metrics.combined import CombinedBy, combine_logits
from covidreport.records import ARGMAX, SOFTMAX, Activation, Failure, ModelLimits, Run
from covidreport.storage.files import fits_name
from covidreport.storage.folder import MODEL_FILE, THRESHOLDS_FILE
from covidreport.storage.runs import read_run
from covidreport.store import read_thresholds, write_run
from covidreport.text import listed

DESCRIBED: Final[Mapping[CombinedBy, str]] = {
    "mean": "The mean of the probabilities of {}",
    "either": "Positive where one of them says so: {}",
    "majority": "Positive where two of them say so: {}",
}
_FITTED: Final = ("train_split", "validation_split")


class NewRun(Struct, frozen=True):
    """Where a new run is written; name: None for one that says what it was made of."""

    output: Path
    name: str | None = None
    limits: ModelLimits = ModelLimits()


def combine_runs(runs: Sequence[Run], by: CombinedBy, thresholds: Thresholds, into: NewRun) -> Run:
    """Write two or three runs as one, and give it.

    thresholds: what a vote is by; tuned: each run's own. UsageError where that number of runs does
    not vote so, and where the folder is taken; RunError where they do not take the same pixels and
    answer the same labels, or where the new model answers otherwise than what theirs come to.
    """
    if not 2 <= len(runs) <= 3 or (by == "majority" and len(runs) != 3):
        wanted = "three runs" if by == "majority" else "two or three runs"
        raise UsageError(
            f"{wanted} are wanted, and {len(runs)} found: {listed([run.name for run in runs])}"
        )
    import_onnx()
    parts = [open_part(run, into.limits) for run in runs]
    columns, activation = match_parts(parts, by)
    labels = tuple(parts[0].outputs[i] for i in columns[0])
    named = [label for label in labels if label is not None]
    voted = None
    if by != "mean":
        voted = [_read_thresholds(each, thresholds, named) for each in parts]
    words = _restate(parts[0])
    words |= {"labels": labels, "activation": activation}
    if activation == "softmax" and parts[0].spec.decision == ARGMAX:
        words["decision"] = ARGMAX
    rows = [list(each.by_label.values()) for each in voted or ()]

    def write(path: Path) -> None:
        given = [each.part(found) for each, found in zip(parts, columns, strict=True)]
        write_combined(path, given, by, rows, state_words(words))

    names = [each.run.name for each in parts]
    fitted = {split for each in parts for split in each.run.fitted_on}
    fitted |= {each.split for each in voted or () if each.split}
    made_of: dict[str, Any] = {
        "by": by,
        "runs": [_describe_part(each) for each in parts],
        "fitted_on": sorted(fitted),
    }
    if voted is not None:
        made_of["thresholds"] = {
            name: each.facts() for name, each in zip(names, voted, strict=True)
        }
    settings = {
        "name": into.name or f"{by}-{'-'.join(names)}",
        "description": DESCRIBED[by].format(listed(names)),
        "made_of": made_of,
        **_share_data(parts),
    }
    return _make(into, settings, write, lambda: (_expect(parts, by, voted, named), activation))


def recalibrate_run(
    run: Run, how: str, split: str, dataset: str | None, into: NewRun
) -> tuple[Run, FittedLayer]:
    """Write a run with a temperature or Platt layer behind it, fitted on its scores of a split.

    RunError where the run was trained on that split or has no scores of it, where no layer fits,
    or where the new model answers otherwise than its part and the layer say.
    """
    import_onnx()
    part = open_part(run, into.limits)
    fitted = fit_layer(part, how, split, dataset)
    softmax = part.spec.activation in SOFTMAX
    activation: Activation = "softmax-logit" if softmax else "logit"
    words = _restate(part)
    words |= {"labels": part.outputs, "activation": activation}
    if part.spec.decision == ARGMAX:
        words["decision"] = ARGMAX
    settings = {
        "name": into.name or f"{run.name}-{how}",
        "description": f"{run.name} with a {how} layer fitted on {fitted.split}",
        "made_of": {
            "by": how,
            "runs": [_describe_part(part)],
            "fitted_on": sorted({*run.fitted_on, fitted.split}),
            "layer": fitted.facts(part.outputs),
        },
        **_share_data([part]),
    }

    def expect() -> tuple[NDArray[np.floating], Activation]:
        scores, given = part.answer()
        if given == "softmax":
            powers = np.maximum(scores.astype(np.float64), 2.0**-24) ** fitted.layer.scales[0]
            return powers / powers.sum(axis=1, keepdims=True), "softmax"
        at = [part.outputs.index(label) for label in part.spec.labels]
        layer = fitted.layer
        scales, offsets = (np.array(each)[at] for each in (layer.scales, layer.offsets))
        return to_logits(scores, given) * scales + offsets, "logit"

    def write(path: Path) -> None:
        columns = tuple(range(len(part.outputs)))
        write_scaled(path, part.part(columns), fitted.layer, state_words(words))

    return _make(into, settings, write, expect), fitted


class _Voted(Struct, frozen=True):
    """The thresholds that a run votes by, and the split that they were tuned on."""

    by_label: Mapping[str, float]
    split: str | None
    origin: str

    def facts(self) -> dict[str, Any]:
        return {**self.by_label, "from": self.origin}


def _read_thresholds(each: OpenedPart, thresholds: Thresholds, labels: Sequence[str]) -> _Voted:
    run, sha256 = each.run, each.session.identity.sha256
    fixed = thresholds.fixed(labels)
    if not thresholds.tuned:
        return _Voted(fixed, None, thresholds.origin)
    try:
        tuned = read_thresholds(run.folder)
    except StoreError as error:
        raise RunError(f"{run.name}: {error}") from error
    if tuned is None:
        raise RunError(
            f"{run.name} has no tuned thresholds ({THRESHOLDS_FILE})",
            "Run `covidreport tune` first, or give --threshold.",
        )
    if tuned.model_sha256 not in (None, sha256):
        raise RunError(
            f"{run.name}: its thresholds were tuned for another model file",
            "Evaluate the tuning split with this one, then run `covidreport tune` again.",
        )
    found = {
        label: tuned.fits[label].threshold if label in tuned.fits else fixed[label]
        for label in labels
    }
    return _Voted(found, tuned.split.lower(), f"tuned on {tuned.split}")


def _restate(part: OpenedPart) -> dict[str, Any]:
    """The words of the contract that the new model shares with a part."""
    known, _ = complete_words(describe_graph(part.session.inner), part.run.described)
    return {
        word: value for word, value in known.items() if word not in OF_OUTPUTS and value is not None
    }


def _describe_part(each: OpenedPart) -> dict[str, Any]:
    return {"name": each.run.name, "sha256": each.session.identity.sha256}


def _share_data(parts: Sequence[OpenedPart]) -> dict[str, Any]:
    """The splits that every part was trained on alike."""
    data = {}
    for word in _FITTED:
        found = {each.run.part("data").get(word) for each in parts}
        if len(found) == 1 and isinstance(value := found.pop(), str):
            data[word] = value
    return {"data": data} if data else {}


def _expect(
    parts: Sequence[OpenedPart],
    by: CombinedBy,
    voted: Sequence[_Voted] | None,
    labels: Sequence[str],
) -> NDArray[np.floating]:
    """What the parts' answers to the drawn pictures come to, computed outside of the graph."""
    logits = []
    softmax = []
    for i, each in enumerate(parts):
        scores, activation = each.answer()
        at = [each.spec.labels.index(label) for label in labels]
        softmax.append((scores[:, at].astype(np.float64), activation))
        row = to_logits(scores[:, at], activation)
        if voted is not None:
            row = row - np.array([logit(voted[i].by_label[label]) for label in labels])
        logits.append(row)
    if by == "mean" and all(activation == "softmax" for _, activation in softmax):
        return np.asarray(np.mean([scores for scores, _ in softmax], axis=0))
    return combine_logits(np.stack(logits), by)


def _make(
    into: NewRun,
    settings: Mapping[str, Any],
    write: Callable[[Path], None],
    expect: Callable[[], tuple[NDArray[np.floating], Activation]],
) -> Run:
    """The run folder, whole or not at all: tried before it is put into its place."""
    name = str(settings["name"])
    if not fits_name(name):
        raise UsageError(f"{name!r} is no name for a folder: give another with --name")
    folder = into.output / name
    if folder.exists():
        raise UsageError(f"{folder} is there already: give another --name, or delete it")
    into.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".combine-", dir=into.output) as made:
        place = Path(made) / "run"
        place.mkdir()
        write(place / MODEL_FILE)
        write_run(place, settings)
        run = read_run(place)
        session = open_model(run, limits=into.limits, use_cache=False)
        if isinstance(session, Failure):
            raise RunError(f"{name}: the new model can't be used: {session.reason}")
        _check_answers(name, session, *expect())
        keep_reference(run, session)
        place.rename(folder)
    return read_run(folder)


def _check_answers(
    name: str, session: Session, expected: NDArray[np.floating], activation: Activation
) -> None:
    """RunError unless the new model answers as expected, but for rounding."""
    scores = answer_pictures(session)[1]
    difference = find_largest_difference(expected, scores.astype(np.float64), activation)
    limit = find_limits("fp32", half=session.signs.half).rounding
    if not difference <= limit:
        raise RunError(
            f"{name}: the new model answers otherwise than its parts: probabilities of drawn "
            f"pictures differ by up to {difference:.3g}, and {limit:g} is rounding",
            "A part may have been converted to another operator set wrongly: export all with one.",
        )
