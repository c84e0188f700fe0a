"""The models of runs, loaded; and why one can't be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from covidreport.boundary import attempt
from covidreport.errors import RunError
from covidreport.evaluate.reference import replay_reference
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.scored import OpenedRun, open_columns
from covidreport.images import check_spec
from covidreport.inference.engines import engine_folder
from covidreport.inference.execution import Execution
from covidreport.inference.providers import CPU
from covidreport.inference.session import NO_LIMITS, Session, measure_variation, open_session
from covidreport.inference.trial import TRIAL
from covidreport.records import Failure, ModelLimits, Run
from covidreport.storage.model import ModelIdentity, identify_model


def open_model(
    run: Run, execution: Execution = CPU, *, batch: int | None = None, use_cache: bool = True,
    limits: ModelLimits = NO_LIMITS,
) -> Session | Failure:  # fmt: skip
    """The run's model, loaded; or why it can't be. batch: images in every call of a device."""
    if run.faults:
        return refuse_run(run)
    try:
        return attempt(
            run.name, "load", partial(open_run_session, run, execution, batch, use_cache, limits)
        )
    finally:
        TRIAL.close()


def open_run_session(
    run: Run, execution: Execution, batch: int | None, use_cache: bool, limits: ModelLimits,
    identity: ModelIdentity | None = None, tried: Callable[[], None] | None = None,
) -> Session:  # fmt: skip
    """As `open_model`, where whatever is raised is caught elsewhere; the trial stays open.

    identity: the model's, where it is known. tried: called where the trial is free for another.
    """
    if run.model is None:
        named = run.settings.get("model") or "model.onnx"
        pointed = (run.folder / f"{named}.dvc").is_file()
        raise RunError(
            f"there is no {named} in {run.folder_text}{'; `dvc pull` brings it' if pointed else ''}"
        )
    identity = identity or identify_model(run.model, use_cache=use_cache)
    described = run.described
    memory_bytes = TRIAL.try_model(
        run.model, identity.sha256, described, limits, use_cache=use_cache
    )
    if tried is not None:
        tried()
    # TensorRT keeps what it compiled of a model for this card
    compiles = execution.provider.name == "tensorrt"
    session = open_session(
        run.model, execution, described=described, static_batch=batch,
        engines=engine_folder(identity.sha256, execution) if compiles else None, identity=identity,
        limits=limits,
    )  # fmt: skip
    session.memory_bytes = memory_bytes
    check_spec(session.spec.pixels)
    return session


def refuse_run(run: Run) -> Failure:
    """Why a run can't be used, by its folder alone. Nothing is stored of it: every reader of the
    folder sees the same, and what stands there is as good as it was."""
    return Failure(run.name, "read", "; ".join(run.faults))


def open_run(
    request: EvaluationRequest, run: Run, *, shares_memory: bool,
    identity: ModelIdentity | None = None, tried: Callable[[], None] | None = None,
) -> OpenedRun:  # fmt: skip
    """The run with its model loaded, as the request wants it; raises what stands in its way.

    identity, tried: as `open_run_session`.
    """
    session = open_run_session(
        run, request.execution, request.batch, request.use_cache, request.limits, identity, tried
    )
    session.shares_memory = shares_memory
    columns = open_columns(session, request.dataset.labels)
    variation = measure_variation(session)
    # what draws at random answers otherwise each time, which is found by itself
    replayed = replay_reference(run, session) if variation == 0 else None
    return OpenedRun(run, session, columns, variation, replayed=replayed)


def begin_trial(request: EvaluationRequest, run: Run) -> ModelIdentity | None:
    """Let the trial begin with a run's model, and identify it; None where there is none.

    Raises what is wrong with its files, as `open_run` does.
    """
    if run.model is None:
        return None
    use_cache = request.use_cache
    identity = identify_model(run.model, use_cache=use_cache)
    TRIAL.begin(run.model, identity.sha256, run.described, request.limits, use_cache=use_cache)
    return identity


def identify_all(request: EvaluationRequest, runs: Sequence[Run]) -> list[tuple[Path, str]]:
    """The models' files and digests, without those that can't be read: opening them says why."""
    found: list[tuple[Path, str]] = []
    for run in runs:
        if run.model is not None:
            identify = partial(identify_model, run.model, use_cache=request.use_cache)
            identity = attempt(run.name, "load", identify)
            if not isinstance(identity, Failure):
                found.append((run.model, identity.sha256))
    return found
