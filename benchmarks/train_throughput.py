"""Training throughput: one epoch of `python -m train` beside a plain PyTorch loop.

The plain loop is what a tutorial writes: a data set that opens each image with Pillow, torchvision
v2 transforms (grey to RGB, rotation, random resized crop, flip, normalisation), a DataLoader with
two worker processes that persist, the same network, loss, optimizer and batch size, on the same
images. Both train only: no validation, no checkpoint. Epochs take turns, and each prints its
images per second; the ratio is the median of the pairs'. The first epoch of each is apart: ours
decodes and keeps the images then, theirs starts its workers.

    python benchmarks/train_throughput.py --data data/manifest.csv
    python benchmarks/train_throughput.py --data data/manifest.csv --architecture tiny
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `python -m train` does
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from PIL import Image
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader
from torchvision.transforms import InterpolationMode, v2

from covidreport.dataset import read_dataset
from covidreport.records import Dataset
from train.device import find_device, set_float32
from train.fit import Request, prepare_task
from train.images import ImageStore, count_workers
from train.networks import find_architecture
from train.passes import Passes
from train.prepare import find_split_rows
from train.progress import Silence
from train.settings import Experiment, FitSettings, Study
from train.start import start_model
from train.weights import Weights

NO_WEIGHTS = Weights("none", "random, from the seed")


class PlainImages(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """What a tutorial writes: open, transform, hand over."""

    def __init__(self, dataset: Dataset, rows: list[int], settings: FitSettings) -> None:
        architecture = find_architecture(settings.architecture)
        channels = len(architecture.mean)
        self.files = [dataset.root / dataset.paths[row] for row in rows]
        self.truth = torch.from_numpy(dataset.truth[rows]).float()
        self.transform = v2.Compose(
            [
                v2.Grayscale(channels),
                v2.RandomRotation(30),
                v2.RandomResizedCrop(settings.image_size, interpolation=InterpolationMode.BICUBIC),
                v2.RandomHorizontalFlip(),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(architecture.mean, architecture.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        with Image.open(self.files[i]) as picture:
            image: torch.Tensor = self.transform(picture.convert("RGB"))
        return image, self.truth[i]


def plain_epochs(
    dataset: Dataset, rows: list[int], settings: FitSettings, device: torch.device
) -> Iterator[int]:
    """One epoch each time it is asked: how many images it had."""
    loader = DataLoader(
        PlainImages(dataset, rows, settings), settings.batch_size, shuffle=True, num_workers=2,
        persistent_workers=True, pin_memory=device.type == "cuda",
    )  # fmt: skip
    network = start_model(settings, NO_WEIGHTS, dataset.truth.shape[1]).network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate)
    while True:
        torch.use_deterministic_algorithms(False)  # a tutorial's loop pays nothing for it
        torch.backends.cudnn.allow_tf32 = True  # torch's own default
        network.train()
        for images, truth in loader:
            optimizer.zero_grad()
            logits = network(images.to(device, non_blocking=True))
            loss = binary_cross_entropy_with_logits(logits, truth.to(device))
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
            loss.item()  # for a progress line, as every tutorial does
        yield len(rows)


def our_epochs(
    dataset: Dataset, rows: list[int], settings: FitSettings, device: torch.device
) -> Iterator[int]:
    """The same through `train`."""
    study = Study(Path("benchmark"), "benchmark", "", dataset.labels, dataset.labels[0], ())
    split = find_split_rows(dataset, [settings.train_split])
    request = Request(
        study=study, dataset=dataset, rows=split, fingerprints={}, failures=(),
        weights={"run": NO_WEIGHTS}, store=ImageStore(dataset), out=Path("unused"),
        device=device, workers=count_workers(),
    )  # fmt: skip
    model, task = prepare_task(request, Experiment("1", "run", settings), Path("unused"))
    passes = Passes(model, task)
    epoch = 0
    while True:
        epoch += 1
        torch.use_deterministic_algorithms(True)
        set_float32("ieee")
        passes.train(epoch, Silence())
        yield len(rows)


def time_epoch(epochs: Iterator[int], wait: Callable[[], None]) -> float:
    """Images per second of the next epoch."""
    began = time.perf_counter()
    n = next(epochs)
    wait()
    return n / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--architecture", default="resnet18")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--images", type=int, help="only the first so many of the split")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--device", choices=["auto", "cuda", "cpu"], default="auto")
    options = parser.parse_args()
    device = find_device(options.device)
    dataset = read_dataset(options.data)
    rows = find_split_rows(dataset, [options.split])[options.split][: options.images].tolist()
    dataset = keep(dataset, rows, options.split)
    settings = FitSettings(
        options.architecture, "none", "bce", "adam", 1e-4, 1, options.batch_size,
        image_size=options.image_size, augmentation="study-2020",
        train_split=options.split, validation_split=options.split,
    )  # fmt: skip
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    every = list(range(len(dataset)))
    ours = our_epochs(dataset, every, settings, device)
    plain = plain_epochs(dataset, every, settings, device)
    print(
        f"{options.architecture}, {options.image_size} px, batch {options.batch_size}, "
        f"{len(dataset)} images, {device}, {torch.get_num_threads()} threads"
    )
    print("epoch        ours   plain  images/s")
    first = time_epoch(ours, wait), time_epoch(plain, wait)
    print(f"first    {first[0]:8.1f} {first[1]:7.1f}  ratio {first[0] / first[1]:.2f}")
    ratios = []
    for pair in range(options.pairs):
        if pair % 2:  # whoever goes first changes
            theirs, mine = time_epoch(plain, wait), time_epoch(ours, wait)
        else:
            mine, theirs = time_epoch(ours, wait), time_epoch(plain, wait)
        ratios.append(mine / theirs)
        print(f"{pair + 2:5d}    {mine:8.1f} {theirs:7.1f}  ratio {mine / theirs:.2f}")
    low, high = min(ratios), max(ratios)
    print(f"median ratio {statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})")


def keep(dataset: Dataset, rows: list[int], split: str) -> Dataset:
    """The data set with these images only, all of one split."""
    from msgspec.structs import replace

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
