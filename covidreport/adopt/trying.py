"""A few images, scored by a model that was just described: whether its scores look as stated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from covidreport.audit import audit_activation, audit_scores
from covidreport.dataset.unlabelled import find_images
from covidreport.errors import RunError
from covidreport.evaluate.feeding import feed_runs, find_sample
from covidreport.evaluate.opening import open_model
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.preprocessing import PreprocessingCheck
from covidreport.evaluate.resolve import choose_data, read_split
from covidreport.inference.session import Session
from covidreport.predict import predict_images
from covidreport.records import Failure, Finding, OnEvent, Run, ignore_events
from covidreport.text.labels import pair_spellings

TRIED = 16


class Tried(Struct, frozen=True):
    """What a model answered to a few images: in words, and what these show."""

    said: str
    findings: tuple[Finding, ...] = ()
    label_map: Mapping[str, str] = field(default_factory=dict)
    """The data's names of labels that it spells otherwise."""


def open_adopted(run: Run, options: EvaluateOptions) -> Session:
    """The model of a run that was just described, on the CPU; RunError where it can't be opened."""
    session = open_model(run, limits=options.model_limits)
    if isinstance(session, Failure):
        raise RunError(session.reason, session.remedy)
    return session


def try_model(run: Run, session: Session, options: EvaluateOptions) -> Tried:
    """Score the first images of the data, where one is known (UsageError where none is).

    RunError where the model fails; DatasetError where the data are refused.
    """
    data = options.data
    dataset, split = read_split(choose_data(options, ()))
    paths = [dataset.root / path for path in dataset.paths[:TRIED]]
    scores, findings = predict_images(session, find_images(paths), name=run.name)
    activation = session.spec.activation
    found = scores.scores[~scores.failed]
    ranges = ", ".join(
        f"{label} {column.min():.3g} to {column.max():.3g}"
        for label, column in zip(scores.labels, found.T, strict=True)
        if column.size
    )
    shown = (
        *findings,
        *audit_activation(run.name, scores, activation, session.signs.ending),
        *audit_scores(run.name, scores),
    )
    said = f"{len(found)} images of {data}, {split}, as {activation}: {ranges}"
    said += "" if shown else "; nothing in them contradicts it"
    return Tried(said, shown, pair_spellings(scores.labels, dataset.labels))


def try_neighbours(
    runs: Sequence[Run], options: EvaluateOptions, on_event: OnEvent = ignore_events
) -> list[PreprocessingCheck]:
    """Feed models in the ways that their contracts leave open, where the data has another split.

    Raises as `try_model` where the data are refused.
    """
    _, split = read_split(choose_data(options, ()))
    images = find_sample(runs, options, split, on_event)
    return [] if images is None else feed_runs(runs, images, options, on_event)
