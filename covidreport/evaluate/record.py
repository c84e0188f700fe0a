"""From runs and a data set to evaluation files: keeps what stands, runs the loop for the rest."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from covidreport.boundary import attempt, explain_error
from covidreport.config import Thresholds
from covidreport.dataset.index import KnownData
from covidreport.errors import RunError
from covidreport.evaluate.build import build_evaluation, key_of
from covidreport.evaluate.company import ask_company
from covidreport.evaluate.cpu_check import CpuCheck, CpuReference
from covidreport.evaluate.identity import explain_foreign, find_stored
from covidreport.evaluate.loop import (
    Advance,
    DecodedSet,
    Errand,
    OpenedRun,
    ScoredRun,
    count_jobs,
    gather_scores,
    open_columns,
    score_runs,
)
from covidreport.evaluate.memory import count_side_by_side, group_by_memory
from covidreport.evaluate.partial import PartialScores, open_partial
from covidreport.evaluate.request import Request
from covidreport.evaluate.scoring import apply_chosen, is_applied, record_command, take_units
from covidreport.evaluate.tuned import ChosenThresholds, ReportedImages, choose_thresholds
from covidreport.images import check_spec
from covidreport.images.cache import (
    PixelCache,
    open_pixel_cache,
    open_scratch,
)
from covidreport.inference.engines import engine_folder
from covidreport.inference.execution import Execution
from covidreport.inference.half import half_ahead
from covidreport.inference.providers import CPU
from covidreport.inference.session import (
    NO_LIMITS,
    OutOfMemoryError,
    Session,
    measure_variation,
    open_session,
    renew_memory,
)
from covidreport.inference.trial import TRIAL
from covidreport.locks import hold_lock
from covidreport.metrics import digest_units
from covidreport.records import (
    Dataset,
    Evaluation,
    Failure,
    FigurePlan,
    ModelLimits,
    PixelSpec,
    Run,
    Stage,
    name_evaluation,
)
from covidreport.storage.made_here import MadeHere
from covidreport.storage.model import identify_model
from covidreport.storage.replaced import RENAME, find_replaced
from covidreport.store import (
    EVALUATION_FILE,
    SCORES_FILE,
    check_scores,
    clear_failure,
    evaluation_folder,
    read_evaluation,
    read_scores,
    write_evaluation,
    write_failure,
    write_scores,
)

LOCK_FILE = ".lock"
"""In an evaluation's folder: held by the process that computes it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run: an evaluation or a failure; kept: it stood already.

    before: what stood there on the same images, where the thresholds were others.
    """

    run: Run
    evaluation: Evaluation | None = None
    failure: Failure | None = None
    kept: bool = False
    before: Evaluation | None = None


@dataclass(slots=True)
class Progress:
    """How the caller is told: with how many steps there are, and with each that is done."""

    begin: Callable[[int], None] = field(default=lambda _: None)
    advance: Advance = field(default=lambda _: None)
    waiting: Callable[[Run], None] = field(default=lambda _: None)
    """Called before it waits for another process that evaluates the same run on the same images."""
    damaged: Callable[[Run, str], None] = field(default=lambda _, __: None)
    """Called with why stored scores can't be read, before they are computed again."""
    replaced: Callable[[str], None] = field(default=lambda _: None)
    """Called once with each evaluation of other images that is replaced."""


def open_model(
    run: Run, execution: Execution = CPU, *, batch: int | None = None, use_cache: bool = True,
    limits: ModelLimits = NO_LIMITS,
) -> Session | Failure:  # fmt: skip
    """The run's model, loaded; or why it can't be. batch: images in every call of a device."""
    if run.faults:
        return refuse_run(run)
    try:
        return attempt(
            run.name, "load", partial(_open_session, run, execution, batch, use_cache, limits)
        )
    finally:
        TRIAL.close()


def _open_session(
    run: Run, execution: Execution, batch: int | None, use_cache: bool, limits: ModelLimits
) -> Session:
    if run.model is None:
        wanted = run.settings.get("model") or "model.onnx"
        pointed = (run.folder / f"{wanted}.dvc").is_file()
        raise RunError(
            f"there is no {wanted} in {run.place}{'; `dvc pull` brings it' if pointed else ''}"
        )
    identity = identify_model(run.model, use_cache=use_cache)
    described = run.described
    TRIAL.try_model(run.model, identity.sha256, described, limits, use_cache=use_cache)
    # TensorRT keeps what it compiled of a model for this card
    compiles = execution.provider.name == "tensorrt"
    session = open_session(
        run.model, execution, described=described, static_batch=batch,
        engines=engine_folder(identity.sha256, execution) if compiles else None, identity=identity,
        limits=limits,
    )  # fmt: skip
    check_spec(session.spec.pixels)
    return session


def refuse_run(run: Run) -> Failure:
    """Why a run can't be used, by its folder alone. Nothing is stored of it: every reader of the
    folder sees the same, and what stands there is as good as it was."""
    return Failure(run.name, "read", "; ".join(run.faults))


def evaluate_runs(
    request: Request, runs: Sequence[Run], progress: Progress | None = None
) -> tuple[Outcome, ...]:
    """Evaluate every run on the request's images and write what came out, run by run.

    What stands is kept unless `force` is set: scores that would come out the same are not computed
    again, and other thresholds are applied to them. Models are loaded in groups that fit into
    memory: on a card all at once, and those that did not fit beside the others after them. A run
    that fails, by whatever is raised while it is read, opened, scored or stored, leaves a
    failure.json that says why; the others finish. Two processes never compute the same
    evaluation at once: the second waits, and keeps what the first has made.
    """
    progress = progress or Progress()
    outcomes: dict[Path, Outcome] = {}
    chosen: dict[Path, ChosenThresholds] = {}
    known = request.known
    replaced: dict[str, None] = {}
    for run in runs:
        if run.faults:
            outcomes[run.folder] = Outcome(run, failure=refuse_run(run))
            continue
        outcome = (
            _refuse_foreign(request, run)
            or _choose(request, run, chosen)
            or _keep_stored(request, run, chosen, known, progress)
            or _keep_other_images(request, run, replaced)
        )
        if outcome is not None:
            outcomes[run.folder] = outcome
    for what in replaced:
        progress.replaced(what)
    rest = [run for run in runs if run.folder not in outcomes]
    progress.begin(len(rest) * len(request.dataset))
    caches: dict[PixelSpec, PixelCache] = {}
    on_device = request.execution.provider.accelerator
    groups = [rest] if on_device else group_by_memory(rest, limits=request.limits)
    with ExitStack() as stack:
        scratch = None
        if len(groups) > 1:  # each group needs the pixels that the first has decoded
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="covidreport-")))
        for group in groups:
            with ExitStack() as locks:
                found = _lock_runs(request, group, chosen, progress, locks)
                left = [run for run in group if run.folder not in found]
                for outcome in (
                    *found.values(),
                    *_evaluate_group(request, left, chosen, caches, scratch, progress.advance),
                ):
                    outcomes[outcome.run.folder] = outcome
        caches.clear()
    return tuple(outcomes[run.folder] for run in runs)


def _keep_other_images(request: Request, run: Run, replaced: dict[str, None]) -> Outcome | None:
    """The run's failure where an evaluation of another data set stands under the same name.

    Nothing is written: what stands is as good as it was. What is to be said of one of the same data
    set, which is replaced, goes into `replaced`.
    """
    folder = evaluation_folder(run.folder, request.name)
    found = attempt(run.name, "read", partial(find_replaced, folder, request.images))
    if found is None or isinstance(found, Failure):
        return None  # what can't be read is computed again
    if found.other_data and request.trust_stored and not request.force:
        remedy = f"{RENAME}, or replace what stands with `covidreport evaluate --force`."
        return Outcome(run, failure=Failure(run.name, "write", found.reason, remedy))
    replaced[found.what] = None
    return None


def _lock_runs(
    request: Request, runs: Sequence[Run], chosen: Mapping[Path, ChosenThresholds],
    progress: Progress, locks: ExitStack,
) -> dict[Path, Outcome]:  # fmt: skip
    """Lock the evaluations of some runs; gives those that another process finished meanwhile.

    Always in the order of the folders, so that no two processes wait for each other. A run whose
    folder can't be locked is a failure: nothing could be stored there.
    """
    found: dict[Path, Outcome] = {}
    for run in sorted(runs, key=lambda each: each.folder.resolve()):
        path = evaluation_folder(run.folder, request.name) / LOCK_FILE
        lock = hold_lock(path, partial(progress.waiting, run))
        waited = attempt(run.name, "write", partial(locks.enter_context, lock))
        outcome = None
        if isinstance(waited, Failure):
            outcome = _write_failure(request, waited, run)
        elif waited:
            outcome = _keep_stored(request, run, chosen, request.known, progress)
        if outcome is not None:
            found[run.folder] = outcome
            progress.advance(len(request.dataset))
    return found


def _refuse_foreign(request: Request, run: Run) -> Outcome | None:
    """The failure of a run whose evaluations are another's; nothing is written there."""
    found = attempt(run.name, "read", partial(explain_foreign, run, request.name))
    if isinstance(found, str):
        found = Failure(run.name, "read", found)
    return None if found is None else Outcome(run, failure=found)


def _choose(request: Request, run: Run, chosen: dict[Path, ChosenThresholds]) -> Outcome | None:
    """Find the run's thresholds on these images; its failure where it has none that fit."""
    found = attempt(run.name, "score", partial(_find_thresholds, request, run))
    if not isinstance(found, Failure):
        chosen[run.folder] = found
        return None
    if (evaluation_folder(run.folder, request.name) / EVALUATION_FILE).exists():
        return Outcome(run, failure=found)  # what stands is as good as it was
    return _write_failure(request, found, run)


def _find_thresholds(request: Request, run: Run) -> ChosenThresholds:
    dataset = request.dataset
    images = ReportedImages(
        dataset.name, request.split, request.fingerprint, dataset.labels, dataset.ids
    )
    digest = None
    if request.thresholds.tuned and run.model is not None:
        digest = identify_model(run.model, use_cache=request.use_cache).sha256
    return choose_thresholds(request.thresholds, run, images, digest)


def _keep_stored(
    request: Request, run: Run, chosen: Mapping[Path, ChosenThresholds], known: KnownData,
    progress: Progress,
) -> Outcome | None:  # fmt: skip
    """The stored evaluation where it may be kept, with today's thresholds.

    None where it has to be computed: what can't be read, for whatever reason, is computed again.
    """
    if request.force:
        return None
    keep = partial(
        _keep, known, request.name, request.provider_facts, request.batch, run, chosen[run.folder],
        request.plan, verify=request.verify, use_cache=request.use_cache, dataset=request.dataset,
        made=request.made, trust_stored=request.trust_stored, command=request.command,
    )  # fmt: skip
    kept = attempt(run.name, "read", keep)
    if not isinstance(kept, Failure):
        return kept
    if kept.stage == "write":
        return Outcome(run, failure=kept)
    progress.damaged(run, kept.reason)
    return None


def keep_all(
    known: KnownData, thresholds: Thresholds, execution: Execution, batch: int, runs: Sequence[Run],
    plan: FigurePlan, command: str | None = None,
) -> tuple[Outcome, ...] | None:  # fmt: skip
    """The stored evaluations of all runs, if every one may be kept; else None.

    For data that is known to be unchanged: no image is looked at and no model is loaded. Other
    thresholds than the stored ones are applied to the stored scores.
    """
    name = name_evaluation(known.dataset, known.split, execution.variant)
    chosen = ChosenThresholds(thresholds.of(known.labels), thresholds.origin)
    outcomes = []
    for run in runs:
        if run.faults:
            outcomes.append(Outcome(run, failure=refuse_run(run)))
            continue
        keep = partial(
            _keep, known, name, execution.facts(), batch, run, chosen, plan, verify=False,
            use_cache=True, command=command,
        )  # fmt: skip
        outcome = attempt(run.name, "read", keep)
        if outcome is None or isinstance(outcome, Failure):
            return None  # the long way says why, and computes it again
        outcomes.append(outcome)
    return tuple(outcomes)


def _keep(
    known: KnownData, name: str, provider: Mapping[str, Any], batch: int, run: Run,
    chosen: ChosenThresholds, plan: FigurePlan, *, verify: bool, use_cache: bool,
    dataset: Dataset | None = None, made: MadeHere | None = None, trust_stored: bool = True,
    command: str | None = None,
) -> Outcome | None:  # fmt: skip
    """What stands of a run, at these thresholds; None where it has to be computed.

    command: the one that asks for it, for the record.
    dataset: where today's patients and attributes are from, if the stored ones are others; without
    it None is the answer then. made: what this machine made; the rest is kept if `trust_stored`.
    """
    stored = find_stored(
        run, name, fingerprint=known.fingerprint, labels=known.labels, n_groups=known.n_groups,
        provider=provider, batch=batch, verify=verify, use_cache=use_cache,
    )  # fmt: skip
    made = made or MadeHere()
    if stored is None or not (trust_stored or made.has_evaluation(run, stored)):
        return None
    file = evaluation_folder(run.folder, name) / SCORES_FILE
    check_scores(file)
    if is_applied(stored, chosen, plan, known.units):
        return Outcome(run, stored, kept=True)
    scores = read_scores(file)
    if digest_units(scores.groups, scores.attributes) != known.units:
        if dataset is None:
            return None
        taken = take_units(scores, dataset)
    else:
        taken = scores
    applied = apply_chosen(stored, taken, chosen, plan)
    evaluation = record_command(stored, applied, chosen, command)
    with made.rewriting(run, stored, keep=use_cache):
        if taken is not scores:
            write_scores(file, taken)
        write_evaluation(run.folder, evaluation)
    return Outcome(run, evaluation, kept=True, before=_find_other_thresholds(stored, evaluation))


def _find_other_thresholds(stored: Evaluation, evaluation: Evaluation) -> Evaluation | None:
    """What stood before, if it is of the same images at other thresholds or of another origin."""
    known = stored.fingerprint == evaluation.fingerprint
    changed = (stored.thresholds, stored.thresholds_from) != (
        evaluation.thresholds, evaluation.thresholds_from
    )  # fmt: skip
    return stored if known and changed else None


def _evaluate_group(
    request: Request, runs: Sequence[Run], chosen: Mapping[Path, ChosenThresholds],
    caches: dict[PixelSpec, PixelCache], scratch: Path | None, advance: Advance,
) -> list[Outcome]:  # fmt: skip
    """Evaluate the runs of one group; their models are freed with the return.

    A run that did not fit into memory beside the others is tried once more without them: another's
    greed is not its fault. On the CPU it is alone then, one batch at a time; on a card all of those
    are the next group, and a run that is alone there is fed smaller batches until it fits.
    """
    on_device = request.execution.provider.accelerator
    outcomes: list[Outcome] = []
    groups = deque([list(runs)] if runs else [])
    while groups:
        group = groups.popleft()
        done, large = _evaluate_together(request, group, chosen, caches, scratch, advance)
        outcomes += done
        if large or on_device:  # what the group took of the card is given back
            attempt("", "load", partial(renew_memory, request.execution, request.limits))
        if len(group) == 1 and (on_device or request.jobs == 1):
            outcomes += [_write_failure(request, failure, run) for run, failure in large]
            continue
        left = [run for run, _ in large]
        advance(-len(left) * len(request.dataset))
        if not on_device:
            groups.extend([run] for run in left)
            request = replace(request, jobs=1)
        elif len(left) < len(group):
            groups.extend([left] if left else [])
        else:
            groups.extend([left[:1], left[1:]])
    return outcomes


def _evaluate_together(
    request: Request, runs: Sequence[Run], chosen: Mapping[Path, ChosenThresholds],
    caches: dict[PixelSpec, PixelCache], scratch: Path | None, advance: Advance,
) -> tuple[list[Outcome], list[tuple[Run, Failure]]]:  # fmt: skip
    """Load the models, score, write; besides, the runs that failed since memory was short."""
    started = time.time()
    ready: list[OpenedRun] = []
    partials: list[PartialScores] = []
    outcomes: list[Outcome] = []
    large: list[tuple[Run, Failure]] = []
    n = len(request.dataset)

    def refuse(run: Run, why: Failure | OutOfMemoryError, stage: Stage) -> None:
        if isinstance(why, OutOfMemoryError):
            large.append((run, explain_error(run.name, stage, why)))
        else:
            outcomes.append(_write_failure(request, why, run))
        advance(n)

    if request.execution.converts:
        half_ahead(_identify_all(request, runs), request.limits)
    for run in runs:
        try:
            open_run = partial(_open_run, request, run, shares_memory=bool(ready))
            opened = attempt(run.name, "load", open_run, through=(OutOfMemoryError,))
        except OutOfMemoryError as error:
            refuse(run, error, "load")
            continue
        if isinstance(opened, Failure):
            refuse(run, opened, "load")
            continue
        ready.append(opened[0])
        partials.append(opened[1])
    TRIAL.close()
    _open_caches(request, ready, caches, scratch)
    for each in ready:
        each.session.shares_memory = len(ready) > 1
    ready, partials, unsteady = _ask_company(request, ready, partials, caches)
    for why, run in unsteady:
        refuse(run, why, "infer")
    reference = None
    errands: list[Errand] = []
    if request.execution.provider.accelerator:
        reference = CpuReference(request.dataset, request.occlusion, request.digests)
        errands = [Errand(partial(reference.ask, each), reference.stop) for each in ready]
    scored, decoded = score_runs(
        request.dataset, ready, batch=request.batch, jobs=request.jobs, advance=advance,
        caches=caches, digests=request.digests, partials=partials, occlusion=request.occlusion,
        errands=errands,
        errands_at_once=count_side_by_side([each.run for each in ready], request.limits),
    )  # fmt: skip
    for item in scored:
        run = item.opened.run
        outcome: Outcome | Failure
        if item.failure is not None:
            outcome = item.failure
        else:
            given = (request, item, chosen[run.folder], decoded, started, reference)
            outcome = attempt(run.name, "score", partial(_finish_run, *given))
        if item.failure is not None and item.out_of_memory:
            large.append((run, item.failure))
        elif isinstance(outcome, Failure):
            outcomes.append(_write_failure(request, outcome, run))
        else:
            outcomes.append(outcome)
    return outcomes, large


def _identify_all(request: Request, runs: Sequence[Run]) -> list[tuple[Path, str]]:
    """The models' files and digests, without those that can't be read: opening them says why."""
    found: list[tuple[Path, str]] = []
    for run in runs:
        if run.model is not None:
            identify = partial(identify_model, run.model, use_cache=request.use_cache)
            identity = attempt(run.name, "load", identify)
            if not isinstance(identity, Failure):
                found.append((run.model, identity.sha256))
    return found


def _open_run(
    request: Request, run: Run, *, shares_memory: bool
) -> tuple[OpenedRun, PartialScores]:
    """The run with its model loaded, and the place where its scores are kept as they come."""
    session = _open_session(
        run, request.execution, request.batch, request.use_cache, request.limits
    )
    session.shares_memory = shares_memory
    columns = open_columns(session, request.dataset.labels)
    opened = OpenedRun(run, session, columns, measure_variation(session))
    return opened, _open_partial(request, opened)


def _finish_run(
    request: Request, scored: ScoredRun, chosen: ChosenThresholds, decoded: DecodedSet,
    started: float, reference: CpuReference | None,
) -> Outcome | Failure:  # fmt: skip
    """Compare a run with the CPU where it ran elsewhere, describe its scores and store all."""
    check = None
    if reference is not None:
        thresholds = [chosen.values[label] for label in request.dataset.labels]
        name = scored.opened.run.name
        found = attempt(name, "infer", partial(reference.check, scored, thresholds))
        if isinstance(found, Failure):
            return found
        check = found
    outcome = _write_scored(request, scored, chosen, decoded, started, check)
    if scored.partial is not None:
        _note_made(request, outcome, scored.partial)
        scored.partial.remove()
    return outcome


def _ask_company(
    request: Request, ready: Sequence[OpenedRun], partials: Sequence[PartialScores],
    caches: Mapping[PixelSpec, PixelCache],
) -> tuple[
    list[OpenedRun], list[PartialScores], list[tuple[Failure | OutOfMemoryError, Run]]
]:  # fmt: skip
    """The runs with what they answered to images alone and together, and those that failed."""
    found = ask_company(
        [(each.run.name, each.session) for each in ready], request.dataset, request.digests,
        caches, request.occlusion,
        jobs=1 if request.execution.provider.accelerator else request.jobs or count_jobs(),
    )  # fmt: skip
    known: list[tuple[OpenedRun, PartialScores]] = []
    failed: list[tuple[Failure | OutOfMemoryError, Run]] = []
    for opened, kept, company in zip(ready, partials, found, strict=True):
        if isinstance(company, Failure | OutOfMemoryError):
            failed.append((company, opened.run))
        else:
            known.append((replace(opened, company=company), kept))
    return [each for each, _ in known], [kept for _, kept in known], failed


def _open_caches(
    request: Request,
    ready: Sequence[OpenedRun],
    caches: dict[PixelSpec, PixelCache],
    scratch: Path | None,
) -> None:
    """A place for the pixels of each kind: in the cache, or in `scratch` where there is none."""
    for spec in dict.fromkeys(opened.session.spec.pixels for opened in ready):
        if spec in caches:
            continue
        cache = attempt(
            "the cache of pixels", "write", partial(_open_cache, request, spec, scratch)
        )
        if isinstance(cache, PixelCache):
            caches[spec] = cache


def _open_cache(request: Request, spec: PixelSpec, scratch: Path | None) -> PixelCache | None:
    cache = open_pixel_cache(request.digests, spec) if request.use_cache else None
    if cache is None and scratch is not None:
        cache = open_scratch(scratch, len(request.dataset), spec)
    return cache


def _open_partial(request: Request, opened: OpenedRun) -> PartialScores:
    folder = evaluation_folder(opened.run.folder, request.name)
    n, k = request.dataset.truth.shape
    key = key_of(request, opened)
    left = PartialScores.read_token(folder)
    own = left is not None and request.made.has_partial(left)
    if request.force or not (own or request.trust_stored):
        PartialScores.discard(folder)
        left = None
    partial = open_partial(folder, key, n, k, request.batch, opened.session.score_type)
    if partial.token != left:  # begun anew, and here
        request.made.note_partial(partial.token, keep=request.use_cache)
    return partial


def _note_made(request: Request, outcome: Outcome, partial: PartialScores) -> None:
    """Keep that an evaluation was computed here; not where it goes on from another's scores."""
    if outcome.evaluation is not None and request.made.has_partial(partial.token):
        request.made.note_evaluation(outcome.run, outcome.evaluation, keep=request.use_cache)
    request.made.forget_partial(partial.token)


def _write_failure(request: Request, failure: Failure, run: Run) -> Outcome:
    """The failure as the run's outcome, and in its folder as far as that can be written to.

    That a disk is full says nothing about the run: what stands there is as good as it was, and the
    scores that are known wait for the next attempt.
    """
    if failure.stage != "write":
        attempt(run.name, "write", partial(write_failure, run.folder, request.name, failure))
    return Outcome(run, failure=failure)


def _write_scored(
    request: Request, scored: ScoredRun, chosen: ChosenThresholds, decoded: DecodedSet,
    started: float, check: CpuCheck | None,
) -> Outcome:  # fmt: skip
    run = scored.opened.run
    folder = evaluation_folder(run.folder, request.name)
    scores = gather_scores(request.dataset, scored, decoded)
    evaluation = build_evaluation(request, scored, scores, chosen, decoded, started, check)
    stood = None
    if (folder / EVALUATION_FILE).exists():
        stood = attempt(run.name, "read", partial(read_evaluation, folder))
    write_scores(folder / SCORES_FILE, scores)
    write_evaluation(run.folder, evaluation)
    clear_failure(folder)
    before = _find_other_thresholds(stood, evaluation) if isinstance(stood, Evaluation) else None
    return Outcome(run, evaluation, before=before)
