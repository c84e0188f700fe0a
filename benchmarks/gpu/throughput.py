"""Inference on a card: ours beside a bare loop, beside PyTorch, and with more and more runs.

For each model and precision, images a second of

- bare: the session on a batch that lies in the card's memory, again and again;
- ours: uint8 pixels from the machine's memory through the two slots, as an evaluation feeds them;
- eager, compiled: the same network in PyTorch (channels last; AMP for fp16, TF32 where asked for);

then ours for 1, 2, 4, 9 and 18 runs at once, and a whole evaluation of drawn images beside the
slower of its decoding and its inference. Needs a card, the extras `gpu` and `train`, and nothing
else; `--provider cpu` runs the same steps on the CPU to show that they work, and proves no figure.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common import LABELS, Row, print_rows, write_model
from benchmarks.gpu.rates import bare_rate, our_rate, rate
from covidreport.dataset import read_dataset
from covidreport.evaluate.decode import decode_chunk
from covidreport.evaluate.loop import count_jobs, score_runs
from covidreport.evaluate.scored import OpenedRun
from covidreport.inference.batch import prepare_batch
from covidreport.inference.execution import Execution, Precision
from covidreport.inference.providers import choose_execution, describe_device
from covidreport.inference.session import open_session
from covidreport.records import Run
from train.device import set_float32
from train.models import build_network, wrap_network
from train.settings import FitSettings
from train.synthetic.dataset import Drawing, draw_dataset

GOALS = {
    ("resnet18", "fp16"): "at least 25000",
    ("vgg16", "fp16"): "at least 6000",
    ("resnet18", "tf32"): "at least 12000",
    ("vgg16", "tf32"): "at least 3500",
}


def torch_rates(
    kind: str, precision: Precision, batch: NDArray[Any], device: str, seconds: float
) -> dict[str, float | str]:
    """The same network in PyTorch, eager and compiled, fed from the device's memory."""
    settings = FitSettings(kind, "none", "bce", "adam", 1e-3, 1, 16, image_size=batch.shape[-1])
    network = build_network(settings, len(LABELS))
    model = wrap_network(network, settings).eval().to(device)
    model = model.to(memory_format=torch.channels_last)
    set_float32("tf32" if precision == "tf32" else "ieee")
    images = torch.from_numpy(batch).to(device)

    def rate_of(function: Callable[[torch.Tensor], torch.Tensor]) -> float:
        def work() -> int:
            with (
                torch.inference_mode(),
                torch.autocast(device, torch.float16, enabled=precision == "fp16"),
            ):
                function(images)
            if device == "cuda":
                torch.cuda.synchronize()
            return len(batch)

        return rate(work, seconds)

    rates: dict[str, float | str] = {"eager": rate_of(model)}
    try:
        rates["compiled"] = rate_of(torch.compile(model))
    except RuntimeError as error:  # it needs a C compiler and Triton: the rest is worth having
        rates["compiled"] = f"failed: {str(error).strip().splitlines()[0]}"
    return rates


def whole_evaluation(
    model: Path, execution: Execution, options: argparse.Namespace, scratch: Path
) -> Row:
    """The evaluation's loop over image files without a cache, beside the slower of its halves."""
    dataset = read_dataset(draw_dataset(scratch / "drawn", Drawing(images=options.images)))
    paths = [dataset.root / path for path in dataset.paths]
    batch, runs = options.batch, options.runs[-1]
    sessions = [open_session(model, execution, static_batch=batch) for _ in range(runs)]
    columns = tuple(range(len(LABELS)))
    opened = [
        OpenedRun(Run(f"run{i}", model.parent, model), session, columns)
        for i, session in enumerate(sessions)
    ]
    spec = sessions[0].spec
    score_runs(dataset, opened, batch=batch)  # not counted: kernels are loaded
    began = time.perf_counter()
    with ThreadPoolExecutor(count_jobs()) as pool:
        starts = range(0, len(paths), batch)
        jobs = [pool.submit(decode_chunk, paths[s : s + batch], s, [spec.pixels]) for s in starts]
        chunks = [job.result() for job in jobs]
    decoding = time.perf_counter() - began
    batches = [prepare_batch(chunk.pixels[spec.pixels], spec) for chunk in chunks]
    inference = len(paths) * runs / our_rate(sessions, batches, options.seconds)
    began = time.perf_counter()
    score_runs(dataset, opened, batch=batch)
    whole = time.perf_counter() - began
    return Row(
        f"{runs} runs x {len(paths)} drawn images on {count_jobs()} cores, the whole against its "
        f"slower half (decoding {decoding:.2f} s, inference {inference:.2f} s)",
        "at most 1.10",
        whole / max(decoding, inference),
    )


def print_table(options: argparse.Namespace) -> None:
    """Measure all models in all precisions, and print the rows."""
    device = "cpu" if options.provider == "cpu" else "cuda"
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for kind in options.models:
            model = write_model(scratch / kind, kind, options.size)
            for precision in options.precisions:
                execution, _ = choose_execution(options.provider, precision)
                rows += measure(model, kind, execution, device, options)
        first = scratch / options.models[0] / "model.onnx"
        rows.append(whole_evaluation(first, execution, options, scratch))
    if not options.json:
        print(describe_device(execution.provider, execution.device_id))
    print_rows(rows, as_json=options.json)


def measure(
    model: Path, kind: str, execution: Execution, device: str, options: argparse.Namespace
) -> list[Row]:
    """One model in one precision: all sides, then more and more runs."""
    session = open_session(model, execution, static_batch=options.batch)
    shape = (options.batch, options.size, options.size, 1)
    pixels = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)
    batches = [prepare_batch(block, session.spec) for block in pixels]
    name = f"{kind} {execution.precision} on {execution.provider.name}, batch {options.batch}"
    bare = bare_rate(session, execution, batches[0], options.seconds)
    ours = our_rate([session], batches, options.seconds)
    goal = GOALS.get((kind, execution.precision), "no goal")
    rows = [
        Row(f"{name}: images/s, bare loop on the device's memory", "beside", bare),
        Row(f"{name}: images/s, ours", goal, ours),
        Row(f"{name}: ours against the bare loop", "at least 0.90", ours / bare),
    ]
    for side, value in torch_rates(
        kind, execution.precision, batches[0], device, options.seconds
    ).items():
        rows.append(Row(f"{name}: images/s, PyTorch {side}", "beside", value))
    sessions = [session]
    for runs in options.runs:
        while len(sessions) < runs:
            sessions.append(open_session(model, execution, static_batch=options.batch))
        value = our_rate(sessions, batches, options.seconds)
        rows.append(Row(f"{name}: images/s, {runs} runs", "beside", value))
    return rows
