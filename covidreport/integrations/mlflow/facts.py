"""What an MLflow run shows of a run folder: parameters, metrics, tags. Pure functions.

Keys of metrics: `<evaluation>/<label>/<metric>`, such as `cxr-validation/covid-19/sensitivity`, its
interval under `…/sensitivity_low` and `…/sensitivity_high`, counts under `…/fn`; metrics over all
labels under `<evaluation>/<metric>`; columns of history.csv under their own names, by epoch.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from covidreport import __version__
from covidreport.metrics import interval_columns, iter_metrics, list_counts
from covidreport.records import Epoch, Evaluation, Run

IDENTITY_TAG = "covidreport.identity"
FOLDER_TAG = "covidreport.folder"
FAILURE_TAG = "covidreport.failure"
PUSHED_TAG = "covidreport.pushed"
"""When a run was pushed last, in ms: MLflow's own times are those of the training."""
LONGEST_DIGEST = 36
"""Of a data set, as MLflow takes it."""
LONGEST_KEY = 250
LONGEST_PARAMETER = 6000
LONGEST_TAG = 5000
"""What MLflow takes; the server of an older version takes no longer tags."""
_NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_\-. :/]")


class DataInput(Struct, frozen=True):
    """A data set that a run was trained or evaluated on, as `mlflow.data` has them: no image of
    it, and where it lay is told as the evaluation tells it."""

    name: str
    digest: str
    context: str
    source: str = ""
    profile: str = ""


class Times(NamedTuple):
    """When a run began and ended, in ms of Unix time."""

    started_ms: int
    finished_ms: int


class RunFacts(Struct, frozen=True):
    """All that is logged of a run besides its files."""

    name: str
    identity: str
    """Equal for a run that was pushed before: of its name, its model and its parameters."""
    parameters: Mapping[str, str]
    failure: str | None
    """Why its last evaluation failed; None where it did not."""
    metrics: Mapping[str, float]
    """Of its evaluations. What is undefined is not in it."""
    history: tuple[tuple[str, int, float], ...]
    """Column, epoch and value."""
    tags: Mapping[str, str]
    inputs: tuple[DataInput, ...] = ()
    times: Times | None = None
    """Of its training, else of its evaluations; None where neither is stated."""


def gather_facts(
    run: Run, evaluations: Sequence[Evaluation], model: str | None, failure: str | None = None
) -> RunFacts:
    """What MLflow shows of `run`.

    model: the sha256 of its model file, None where it has none. failure: why its last evaluation
    failed, None where it did not.

    MLflow never changes a parameter. So a run of other parameters, or with another model, is
    another run there: a model that is trained again does not hide the one before.
    """
    parameters = dict(_list_parameters(run))
    metrics = {key: value for one in evaluations for key, value in _list_metrics(one)}
    identity = json.dumps([run.name, model, parameters], sort_keys=True)
    stated = run.settings.get("git_revision")
    revision = stated if isinstance(stated, str) else ""
    tags = {
        IDENTITY_TAG: hashlib.sha256(identity.encode()).hexdigest(),
        FOLDER_TAG: run.folder.resolve().name,
        "covidreport.run": run.name,
        "covidreport.version": __version__,
        "mlflow.note.content": run.description,
        "mlflow.source.name": "covidreport",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": revision.removesuffix("-modified"),
        "covidreport.git_revision": revision,
        "covidreport.model_sha256": model or "",
        FAILURE_TAG: failure or "",
    }
    for evaluation in evaluations:
        start = f"covidreport.{evaluation.key}"
        tags[f"{start}.fingerprint"] = evaluation.fingerprint or ""
        tags[f"{start}.thresholds_from"] = evaluation.thresholds_from
        tags[f"{start}.provider"] = str((evaluation.facts.provider or {}).get("ran") or "")
    return RunFacts(
        name=run.name,
        identity=tags[IDENTITY_TAG],
        parameters=parameters,
        failure=failure,
        metrics=metrics,
        history=tuple(_list_history(run.history)),
        tags={name_key(key): value[:LONGEST_TAG] for key, value in tags.items() if value},
        inputs=tuple(_list_inputs(run, evaluations)),
        times=_find_times(run, evaluations),
    )


def name_key(text: str) -> str:
    """`text` as a key that MLflow takes; what had to be changed gets a digest, and stays unique."""
    parts = [part for part in _NOT_IN_A_KEY.sub("_", text).split("/") if part.strip(".")]
    spelt = "/".join(parts)[:LONGEST_KEY]
    if spelt == text:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{spelt[: LONGEST_KEY - 9]}-{digest}"


def _list_inputs(run: Run, evaluations: Sequence[Evaluation]) -> Iterator[DataInput]:
    """What it was trained on, where its run.json has the fingerprint, and what it was evaluated on;
    the usual evaluation of a split alone, for its variants have the same images."""
    data = run.part("data")
    prints = data.get("fingerprints")
    digest = prints.get(run.trained_on) if isinstance(prints, Mapping) else None
    if isinstance(digest, str) and digest:
        name = str(data.get("name") or "training data")
        yield DataInput(f"{name}, {run.trained_on}", digest[:LONGEST_DIGEST], "training",
                        run.data_source or "")  # fmt: skip
    for one in evaluations:
        if one.variant is not None or not one.fingerprint:
            continue
        positives = {label: counts.positives for label, counts in one.counts.items()}
        source = one.facts.data.source if one.facts.data else None
        yield DataInput(
            f"{one.dataset}, {one.split}", one.fingerprint[:LONGEST_DIGEST], "evaluation",
            source or "", json.dumps({"images": one.n_images, "positives": positives}),
        )  # fmt: skip


def _find_times(run: Run, evaluations: Sequence[Evaluation]) -> Times | None:
    stated = run.part("timing")
    training = [_read_ms(stated.get(name)) for name in ("started", "finished")]
    spans = [training] if None not in training else []
    if not spans:
        spans = [
            [_read_ms(one.timing.get(name)) for name in ("started", "finished")]
            for one in evaluations
        ]
    starts = [start for start, end in spans if start is not None and end is not None]
    ends = [end for start, end in spans if start is not None and end is not None]
    if not starts or min(starts) > max(ends):
        return None
    return Times(min(starts), max(ends))


def _read_ms(value: object) -> int | None:
    """A time stamp with its zone; None where it is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if found is None or found.tzinfo is None else round(found.timestamp() * 1000)


def _list_parameters(run: Run) -> Iterator[tuple[str, str]]:
    named = {"block": run.block, "experiment": run.experiment, "seed": run.seed}
    for key, value in {**run.hyperparameters, **named}.items():
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            yield name_key(str(key)), text[:LONGEST_PARAMETER]


def _list_metrics(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    for label, counts in evaluation.counts.items():
        start = f"{evaluation.key}/{label.replace('/', '_')}"
        for name, count in list_counts(counts, totals=False).items():
            yield name_key(f"{start}/{name}"), float(count)
        if label in evaluation.thresholds:
            yield name_key(f"{start}/threshold"), float(evaluation.thresholds[label])
    for each in iter_metrics(evaluation):
        start = "/".join(filter(None, (evaluation.key, each.label.replace("/", "_"))))
        for name, value in interval_columns(each.key, each.estimate).items():
            if value is not None and math.isfinite(value):
                yield name_key(f"{start}/{name}"), float(value)


def _list_history(epochs: Sequence[Epoch]) -> Iterator[tuple[str, int, float]]:
    for epoch in epochs:
        for name, value in epoch.values.items():
            if value is not None and math.isfinite(value):
                yield name_key(name), epoch.epoch, float(value)
