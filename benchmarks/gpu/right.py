"""The checks whether a card answers right and holds what it is given, one to nine."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.gpu.bare import Bare
from benchmarks.gpu.rates import rate
from benchmarks.gpu.setting import LABELS, Bench, fill_card, on_cpu, used_bytes
from benchmarks.gpu.told import Told
from covidreport.evaluate.loop import score_runs
from covidreport.evaluate.scored import OpenedRun
from covidreport.inference.batch import prepare_batch
from covidreport.inference.device import DeviceQueue, read_answers
from covidreport.inference.execution import Execution
from covidreport.inference.limits import LIMITS, find_largest_difference
from covidreport.inference.session import Session
from covidreport.records import Run

SAMPLE = 64
GROWTH = 64 * 2**20
"""So many bytes more, from one round to the next of the same work, are no growth."""


def convolution(bench: Bench, told: Told) -> None:
    """A session of a network with convolutions opens and answers in each precision."""
    setting = bench.setting
    for execution in setting.executions():
        name = execution.precision
        with told.timing(f"{name}: seconds to open"):
            session = setting.open(bench.models[0], execution)
        batch = prepare_batch(setting.pixels(setting.batch), session.spec)
        with told.timing(f"{name}: seconds of the first batch"):
            scores = session.run(batch)
        some = batch[: min(8, len(batch))]
        gap = find_largest_difference(scores[: len(some)], on_cpu(bench.models[0], some), "logit")
        told.note(f"{name}: largest difference from the CPU", gap)
        told.expect(f"{name} answers as the CPU does", gap <= LIMITS[name].rounding)


def half_and_tf32(bench: Bench, told: Told) -> None:
    """fp16 with `use_tf32` off and on: whether the option takes its tensor cores away."""
    setting = bench.setting
    execution = setting.execution("fp16")
    for model in bench.models:
        batch = np.ascontiguousarray(setting.pixels(setting.batch).transpose(0, 3, 1, 2))
        rates, answers = [], []
        for use in ("0", "1"):
            bare = Bare(model, execution, batch, use_tf32=use)
            answers.append(bare.answer())
            rates.append(rate(bare.run, setting.seconds))
            told.note(f"{model.parent.name}, use_tf32={use}: images/s", rates[-1])
        told.note(f"{model.parent.name}: with against without", rates[1] / rates[0])
        gap = find_largest_difference(answers[0], answers[1], "logit")
        told.note(f"{model.parent.name}: largest difference of the two", gap)
        told.expect("both answer alike", gap <= LIMITS["fp16"].rounding)


def placement(bench: Bench, told: Told) -> None:
    """The provider that was asked for runs, and nothing that costs was left on the CPU."""
    for execution, model in product(bench.setting.executions(), bench.models):
        session = bench.setting.open(model, execution)
        name = f"{model.parent.name} {execution.precision}"
        running = session.inner.get_providers()
        told.note(f"{name}: providers", running)
        told.expect(f"{name} runs where it was asked to", running[0] == execution.provider.ort_name)
        if session.placement is not None:
            told.note(f"{name}: nodes", session.placement.nodes)
            told.note(f"{name}: heavy on the CPU", session.placement.heavy_on_cpu)
            told.expect(f"{name}: nothing heavy on the CPU", not session.placement.heavy_on_cpu)


def parity(bench: Bench, told: Told) -> None:
    """64 drawn images: probabilities and decisions beside those of the CPU in fp32."""
    for model in bench.models:
        wanted, batch = None, None
        for execution in bench.setting.executions():
            session = bench.setting.open(model, execution)
            if wanted is None or batch is None:
                batch = prepare_batch(bench.drawn(SAMPLE, session.spec.pixels), session.spec)
                wanted = on_cpu(model, batch)
            scores = session.run(batch)
            name = f"{model.parent.name} {execution.precision}"
            gap = find_largest_difference(scores, wanted, session.spec.activation)
            told.note(f"{name}: images", len(batch))
            told.note(f"{name}: largest difference of a probability", gap)
            told.note(f"{name}: other decisions", int(((scores > 0) != (wanted > 0)).sum()))
            told.expect(f"{name} is as the CPU", gap <= LIMITS[execution.precision].rounding)


def slots(bench: Bench, told: Told) -> None:
    """Batches of changing size and a tail answer through the two slots as in plain calls."""
    setting = bench.setting
    sizes = [setting.batch, setting.batch, 3, setting.batch, 1, setting.batch // 2, 2]
    for execution in setting.executions():
        sessions = [setting.open(model, execution) for model in bench.models]
        spec = sessions[0].spec
        batches = [prepare_batch(setting.pixels(n, seed), spec) for seed, n in enumerate(sizes)]
        given = through_slots(sessions, batches, setting.batch)
        plain = [[session.run(batch) for session in sessions] for batch in batches]
        gaps = [
            find_largest_difference(a, b, "logit")
            for ours, theirs in zip(given, plain, strict=True)
            for a, b in zip(ours, theirs, strict=True)
        ]
        name = execution.precision
        told.note(f"{name}: largest difference", max(gaps))
        told.expect(f"{name}: slots change nothing", max(gaps) <= LIMITS[name].rounding)


def through_slots(
    sessions: Sequence[Session], batches: Sequence[NDArray[Any]], size: int
) -> list[list[NDArray[np.float32]]]:
    """Every session's scores of every batch, uploaded once for all as an evaluation does it."""
    queue = DeviceQueue()
    try:
        pending = []
        for batch in batches:
            upload = queue.upload("pixels", sessions, [batch], size, readers=len(sessions))
            uploaded = upload.result()

            def score(session: Session, uploaded: Any = uploaded, n: int = len(batch)) -> Any:
                with uploaded:
                    answers, _ = queue.answer(session, uploaded, n)
                return read_answers(session, answers, n)

            pending.append([queue.submit(score, session) for session in sessions])
        return [[job.result() for job in jobs] for jobs in pending]
    finally:
        queue.close()


def memory(bench: Bench, told: Told) -> None:
    """Memory after opening, after the first batch and after the second, of each model alone."""
    setting = bench.setting
    for execution, model in product(setting.executions(), bench.models):
        name = f"{model.parent.name} {execution.precision}"
        before = used_bytes(execution)
        session = setting.open(model, execution)
        batch = prepare_batch(setting.pixels(setting.batch), session.spec)
        after = [used_bytes(execution)]
        for _ in range(2):
            session.run(batch)
            after.append(used_bytes(execution))
        for when, used in zip(("opening", "the first", "the second"), after, strict=True):
            told.note(f"{name}: MiB after {when}", round((used - before) / 2**20))
        told.expect(f"{name}: the second takes no more", after[2] - after[1] <= GROWTH)
        del session
        gc.collect()


def many_runs(bench: Bench, told: Told) -> None:
    """Nine runs of either model, one after the other, round after round: does memory grow?"""
    setting = bench.setting
    execution = setting.execution("fp32")
    before = used_bytes(execution)
    with told.timing("seconds to open all"):
        sessions = [
            setting.open(model, execution) for _ in range(setting.runs) for model in bench.models
        ]
    told.note("runs", len(sessions))
    batches = [prepare_batch(setting.pixels(setting.batch), sessions[0].spec)]
    used = [used_bytes(execution)]
    told.note("MiB after opening", round((used[-1] - before) / 2**20))
    for turn in range(3):
        with told.timing(f"round {turn + 1}: seconds"):
            through_slots(sessions, batches, setting.batch)
        used.append(used_bytes(execution))
        told.note(f"round {turn + 1}: MiB", round((used[-1] - before) / 2**20))
    told.expect("the third round takes no more than the second", used[-1] - used[-2] <= GROWTH)


def nearly_full(bench: Bench, told: Told) -> None:
    """The heavy model at the full batch where little memory is left: halved, and right."""
    setting = bench.setting
    execution = setting.execution("fp32")
    session = setting.open(bench.models[-1], execution)
    if setting.on_card:
        told.note("MiB filled", round(fill_card(execution, setting.left_bytes) / 2**20))
    batch = prepare_batch(setting.pixels(setting.batch), session.spec)
    queue = DeviceQueue()
    try:
        uploaded = queue.upload("pixels", [session], [batch], setting.batch, readers=1).result()
        with uploaded:
            answers, size = queue.submit(queue.answer, session, uploaded, len(batch)).result()
        scores = read_answers(session, answers, len(batch))
    finally:
        queue.close()
    told.note("images of a call at last", size)
    some = batch[: min(8, len(batch))]
    gap = find_largest_difference(scores[: len(some)], on_cpu(bench.models[-1], some), "logit")
    told.note("largest difference from the CPU", gap)
    told.expect("the answers are those of the CPU", gap <= LIMITS["fp32"].rounding)


def two_groups(bench: Bench, told: Told) -> None:
    """Two groups of runs in one process, one closed before the next is opened: the same scores."""
    execution = bench.setting.execution("fp32")
    before = used_bytes(execution)
    groups = []
    for name in ("first", "second"):
        groups.append(_score_group(bench, execution, told, name))
        gc.collect()
        told.note(f"MiB left by the {name} group", round((used_bytes(execution) - before) / 2**20))
    first, second = groups
    gap = find_largest_difference(first, second, "logit")
    told.note("largest difference", gap)
    told.expect("both groups answer alike", gap <= LIMITS["fp32"].rounding)


def _score_group(bench: Bench, execution: Execution, told: Told, name: str) -> NDArray[np.float32]:
    """The scores of all runs of a group, float32 `(runs, N, K)`."""
    with told.timing(f"{name} group: seconds"):
        scored, _ = score_runs(
            bench.dataset(), open_runs(bench, execution), batch=bench.setting.batch
        )
    failures = [run.failure.reason for run in scored if run.failure]
    told.expect(f"{name} group: no run fails ({failures})", not failures)
    return np.stack([run.kept.read() for run in scored])


def open_runs(bench: Bench, execution: Execution) -> list[OpenedRun]:
    """Both models, as runs that are opened."""

    def opened(model: Path) -> OpenedRun:
        session = bench.setting.open(model, execution)
        run = Run(model.parent.name, model.parent, model)
        return OpenedRun(run, session, tuple(range(len(LABELS))))

    return [opened(model) for model in bench.models]
