"""What a shard leaves: a part of an evaluation, scored as any, that waits for the others."""

from __future__ import annotations

import time
from functools import partial

from covidreport.boundary import attempt
from covidreport.dataset.files import Digests
from covidreport.evaluate.build import (
    describe_input,
    describe_machine,
    format_time,
    key_of,
    list_versions,
    name_key,
)
from covidreport.evaluate.loop import count_jobs
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.scored import DecodedSet, ScoredRun
from covidreport.records import EvaluationPart, PartTiming, Run
from covidreport.storage.evaluation import clear_failure
from covidreport.storage.folder import FAILURE_FILE
from covidreport.storage.model import check_unchanged, identify_model
from covidreport.storage.parts import PART_FILE, PartRows, read_part, read_rows, write_part


def keep_part(request: EvaluationRequest, run: Run) -> RunOutcome | None:
    """The part that stands, where it would come out the same; None where it is to be scored."""
    folder = request.place(run)
    if request.force or not (folder / PART_FILE).is_file() or (folder / FAILURE_FILE).exists():
        return None
    found = attempt(run.name, "read", partial(_read_standing, request, run))
    if not isinstance(found, EvaluationPart):
        return None  # what can't be read is scored again
    return RunOutcome(run, part=folder, reused=True)


def _read_standing(request: EvaluationRequest, run: Run) -> EvaluationPart | None:
    assert request.cut is not None
    assert run.model is not None
    folder = request.place(run)
    part = read_part(folder)
    identity = identify_model(run.model, use_cache=request.use_cache)
    stands = (part.key, part.data, part.start, part.versions)
    key = name_key(request, run, identity.sha256, request.fingerprint)
    if stands != (key, request.cut.data, request.cut.rows.start, list_versions()):
        return None
    read_rows(folder, part)
    return part


def store_part(
    request: EvaluationRequest, scored: ScoredRun, decoded: DecodedSet, started: float
) -> RunOutcome:
    """Write what a run answered to its part of the images."""
    cut, opened = request.cut, scored.opened
    run, session = opened.run, opened.session
    assert cut is not None
    assert run.model is not None
    check_unchanged(run.model, session.identity)
    part = EvaluationPart(
        run=run.name,
        shard=cut.shard,
        start=cut.rows.start,
        stop=cut.rows.stop,
        n_images=len(cut.whole),
        data=cut.data,
        fingerprint=request.fingerprint,
        key=key_of(request, opened),
        model=session.identity.sha256,
        labels=request.dataset.labels,
        contract=describe_input(opened),
        settings=request.settings,
        versions=list_versions(),
        alone=opened.alone,
        timing=PartTiming(
            format_time(started),
            format_time(time.time()),
            round(decoded.decode_s, 3),
            round(scored.inference_s, 3),
            scored.n_timed,
            describe_machine(request),
            request.jobs or count_jobs(request.execution),
            request.command,
        ),
        chains=tuple(sorted(decoded.chains.items())),
        smallest_batch=scored.smallest_batch,
    )
    digests = Digests.of(request.digests)
    rows = PartRows(
        scored.kept.read(), decoded.reasons, decoded.peaks, decoded.measured, digests.sha256,
        digests.readable,
    )  # fmt: skip
    folder = request.place(run)
    write_part(folder, part, rows)
    clear_failure(folder)
    checkpoint = scored.checkpoint
    if checkpoint is not None:
        if request.made.has_checkpoint(checkpoint.token) and request.use_cache:
            request.made.note_part(folder / PART_FILE)
        request.made.forget_checkpoint(checkpoint.token)
        checkpoint.remove()
    return RunOutcome(run, part=folder)
