"""The record of an evaluation: counts, metrics, findings, and all that they depend on."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from msgspec import to_builtins

from covidreport import __version__
from covidreport.audit import audit_activation, find_synthetic
from covidreport.dataset.source import describe_data
from covidreport.evaluate.argmax import audit_argmax
from covidreport.evaluate.company import describe_dependence
from covidreport.evaluate.cpu_check import CpuCheck, findings_of
from covidreport.evaluate.describe import Gathered
from covidreport.evaluate.identity import PYDICOM, evaluation_key
from covidreport.evaluate.loop import count_jobs
from covidreport.evaluate.reference import RECORDED
from covidreport.evaluate.reference import findings_of as findings_of_replay
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.scored import NO_SCORE, DecodedSet, OpenedRun, ScoredRun
from covidreport.evaluate.scoring import mark_thresholds
from covidreport.evaluate.tuned import ChosenThresholds
from covidreport.images import summarize_chains
from covidreport.images.cache import DECODER, decoder_versions
from covidreport.inference.providers import describe_device, describe_runtime
from covidreport.metrics.brightness import count_levels
from covidreport.records import Evaluation, Failure, Finding, InputSpec, Measured, Run, Scores
from covidreport.storage.model import ModelIdentity, check_unchanged, stated_digest
from covidreport.storage.replaced import SOURCE_DIGEST, digest_source
from covidreport.text.thresholds import TUNED_BY


def key_of(request: EvaluationRequest, opened: OpenedRun) -> str:
    """The key under which this run's scores are the same whenever they are computed."""
    return name_key(request, opened.run, opened.session.identity.sha256, request.fingerprint)


def name_key(request: EvaluationRequest, run: Run, model_sha256: str, fingerprint: str) -> str:
    """The same for a model that need not be loaded, on images with this fingerprint."""
    return evaluation_key(
        model_sha256, fingerprint, request.dataset.labels, run.described, request.provider_facts,
        request.batch,
    )  # fmt: skip


def build_evaluation(
    request: EvaluationRequest, scored: ScoredRun, gathered: Gathered, chosen: ChosenThresholds,
    decoded: DecodedSet, started: float, check: CpuCheck | None = None,
) -> Evaluation:  # fmt: skip
    """The record of one run's scores, with what they were made from and how long it took.

    check: how the scores compare with the CPU's, where they were made on an accelerator.
    """
    dataset = request.dataset
    run = scored.opened.run
    assert run.model is not None
    # Scores of a file that was replaced meanwhile would stand under the new file's name.
    check_unchanged(run.model, scored.opened.session.identity)
    scores, described = gathered.scores, gathered.describe()
    failures = tuple(
        Failure(scores.sample_ids[row], "infer" if reason == NO_SCORE else "decode", reason)
        for row, reason in enumerate(scores.reasons)
        if reason is not None
    )
    evaluation = Evaluation(
        run=scored.opened.run.name,
        dataset=dataset.name,
        split=request.split,
        variant=request.variant,
        fingerprint=request.fingerprint,
        label_fingerprints=request.label_fingerprints,
        labels=dataset.labels,
        n_images=len(dataset),
        n_groups=request.n_groups,
        thresholds=dict(chosen.values),
        thresholds_from=chosen.origin,
        counts=described.metrics.counts,
        estimates=described.metrics.estimates,
        score_metrics=described.metrics.score_metrics,
        findings=(
            *request.warnings,
            *find_synthetic(dataset.attributes),
            *decoded.findings,
            *_failed_images(failures, len(dataset)),
            *_varying_answers(scored.opened),
            *_other_bytes(run, scored.opened.session.identity),
            *findings_of_replay(run.name, scored.opened.replayed),
            *describe_dependence(scored.opened.run.name, scored.opened.company),
            *_audit(scored.opened, scores, described.findings),
            *audit_argmax(scored.opened.run.name, scores, chosen.rule(dataset.labels)),
            *_on_device(scored, request, check),
        ),
        failures=failures,
        provenance=_provenance(request, scored, decoded, check),
        timing={
            "started": format_time(started),
            "finished": format_time(time.time()),
            "decode_s": round(decoded.decode_s, 3),
            "inference_s": round(scored.inference_s, 3),
            "images_timed": scored.n_timed,
            "memory_bytes": scored.opened.session.memory_bytes,
            "machine": _name_machines(request, scored),
            "jobs": request.jobs or count_jobs(request.execution),
            "command": request.command,
            SOURCE_DIGEST: digest_source(dataset.source),
            **({} if chosen.tuned_by is None else {TUNED_BY: chosen.tuned_by}),
            **({"shards": list(scored.shards)} if scored.shards else {}),
        },
    )
    return mark_thresholds(evaluation, chosen)


def _name_machines(request: EvaluationRequest, scored: ScoredRun) -> str | None:
    """What the images were scored on: this machine, or those of the shards, each once."""
    names = dict.fromkeys(str(each["machine"]) for each in scored.shards if each["machine"])
    return "; ".join(names) if names else describe_machine(request)


def describe_machine(request: EvaluationRequest) -> str | None:
    """What models are run on here."""
    return describe_device(request.execution.provider, request.execution.device_id)


def format_time(seconds: float) -> str:
    """Seconds since 1970 as files have them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _failed_images(failures: Sequence[Failure], n: int) -> tuple[Finding, ...]:
    if not failures:
        return ()
    return (
        Finding(
            "warning",
            "images-failed",
            f"{len(failures)} of {n} images could not be scored",
            f"{failures[0].subject}: {failures[0].reason}",
            "Mend or replace these files and evaluate again. Until then each counts against every "
            "run: a positive as missed, a negative as a false alarm.",
            tuple(failure.subject for failure in failures),
        ),
    )


def _varying_answers(opened: OpenedRun) -> tuple[Finding, ...]:
    if opened.variation == 0:
        return ()
    return (
        Finding(
            "error",
            "answers-vary",
            f"{opened.run.name} answers the same image differently each time",
            f"two answers to one image differ by {opened.variation:.3g}",
            "Export the model in evaluation mode (dropout off) and evaluate it again; until then "
            "its metrics are one sample of many.",
            (opened.run.name,),
        ),
    )


def _other_bytes(run: Run, identity: ModelIdentity) -> tuple[Finding, ...]:
    """A finding where run.json states which bytes were exported, and these are others."""
    stated = stated_digest(run.settings)
    if stated in (None, identity.sha256):
        return ()
    return (
        Finding(
            "error",
            "model-not-as-exported",
            f"The model of {run.name} is not the one that was exported",
            f"its sha256 is {identity.sha256}, run.json states {stated}",
            "Copy the model again from where it was exported, or export it anew: a damaged or "
            "exchanged model gives answers like any other.",
            (run.name,),
        ),
    )


def _audit(opened: OpenedRun, scores: Scores, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """What scores and the end of the graph say against the run; the graph goes before a guess.

    found: of `audit_scores`.
    """
    name, session = opened.run.name, opened.session
    ending = audit_activation(name, scores, session.spec.activation, session.signs.ending)
    guessed = ("logits-look-like-probabilities", "activation-taken-twice") if ending else ()
    return (*ending, *(each for each in found if each.code not in guessed))


def _on_device(
    scored: ScoredRun, request: EvaluationRequest, check: CpuCheck | None
) -> tuple[Finding, ...]:
    """What a reader must know of an evaluation on an accelerator."""
    session = scored.opened.session
    name = scored.opened.run.name
    findings = list(findings_of(name, check, session.execution.precision)) if check else []
    if session.placement is not None and session.placement.heavy_on_cpu:
        nodes = ", ".join(f"{n} {op}" for op, n in session.placement.heavy_on_cpu)
        findings.append(
            Finding(
                "warning",
                "nodes-on-cpu",
                f"{name} runs in part on the CPU although {session.execution.provider.name} "
                "was asked for",
                f"left on the CPU: {nodes}",
                "Export the model with operators that the provider has (a newer opset, or without "
                "control flow). Its speed and its metrics are of a mixture until then.",
                (name,),
            )
        )
    size = scored.smallest_batch
    if size is not None and size < request.batch and session.spec.batch is None:
        findings.append(
            Finding(
                "note",
                "batch-halved",
                f"{name} was fed {size} images at a time: {request.batch} did not fit",
                "the device ran out of memory",
                f"Use --batch-size {size}, or evaluate fewer runs at once.",
                (name,),
            )
        )
    if not session.execution.provider.verified:
        findings.append(
            Finding(
                "note",
                "provider-unverified",
                f"Nobody has yet verified covidreport with {session.execution.provider.name}",
                "it is offered as ONNX Runtime documents it; the comparison with the CPU was made",
                "Trust these metrics as far as that comparison goes.",
                (),
            )
        )
    return tuple(findings)


def _device_facts(scored: ScoredRun, check: CpuCheck | None) -> dict[str, Any]:
    """How a device ran the model: the card, nodes by provider, the comparison."""
    session = scored.opened.session
    execution = session.execution
    if not execution.provider.accelerator:
        return {}
    return {
        "device": {
            "card": describe_device(execution.provider, execution.device_id),
            "nodes": dict(session.placement.nodes) if session.placement else {},
            "batch": scored.smallest_batch,
        },
        "cpu_check": check.facts() if check else None,
    }


_SELDOM = ("outputs", "channel_order", "per_image", "decision")
"""Words of a contract that are recorded where they are said alone."""


def describe_input(opened: OpenedRun) -> dict[str, Any]:
    """What the model takes and gives, with the output column of each label of the data."""
    spec = opened.session.spec
    facts = to_builtins(spec)
    plain = to_builtins(InputSpec(spec.pixels, spec.labels, spec.input_name, spec.output_name))
    for word in _SELDOM:
        if facts[word] == plain[word]:
            del facts[word]
    if spec.pixels.equalize is None:
        del facts["pixels"]["equalize"]
    return {**facts, "columns": [spec.columns[at] for at in opened.columns]}


def _provenance(
    request: EvaluationRequest, scored: ScoredRun, decoded: DecodedSet, check: CpuCheck | None
) -> dict[str, Any]:
    """All that the metrics depend on; nothing here differs between two equal evaluations."""
    opened = scored.opened
    session = opened.session
    facts = {
        "key": key_of(request, opened),
        "model": {**session.identity.facts(), "parameters": session.signs.parameters},
        "input": describe_input(opened),
        "data": describe_data(request.dataset),
        "provider": request.provider_facts,
        **_device_facts(scored, check),
        "batch": request.batch,
        "decoder": DECODER,
        "grey_levels": count_levels(_iterate_greys(decoded)),
        "company": opened.company.facts() if opened.company else None,
        "threads_per_session": 1,
        "versions": describe_versions(),
        "machine": describe_system(),
    }
    if opened.replayed is not None:
        facts[RECORDED] = opened.replayed.facts()
    dicom = summarize_chains(decoded.chains)
    if dicom is not None:
        facts["dicom"] = dicom
    # as JSON has it, so that what is written and what is read back are equal
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return plain


def _iterate_greys(decoded: DecodedSet) -> Iterator[int]:
    """The mean grey level of each picture that was decoded."""
    greys = decoded.measured[:, Measured._fields.index("grey")]
    return map(int, greys[~np.isnan(greys)])


def describe_versions() -> dict[str, Any]:
    """The versions of what reads images, runs models and computes."""
    pydicom = decoder_versions()[PYDICOM]
    return {
        "covidreport": __version__,
        "python": platform.python_version(),
        **describe_runtime(),
        **_list_versions(),
        **({PYDICOM: pydicom} if pydicom else {}),
    }


def describe_system() -> dict[str, str]:
    """The kind of machine."""
    return {"system": platform.system(), "processor": platform.machine()}


def list_versions() -> dict[str, str]:
    """All that parts of an evaluation have to have in common beside what their key holds."""
    return {name: str(each) for name, each in (describe_versions() | describe_system()).items()}


@cache
def _list_versions() -> Mapping[str, str]:
    return {name: version(name) for name in ("numpy", "pillow", "imagecodecs", "pyarrow")}
