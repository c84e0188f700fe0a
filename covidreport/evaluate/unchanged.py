"""Whether all that a command asks for stands already, of data that are known to be unchanged.

Then no image is read, no model is opened, and the command is done in the time that it starts in.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from covidreport.dataset.index import DataQuery, KnownData, read_known
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.request import default_batch
from covidreport.evaluate.resolve import LabelledRuns, check_target
from covidreport.evaluate.reuse import reuse_all
from covidreport.evaluate.thresholds import Thresholds
from covidreport.inference.execution import Execution
from covidreport.metrics.plan import MetricOptions


def wants_anew(options: EvaluateOptions) -> bool:
    """Whether data, images and models are looked at, whatever is known of them."""
    tuned = options.thresholds is not None and options.thresholds.tuned
    asked = options.force or options.verify or options.thumbnails or options.occlusion or tuned
    asked = asked or any(
        each is not None and each.asked for each in (options.disturb, options.foreign)
    )
    asked = asked or options.maps is not None or options.cache is False
    return bool(asked) or options.shard is not None or options.parts is not None


def query_part(query: DataQuery, part: LabelledRuns) -> DataQuery:
    """The query of the images as this part of the runs is evaluated on them."""
    return query if part.labels is None else replace(query, labels=part.labels)


def find_known(
    query: DataQuery, parts: Sequence[LabelledRuns]
) -> list[tuple[KnownData, LabelledRuns]] | None:
    """What is known of the data as each part of the runs is evaluated on them; None unless it is
    of all."""
    known = [(read_known(query_part(query, part)), part) for part in parts]
    found = [(each, part) for each, part in known if each is not None]
    return found if found and len(found) == len(parts) else None


def reuse_unchanged(
    known: Sequence[tuple[KnownData, LabelledRuns]], execution: Execution, options: EvaluateOptions
) -> list[RunOutcome] | None:
    """The stored evaluations of all runs, if each may be kept: no image is read.

    None where something is to be evaluated.
    """
    found: list[RunOutcome] = []
    asked = list(dict.fromkeys(label for each, _ in known for label in each.labels))
    target = check_target(options, asked)
    batch = options.batch_size or default_batch(execution)
    thresholds, metrics = options.thresholds or Thresholds(), options.metrics or MetricOptions()
    metrics.plan(asked, target)  # what is said of a label that none has is refused
    if not thresholds.tuned:
        thresholds.of(asked)
    for each, part in known:
        plan = metrics.keep(each.labels).plan(each.labels, target)
        reused = reuse_all(
            each, thresholds.keep(each.labels), execution, batch, part.runs, plan, options.command
        )
        if reused is None:
            return None
        found += reused
    return found
