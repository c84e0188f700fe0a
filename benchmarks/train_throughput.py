"""Training throughput: one epoch of `python -m train` beside two loops of plain PyTorch.

`plain` is what a tutorial writes: a data set that decodes each image when it is asked for it (with
the decoder that is ours too), torchvision v2 transforms, a DataLoader with two worker processes
that persist. `cached` is what somebody writes who looks for speed: images are decoded once and kept
in memory, grey until they are normalised, model and batches are channels-last. Same images,
network, loss, optimizer, batch size and kind of changes. All train only: no validation, no
checkpoint.

Each runs in a process of its own, and the epochs take turns; each prints its images per second, and
a ratio is the median of the pairs'. The first epoch of each is apart: ours and `cached` decode and
keep the images then, DataLoaders start their workers. At the end stands the CPU time of an image
too, of all threads and worker processes: where others keep the machine busy it says more than the
clock.

    python benchmarks/train_throughput.py --data data/manifest.csv
    python benchmarks/train_throughput.py --data data/manifest.csv --architecture tiny
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `python -m train` does
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from msgspec.structs import replace
from PIL import Image
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader
from torchvision.transforms import InterpolationMode, v2

from covidreport.dataset import read_dataset
from covidreport.images import read_image
from covidreport.records import Dataset
from train.device import find_device, set_float32
from train.fit import Request, prepare_task
from train.images import ImageStore, count_workers
from train.networks import find_architecture
from train.passes import Passes
from train.prepare import digest_splits, find_split_rows
from train.progress import Silence
from train.settings import AUGMENTATIONS, Experiment, FitSettings, Study
from train.start import start_model
from train.weights import Weights

NO_WEIGHTS = Weights("none", "random, from the seed")
THEIRS = ("plain", "cached")
LOOPS = ("ours", *THEIRS)


class PlainImages(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """What a tutorial writes: open, transform, hand over; with `cached`, opened beforehand."""

    def __init__(self, dataset: Dataset, settings: FitSettings, cached: bool) -> None:
        architecture = find_architecture(settings.architecture)
        kind = AUGMENTATIONS[str(settings.augmentation)]
        assert kind is not None
        self.files = [dataset.root / path for path in dataset.paths]
        self.pictures = [self._open(i).convert("L") for i in range(len(self))] if cached else None
        self.truth = torch.from_numpy(dataset.truth).float()
        self.transform = v2.Compose(
            [
                v2.RandomRotation(kind.rotation),
                v2.RandomResizedCrop(
                    settings.image_size, kind.scale, kind.ratio, InterpolationMode.BICUBIC
                ),
                v2.RandomHorizontalFlip(kind.flip),
                *([] if cached else [v2.Grayscale(len(architecture.mean))]),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                *([v2.Lambda(_repeat)] if cached and len(architecture.mean) == 3 else []),
                v2.Normalize(architecture.mean, architecture.std),
            ]
        )

    def _open(self, i: int) -> Image.Image:
        return read_image(self.files[i]).picture

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture = self._open(i) if self.pictures is None else self.pictures[i]
        image: torch.Tensor = self.transform(picture)
        return image, self.truth[i]


def _repeat(image: torch.Tensor) -> torch.Tensor:
    return image.expand(3, -1, -1)


def plain_epochs(
    dataset: Dataset, settings: FitSettings, device: torch.device, cached: bool
) -> Iterator[int]:
    """One epoch each time it is asked: how many images it had."""
    loader = DataLoader(
        PlainImages(dataset, settings, cached), settings.batch_size, shuffle=True, num_workers=2,
        persistent_workers=True, pin_memory=device.type == "cuda",
    )  # fmt: skip
    layout = torch.channels_last if cached else torch.contiguous_format
    model = start_model(settings, NO_WEIGHTS, dataset.truth.shape[1])
    network = model.network.to(device).to(memory_format=layout)
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate)
    torch.backends.cudnn.allow_tf32 = True  # torch's own default
    while True:
        network.train()
        for images, truth in loader:
            optimizer.zero_grad()
            images = images.to(device, memory_format=layout, non_blocking=True)
            loss = binary_cross_entropy_with_logits(network(images), truth.to(device))
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
            loss.item()  # for a progress line, as every tutorial does
        yield len(dataset)


def our_epochs(dataset: Dataset, settings: FitSettings, device: torch.device) -> Iterator[int]:
    """The same through `train`."""
    study = Study(Path("benchmark"), "benchmark", "", dataset.labels, dataset.labels[0], ())
    split = find_split_rows(dataset, [settings.train_split])
    used, digests = digest_splits(dataset, split, lambda _: None)
    store = ImageStore(dataset, digests=dict(zip(used.ids, digests, strict=True)))
    request = Request(
        study=study, dataset=dataset, rows=split, fingerprints={}, failures=(),
        weights={"run": NO_WEIGHTS}, store=store, out=Path("unused"), device=device,
        workers=count_workers(),
    )  # fmt: skip
    kind = AUGMENTATIONS[str(settings.augmentation)]
    store.check(split[settings.train_split], settings.pixels, request.workers, kind)
    model, task = prepare_task(request, Experiment("1", "run", settings), Path("unused"))
    passes = Passes(model, task)
    epoch = 0
    while True:
        epoch += 1
        set_float32("ieee")
        passes.train(epoch, Silence())
        yield len(dataset)


class Epoch(NamedTuple):
    """Images per second by the clock, and CPU milliseconds an image, workers included."""

    speed: float
    cpu_ms: float


def read_cpu_s() -> float:
    """CPU seconds of this process and of its workers, which live on."""
    found = time.process_time()
    for worker in multiprocessing.active_children():
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def time_epochs(
    name: str, dataset: Dataset, settings: FitSettings, device: torch.device, pipe: Connection
) -> None:
    """What each process does: an epoch each time it is asked, and what it took."""
    if name == "ours":
        epochs = our_epochs(dataset, settings, device)
    else:
        epochs = plain_epochs(dataset, settings, device, cached=name == "cached")
    wait: Callable[[], None] = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    while pipe.recv():
        began, cpu_s = time.perf_counter(), read_cpu_s()
        n = next(epochs)
        wait()
        seconds = time.perf_counter() - began
        pipe.send(Epoch(n / seconds, (read_cpu_s() - cpu_s) / n * 1e3))


def compare(
    dataset: Dataset, settings: FitSettings, device: torch.device, pairs: int
) -> Iterator[dict[str, Epoch]]:
    """What each loop took, epoch by epoch; whoever goes first changes."""
    context = multiprocessing.get_context("spawn")
    pipes = {}
    for name in LOOPS:
        pipes[name], theirs = context.Pipe()
        # no daemon: DataLoaders have processes of their own
        context.Process(target=time_epochs, args=(name, dataset, settings, device, theirs)).start()
        theirs.close()
    try:
        for turn in range(pairs + 1):
            found = {}
            for name in (*LOOPS[turn % 3 :], *LOOPS[: turn % 3]):
                pipes[name].send(True)
                found[name] = pipes[name].recv()
            yield found
    finally:
        for pipe in pipes.values():
            pipe.send(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--architecture", default="resnet18")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--augmentation", choices=["mild", "study-2020"], default="mild")
    parser.add_argument("--images", type=int, help="only the first so many of the split")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--device", choices=["auto", "cuda", "cpu"], default="auto")
    options = parser.parse_args()
    device = find_device(options.device)
    dataset = read_dataset(options.data)
    rows = find_split_rows(dataset, [options.split])[options.split][: options.images].tolist()
    dataset = keep(dataset, rows, options.split)
    settings = FitSettings(
        options.architecture, "none", "bce", "adam", 1e-4, 1, options.batch_size,
        image_size=options.image_size, augmentation=options.augmentation,
        train_split=options.split, validation_split=options.split,
    )  # fmt: skip
    print(
        f"{options.architecture}, {options.image_size} px, batch {options.batch_size}, "
        f"{options.augmentation}, {len(dataset)} images, {device}, "
        f"{torch.get_num_threads()} threads"
    )
    print("images/s     ours    plain   cached   ours/plain  ours/cached")
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COVIDREPORT_CACHE"] = folder  # what a fit finds in it is decoded here
        for turn, found in enumerate(compare(dataset, settings, device, options.pairs)):
            pair = " ".join(f"{found['ours'].speed / found[each].speed:12.2f}" for each in THEIRS)
            line = " ".join(f"{found[name].speed:8.1f}" for name in LOOPS)
            print(f"{turn or 'first':<8} {line} {pair}", flush=True)
            taken += [found] if turn else []
    for name in THEIRS:
        speeds = [each["ours"].speed / each[name].speed for each in taken]
        costs = [each[name].cpu_ms / each["ours"].cpu_ms for each in taken]
        print(f"ours / {name}, images/s: {describe(speeds)}; by CPU time: {describe(costs)}")


def describe(ratios: list[float]) -> str:
    """Median, smallest and largest."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def keep(dataset: Dataset, rows: list[int], split: str) -> Dataset:
    """The data set with these images only, all of one split."""
    return replace(
        dataset,
        ids=tuple(dataset.ids[row] for row in rows),
        paths=tuple(dataset.paths[row] for row in rows),
        truth=dataset.truth[rows],
        splits=(split,) * len(rows),
        groups=None,
        attributes={},
    )


if __name__ == "__main__":
    main()
