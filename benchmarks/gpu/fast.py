"""The checks how fast a card is, and what that hangs on: ten to fifteen."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.gpu.bare import Bare
from benchmarks.gpu.rates import bare_rate, our_rate, rate
from benchmarks.gpu.right import SAMPLE, open_runs
from benchmarks.gpu.setting import LABELS, Bench, on_cpu
from benchmarks.gpu.told import Told
from covidreport.evaluate.loop import score_runs
from covidreport.inference.batch import prepare_batch
from covidreport.inference.device import DeviceFeed
from covidreport.inference.limits import LIMITS, find_largest_difference

OVERLAP = 1.15
"""Uploads and runs together may take so many times the slower of the two alone."""
OURS = 0.90
"""The least share of the bare session's rate."""
GRAPHS = 1.10
"""What recorded graphs have to bring at one of the batches before the product has them."""
SEARCHES = ("HEURISTIC", "EXHAUSTIVE", "DEFAULT")


def overlap(bench: Bench, told: Told) -> None:
    """Uploads beside runs: together hardly longer than the slower of the two alone."""
    setting = bench.setting
    execution = setting.execution("fp16")
    for model in bench.models:
        session = setting.open(model, execution)
        batches = [
            prepare_batch(setting.pixels(setting.batch, seed), session.spec) for seed in range(4)
        ]
        feed = DeviceFeed(execution, setting.batch, batches[0].shape[1:], batches[0].dtype)

        def upload(feed: DeviceFeed = feed, batch: NDArray[Any] = batches[0]) -> int:
            feed.release(feed.upload(batch))
            return len(batch)

        try:
            uploads = rate(upload, setting.seconds)
        finally:
            feed.close()
        runs = bare_rate(session, execution, batches[0], setting.seconds)
        both = our_rate([session], batches, setting.seconds)
        name, ratio = model.parent.name, min(uploads, runs) / both
        told.note(f"{name}: pinned", feed.pinned)
        told.note(f"{name}: images/s of uploads, runs, both", [uploads, runs, both])
        told.note(f"{name}: time of both against the slower", ratio)
        told.expect(f"{name}: at most {OVERLAP}", ratio <= OVERLAP or not setting.on_card)


def graphs(bench: Bench, told: Told) -> None:
    """A bare session with recorded CUDA graphs against one without, at small and large batches."""
    setting = bench.setting
    execution = setting.execution("fp16")
    for model, size in product(bench.models, setting.batches):
        batch = _noise(bench, size)
        plain = Bare(model, execution, batch)
        graph = Bare(model, execution, batch, enable_cuda_graph="1")
        rates = [rate(side.run, setting.seconds) for side in (plain, graph)]
        gap = find_largest_difference(plain.answer(), graph.answer(), "logit")
        name = f"{model.parent.name} {execution.precision}, batch {size}"
        told.note(f"{name}: images/s without and with", rates)
        told.note(f"{name}: with against without", rates[1] / rates[0])
        told.note(f"{name}: worth having", rates[1] / rates[0] >= GRAPHS)
        told.expect(f"{name}: the same answers", gap <= LIMITS[execution.precision].rounding)


def layouts(bench: Bench, told: Told) -> None:
    """NHWC, fused bias and the search of algorithms: every combination, fast and right or not."""
    setting = bench.setting
    for precision, model in product(("fp16", "tf32"), bench.models):
        execution = setting.execution(precision)
        if execution.precision != precision and setting.on_card:
            continue  # TensorRT chooses all of this by itself
        batch = _noise(bench, setting.batch)
        some = batch[: min(8, len(batch))]
        wanted = on_cpu(model, some)
        for nhwc, fused, search in product("01", "01", SEARCHES):
            bare = Bare(
                model, execution, batch,
                prefer_nhwc=nhwc, fuse_conv_bias=fused, cudnn_conv_algo_search=search,
            )  # fmt: skip
            gap = find_largest_difference(bare.answer()[: len(some)], wanted, "logit")
            name = f"{model.parent.name} {precision}, NHWC {nhwc}, fused {fused}, {search}"
            told.note(name, {"images/s": rate(bare.run, setting.seconds), "difference": gap})
            told.expect(f"{name}: right", gap <= LIMITS[execution.precision].rounding)


def against_bare(bench: Bench, told: Told) -> None:
    """Ours, from the machine's memory through the slots, against the session on one batch."""
    setting = bench.setting
    for execution, model in product(setting.executions(), bench.models):
        session = setting.open(model, execution)
        batches = [
            prepare_batch(setting.pixels(setting.batch, seed), session.spec) for seed in range(4)
        ]
        bare = bare_rate(session, execution, batches[0], setting.seconds)
        ours = our_rate([session], batches, setting.seconds)
        name = f"{model.parent.name} {execution.precision}"
        told.note(f"{name}: images/s, bare and ours", [bare, ours])
        told.note(f"{name}: ours against bare", ours / bare)
        told.expect(f"{name}: at least {OURS}", ours / bare >= OURS or not setting.on_card)


def whole(bench: Bench, told: Told) -> None:
    """An evaluation by its parts (open, loop, check against the CPU), then by the command."""
    execution = bench.setting.execution("fp32")
    dataset = bench.dataset()
    with told.timing("open: seconds"):
        opened = open_runs(bench, execution)
    with told.timing("loop: seconds"):
        scored, decoded = score_runs(dataset, opened, batch=bench.setting.batch)
    told.note("images", len(dataset))
    told.note("decoding, of all threads: seconds", decoded.decode_s)
    told.note("inference: seconds", [run.inference_s for run in scored])
    told.expect("no run fails", not any(run.failure for run in scored))
    spec = opened[0].session.spec
    with told.timing("check: seconds"):
        sample = prepare_batch(bench.drawn(SAMPLE, spec.pixels), spec)
        for run in scored:
            assert run.opened.run.model is not None
            wanted = on_cpu(run.opened.run.model, sample)
            scores = run.kept.read()[: len(sample)]
            gap = find_largest_difference(scores, wanted, spec.activation)
            told.expect("scores are those of the CPU", gap <= LIMITS["fp32"].rounding)
    command = [
        sys.executable, "-c", "from covidreport.cli import main; main()", "evaluate",
        str(bench.folder / "models"),
        "--data", str(bench.manifest), "--split", "train", "--provider", bench.setting.provider,
    ]  # fmt: skip
    with told.timing("the command on the training split: seconds"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    told.note("the command said", done.stderr[-2000:])
    told.expect(f"the command ends with 0, not {done.returncode}", done.returncode == 0)


def training(bench: Bench, told: Told) -> None:
    """One epoch, twice from the same seed: the same weights to the bit, and how long it takes."""
    from train.device import find_device

    setting = bench.setting
    device = find_device("cuda" if setting.on_card else "cpu")
    for kind, precision in product(setting.architectures, ("float32", "auto")):
        digests = []
        for turn in ("first", "second"):
            began = time.perf_counter()
            digests.append(_train_epoch(bench, kind, precision, device))
            told.note(f"{kind} {precision}, {turn}: seconds", time.perf_counter() - began)
        told.expect(f"{kind} {precision}: the same weights", digests[0] == digests[1])


def _train_epoch(bench: Bench, kind: str, precision: Any, device: Any) -> str:
    """The sha256 of a network's weights after an epoch."""
    from train.fit import Request, prepare_task
    from train.images import ImageStore, count_workers
    from train.passes import Passes
    from train.prepare import find_split_rows
    from train.progress import Silence
    from train.settings import Experiment, FitSettings, Study
    from train.weights import Weights

    setting, dataset = bench.setting, bench.dataset()
    settings = FitSettings(
        kind, "none", "bce", "adam", 1e-4, 1, 16, image_size=setting.side, precision=precision,
        head="plain", validation_split="train", positive_weight="balanced",
    )  # fmt: skip
    every = find_split_rows(dataset, ["train"])["train"]
    spread = np.linspace(0, len(every) - 1, min(setting.epoch, len(every))).astype(int)
    request = Request(
        study=Study(Path("checks"), "checks", "", LABELS, LABELS[0], ()), dataset=dataset,
        rows={"train": every[spread]}, fingerprints={}, failures=(), store=ImageStore(dataset),
        out=bench.folder, weights={"run": Weights("none", "random, from the seed")}, device=device,
        workers=count_workers(),
    )  # fmt: skip
    model, task = prepare_task(request, Experiment("1", "run", settings), bench.folder)
    passes = Passes(model, task)
    passes.train(1, Silence())
    digest = hashlib.sha256()
    for weight in passes.network.state_dict().values():
        digest.update(weight.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def _noise(bench: Bench, n: int) -> NDArray[np.uint8]:
    """A batch of noise as the models take it, uint8 `(n, 1, side, side)`."""
    return np.ascontiguousarray(bench.setting.pixels(n).transpose(0, 3, 1, 2))
