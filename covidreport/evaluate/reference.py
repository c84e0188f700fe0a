"""Reference answers: kept once, replayed by every evaluation from the files' bytes to the scores.

Where this machine, its provider, decoders or precision answer otherwise than what the answers were
kept on, that is measured; where it is no rounding, the run is not evaluated. They prove nothing
about stored scores, and are no part of an evaluation's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from msgspec import Struct, to_builtins
from numpy.typing import NDArray

from covidreport.errors import RunError, StoreError
from covidreport.images.reference import ReferencePixels, decode_reference
from covidreport.inference.batch import prepare_batch
from covidreport.inference.limits import find_largest_difference, find_limits
from covidreport.inference.providers import describe_runtime
from covidreport.inference.session import Session, measure_variation
from covidreport.records import Finding, ReferenceAnswers, Run
from covidreport.storage.reference import (
    REFERENCE_FILE,
    describe_feeding,
    read_reference,
    write_reference,
)
from covidreport.text import listed, plural

RECORDED: Final = "reference"
"""The entry of an evaluation's provenance that says how far its machine lies from the answers."""


class Replayed(Struct, frozen=True):
    """How far a model's answers here lie from its reference answers.

    difference: the largest of a probability; limit: up to where it is rounding. source: what gave
    the answers that were kept. changed: what is otherwise than it was then.
    """

    source: str
    difference: float
    limit: float
    changed: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As an evaluation's provenance keeps it."""
        facts: dict[str, Any] = to_builtins(self)
        return facts


def answer_pictures(session: Session) -> tuple[ReferencePixels, NDArray[np.floating]]:
    """The drawn pictures and a model's scores of them `(3, K)`, each scored by itself."""
    pictures = decode_reference(session.spec.pixels)
    scores = session.run_alone(prepare_batch(pictures.pixels, session.spec))
    return pictures, scores[:, : len(session.spec.labels)]  # without what has no name


def keep_reference(run: Run, session: Session) -> str:
    """Keep what a model answers now in its run folder, but where that stands already; in words.

    Raises RunError where the model fails.
    """
    stands = _read_standing(run)
    if stands is not None and not tuple(_list_fed_otherwise(stands, session)):
        return f"its reference answers, by {stands.source}, stand in {REFERENCE_FILE}"
    if measure_variation(session) > 0:
        return "no reference answers are kept: it answers one image differently each time"
    pictures, scores = answer_pictures(session)
    if not np.isfinite(scores).all():
        return "no reference answers are kept: its scores of the drawn pictures are not finite"
    answers = ReferenceAnswers(
        describe_source(session), session.identity.sha256, session.spec.labels,
        describe_feeding(session.spec),
        pictures.sha256, pictures.decoded, pictures.decoders,
        tuple(tuple(map(float, row)) for row in scores),
    )  # fmt: skip
    write_reference(run.folder, answers)
    return f"its answers to three drawn pictures are kept in {REFERENCE_FILE}"


def describe_source(session: Session) -> str:
    """What gives the answers of a session, such as `ONNX Runtime 1.27.0, cpu, fp32`."""
    execution = session.execution
    runtime = describe_runtime()["onnxruntime"]
    return f"ONNX Runtime {runtime}, {execution.provider.name}, {execution.precision}"


def _read_standing(run: Run) -> ReferenceAnswers | None:
    """What stands beside a model, if it can be read: what is broken is written anew."""
    try:
        return read_reference(run.folder)
    except StoreError:
        return None


def replay_reference(run: Run, session: Session) -> Replayed | None:
    """Let a model answer the drawn pictures and compare; None where no answers stand beside it.

    Raises RunError where no rounding explains the difference, but that the pictures are decoded
    otherwise by other versions, or that the graph is quantised; StoreError where the file is
    broken.
    """
    answers = read_reference(run.folder)
    if answers is None:
        return None
    pictures, scores = answer_pictures(session)
    if dict(answers.pictures) != pictures.sha256:
        raise RunError(
            f"{REFERENCE_FILE} has answers to other pictures than this covidreport brings",
            _remedy(run),
        )
    expected = _order_columns(run, answers, session)
    limits = find_limits(session.execution.precision, half=session.signs.half)
    difference = find_largest_difference(expected, scores, session.spec.activation)
    feeding = tuple(_list_fed_otherwise(answers, session))
    decoded = () if answers.decoded == pictures.decoded else _list_decoders(answers, pictures)
    changed = (*feeding, *decoded)
    replayed = Replayed(answers.source, difference, limits.rounding, changed)
    excused = session.signs.quantised or (bool(decoded) and not feeding)
    if difference > limits.failure and not (excused and np.isfinite(difference)):
        since = f"; since then changed: {'; '.join(changed)}" if changed else ""
        here = describe_source(session)
        by = (
            f"{answers.source}, as here"
            if here == answers.source
            else f"{answers.source}; here {here}"
        )
        raise RunError(
            f"answers otherwise than its reference answers ({by}): to the drawn pictures "
            f"probabilities differ by up to {difference:.3g}, and beyond {limits.failure:g} that "
            f"is no rounding{since}",
            _remedy(run),
        )
    return replayed


def _remedy(run: Run) -> str:
    return (
        f"If the change is meant, `covidreport adopt {run.folder_text}` keeps the answers of today "
        "(`python -m train export` those of torch); else fetch its model and its run.json again."
    )


def _order_columns(run: Run, answers: ReferenceAnswers, session: Session) -> NDArray[np.floating]:
    """The kept scores `(3, K)` in the order of the model's labels; in their own where renamed."""
    labels, kept = session.spec.labels, np.array(answers.scores, session.score_type)
    if len(labels) != len(answers.labels):
        raise RunError(
            f"{REFERENCE_FILE} has answers of {len(answers.labels)} labels, the model gives "
            f"{len(labels)}",
            _remedy(run),
        )
    if set(labels) != set(answers.labels):
        return kept
    return kept[:, [answers.labels.index(label) for label in labels]]


def _list_fed_otherwise(answers: ReferenceAnswers, session: Session) -> Iterator[str]:
    """What is otherwise in the model and how it is fed."""
    if answers.model != session.identity.sha256:
        yield "the model's file"
    now = describe_feeding(session.spec)
    for word, before in answers.input.items():  # words that came since are as they were
        after = now.get(word)
        if before != after:
            yield f"{word} {_show(before)} → {_show(after)}"
    if answers.labels != session.spec.labels:
        yield f"labels {listed(answers.labels)} → {listed(session.spec.labels)}"


def _show(value: object) -> str:
    return "none" if value is None else str(value)


def _list_decoders(answers: ReferenceAnswers, pictures: ReferencePixels) -> tuple[str, ...]:
    """The decoders of which another version gave other pixels."""
    return tuple(
        f"{name} {answers.decoders.get(name, 'unknown')} → {now}"
        for name, now in pictures.decoders.items()
        if answers.decoders.get(name) != now
    )


def findings_of(run: str, replayed: Replayed | None) -> tuple[Finding, ...]:
    """A finding where a machine answers otherwise than the reference answers, beyond rounding."""
    if replayed is None or replayed.difference <= replayed.limit:
        return ()
    changed = f"; otherwise than then: {'; '.join(replayed.changed)}" if replayed.changed else ""
    return (
        Finding(
            "warning",
            "differs-from-reference",
            f"{run} answers otherwise here than where its reference answers were kept",
            f"to three drawn pictures probabilities differ by up to {replayed.difference:.3g} from "
            f"those of {replayed.source} ({replayed.limit:g} is rounding){changed}",
            "Look whether decisions near the threshold hang on it, and use the model as it was "
            "evaluated: the same provider, precision and versions.",
            (run,),
        ),
    )


def describe_replayed(replayed: Iterable[Replayed]) -> str:
    """How far the answers of some runs lie from their reference answers, in a sentence."""
    every = list(replayed)
    worst = max(every, key=lambda each: each.difference / each.limit)
    return (
        f"reference answers of {plural(len(every), 'run')} replayed: probabilities differ by up to "
        f"{worst.difference:.2g} ({worst.limit:g} is rounding)"
    )
