"""Evaluated runs judged by limits and a baseline."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from covidreport.api.finding import find_runs
from covidreport.api.stored_runs import open_stored
from covidreport.errors import UsageError
from covidreport.gate import gating
from covidreport.gate.baseline import REGISTERED, find_baseline_file, locate_baseline
from covidreport.gate.evidence import GateSide
from covidreport.gate.gating import GateRequest, complete_images, open_baseline, pass_over_known
from covidreport.gate.judge import GateCriteria
from covidreport.gate.limits import (
    DEFAULT_MARGIN,
    choose_limits,
    read_limit,
    read_policy,
    require_evidence,
)
from covidreport.gate.odds import FALSE_FAILURE_SHARE, count_tries
from covidreport.gate.options import GateOptions
from covidreport.gate.stored import note_newer
from covidreport.records import MissPolicy, Noted, NotJudged, OnEvent, Run, Verdict, ignore_events
from covidreport.settings import Settings, find_settings
from covidreport.storage.address import Address
from covidreport.storage.copied import Use
from covidreport.text import listed


class GatedRuns(Struct, frozen=True):
    """The verdict on each run that was judged, and those that needed none, each with why."""

    verdicts: tuple[Verdict, ...]
    not_judged: tuple[NotJudged, ...] = ()


def gate_runs(
    *folders: str | os.PathLike[str],
    options: GateOptions | None = None,
    on_event: OnEvent = ignore_events,
) -> GatedRuns:
    """Judge the runs in `folders` (by default `runs`) by limits and a baseline, as `gate` does.

    Reads what `evaluate_runs` stored; opens no image and runs no model. A run that can't be judged
    has a verdict that says why. Runs that the baseline knows as they are need none, unless they are
    named by their own folders. Raises UsageError where what is asked for makes no sense at all.
    """
    settings = find_settings(Path.cwd())
    with open_judged(folders, options or GateOptions(), Use.READ, on_event) as (here, stated):
        runs = find_runs(here, on_event, settings.evaluate.input)
        request = resolve_gate(stated, settings, runs)
        return judge_runs(runs, here, request, on_event)


@contextmanager
def open_judged(
    folders: Sequence[str | os.PathLike[str]], options: GateOptions, use: Use, on_event: OnEvent
) -> Iterator[tuple[list[Path], GateOptions]]:
    """The folders of runs and the options, with the copy in place of what lies in a store; together
    since a baseline may be one of the runs. use: of the folders."""
    baseline = options.baseline
    if not (isinstance(baseline, Address) or (isinstance(baseline, str) and "://" in baseline)):
        with open_stored(folders, on_event, [use] * len(folders)) as here:
            yield here, options
        return
    uses = [*[use] * len(folders), Use.READ]
    with open_stored([*folders, baseline], on_event, uses) as every:
        yield every[:-1], replace(options, baseline=every[-1])


def judge_runs(
    runs: Sequence[Run], named: Sequence[Path], request: GateRequest, on_event: OnEvent
) -> GatedRuns:
    """As `gate_runs`, for runs that were found; named: the folders that were asked for."""
    opened = open_baseline(runs, request)
    new, known = pass_over_known(runs, opened, named)
    verdicts = count_tries(gating.gate_runs(new, request, opened))
    side = opened if isinstance(opened, GateSide) else None
    newer = note_newer(complete_images(request.images, side), runs)
    if newer:
        on_event(Noted(newer))
    return GatedRuns(verdicts, known)


def resolve_gate(options: GateOptions, settings: Settings, runs: Sequence[Run]) -> GateRequest:
    """What is judged by what: options, then the settings, then what is built in.

    Raises UsageError where a limit can't be read, or options contradict each other.
    """
    target = settings.target
    path, called = _locate_baseline(options.baseline, settings, runs)
    limits = [
        *settings.limits,
        *(read_limit(each, target) for each in options.limits),
        *(read_limit(each, target, "warn") for each in options.warnings),
    ]
    if options.margin is not None and path is None:
        raise UsageError(
            f"--margin {options.margin:g} is a loss compared with a baseline: give --baseline"
        )
    if options.margin is not None and not 0 < options.margin < 1:
        raise UsageError(
            f"--margin {options.margin:g}: give a fraction between 0 and 1, such as 0.05"
        )
    margin = options.margin or settings.margin or DEFAULT_MARGIN
    policy = _choose_policy(options, settings, has_baseline=path is not None)
    asked_of_groups = _ask_groups(options, settings, has_baseline=path is not None)
    if options.require_evidence:
        limits.append(require_evidence(target, margin, "--require-evidence"))
    chosen = choose_limits(
        limits, target, settings.specificity_floor, has_baseline=path is not None,
        policy=policy, margin=margin,
    )  # fmt: skip
    prevalence = settings.metrics.prevalence
    if prevalence is not None and not isinstance(prevalence, Mapping):
        prevalence = {target: prevalence}
    most = options.max_failed_share
    return GateRequest(
        criteria=GateCriteria(
            target,
            chosen,
            options.show_ids,
            prevalence or {},
            margin,
            settings.false_failure_share or FALSE_FAILURE_SHARE,
            settings.patient_rule,
            *asked_of_groups,
        ),
        images=settings.query_judged(options.dataset, options.split, options.variant),
        baseline=path,
        specificity_floor=settings.specificity_floor,
        max_failed_share=settings.max_failed_share if most is None else most,
        shared=settings.evaluate.input,
        baseline_called=called,
    )


def _ask_groups(
    options: GateOptions, settings: Settings, *, has_baseline: bool
) -> tuple[tuple[str, ...], str]:
    """The attributes in none of whose groups a run may lose, and where they are stated."""
    names, origin = options.no_group_loses, "--no-group-loses"
    if not names and settings.origin is not None:
        names, origin = settings.no_group_loses, settings.origin.name
    if names and not has_baseline:
        raise UsageError(
            f"that no group of {listed(names)} loses is judged against a baseline: give --baseline"
        )
    return names, origin


def _choose_policy(
    options: GateOptions, settings: Settings, *, has_baseline: bool
) -> MissPolicy | None:
    """The policy on missed cases; None where nobody says."""
    policy = settings.policy
    if options.policy is not None:
        policy = read_policy(options.policy)
        if not has_baseline:
            raise UsageError(f"--policy {policy} compares with a baseline: give --baseline")
    if policy == "evidence" and options.require_evidence:
        raise UsageError(
            "--require-evidence asks for the strict limit and for evidence, the policy evidence "
            "for evidence alone: leave one out"
        )
    return policy


def _locate_baseline(
    option: str | Path | None, settings: Settings, runs: Sequence[Run]
) -> tuple[Path | None, str]:
    """Where the baseline is: the option, else the settings, else baseline.json, else none; and what
    it is called, where that is not its path."""
    stated = settings.baseline if option is None else option
    if stated is None:
        return find_baseline_file(None, settings.folder), ""
    if isinstance(stated, str) and stated.startswith(REGISTERED):
        from covidreport.integrations.mlflow import fetch_registered

        return fetch_registered(stated), stated
    return locate_baseline(stated, runs, settings.folder if option is None else None), ""
