"""Which runs' maps are made once all are evaluated and ranked, and making them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from covidreport.compare.ranking import RankedSet
from covidreport.errors import UsageError
from covidreport.evaluate.maps import MadeMaps, MapTask, make_maps
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.outcome import RunOutcome, list_evaluated
from covidreport.evaluate.request import EvaluationRequest
from covidreport.records import Failure, Noted, OnEvent, Run
from covidreport.text import list_some

MOST_NAMED = 10


def check_maps(options: EvaluateOptions, runs: Sequence[Run]) -> None:
    """UsageError, before anything is evaluated, where maps can't be made as the options say."""
    if options.maps is None:
        return
    if options.occlusion is not None:
        raise UsageError("--maps hides parts of whole pictures: ask for it without --occlude")
    names = [run.name for run in runs]
    for name in options.maps.runs:
        if name not in names:
            raise UsageError(
                f"--maps-of {name}: none of these runs; there are: {list_some(names, MOST_NAMED)}"
            )


def choose_mapped(
    wanted: Sequence[str], rankings: Sequence[RankedSet], baseline: str | None
) -> tuple[str, ...]:
    """The runs that are named, else the best of the first ranking, and the baseline if it stands
    there."""
    if wanted or not rankings:
        return tuple(dict.fromkeys(wanted))
    rows = rankings[0].ranking.rows
    best = [row.run for row in rows if row.rank is not None][:1]
    return tuple(dict.fromkeys([*best, *(row.run for row in rows if row.run == baseline)]))


def map_runs(
    names: Sequence[str], outcomes: Sequence[RunOutcome], options: EvaluateOptions, target: str,
    requests: Mapping[str, EvaluationRequest], on_event: OnEvent,
) -> tuple[tuple[MadeMaps, ...], tuple[Failure, ...]]:  # fmt: skip
    """Make the maps of runs that were evaluated; each that has none is told with its reason."""
    assert options.maps is not None
    evaluated = {run.name: (run, evaluation) for run, evaluation in list_evaluated(outcomes)}
    there = [name for name in names if name in evaluated and name in requests]
    tasks = [MapTask(requests[name], *evaluated[name]) for name in there]
    made, failures = make_maps(tasks, options.maps.fill, target, on_event)
    reason = "each fold has a model of its own, and maps are made of a single one"
    folds = [name for name in names if name in evaluated and name not in requests]
    failures = (*failures, *(Failure(name, "infer", reason) for name in folds))
    if not names:
        on_event(Noted("no maps: no run is ranked; name one with --maps-of", warning=True))
    for why in failures:
        on_event(Noted(f"no maps of {why.subject}: {why.explanation}", warning=True))
    for each in made:
        kept = " stand as they were" if each.kept else f" were made in {each.seconds:,.0f} s"
        lost = f"; {each.failed:,} images could not be read again" if each.failed else ""
        on_event(
            Noted(
                f"maps of {each.run}, of {each.images:,} of {each.positives:,} positives,{kept}"
                f"{lost}; `covidreport render` shows them"
            )
        )
    return made, failures
