"""Does a model's score of an image depend on the images beside it? Three real ones are asked.

Each is scored alone and all are scored together. Which images these are is decided by the bytes of
the files: neither the order of rows nor the size of batches changes the answer, and whoever goes on
with an interrupted evaluation comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import numpy as np
from msgspec import Struct, to_builtins
from numpy.typing import NDArray

from covidreport.boundary import attempt
from covidreport.dataset import Digests
from covidreport.errors import RunError
from covidreport.evaluate.decode import decode_chunk
from covidreport.evaluate.occlusion import Occlusion, occlude_pixels
from covidreport.images.cache import PixelCache
from covidreport.inference.batch import prepare_batch
from covidreport.inference.limits import find_largest_difference, find_limits
from covidreport.inference.session import OutOfMemoryError, Session, TimeLimitError
from covidreport.records import Dataset, Failure, Finding, PixelSpec

SAMPLED: Final = 3
SEARCHED: Final = 64
"""Where so many files could not be read, those that could are enough."""

Pixels = Mapping[PixelSpec, NDArray[np.uint8]]
"""The asked images, uint8 `(n, H, W, C)` for each kind."""


class Company(Struct, frozen=True):
    """What a model answered to the same images alone and together.

    difference: the largest of a probability, None where it gave no score to some of them together;
    limit: what is rounding. alone: whether it is fed image by image. mixes, may_mix: of `Signs`.
    """

    images: int
    difference: float | None
    limit: float
    alone: bool
    mixes: tuple[str, ...] = ()
    may_mix: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As an evaluation's provenance keeps it."""
        facts: dict[str, Any] = to_builtins(self)
        return facts


def pick_images(
    dataset: Dataset, digests: Sequence[str] | None, specs: Sequence[PixelSpec],
    caches: Mapping[PixelSpec, PixelCache] | None = None, occlusion: Occlusion | None = None,
) -> Pixels:  # fmt: skip
    """At most `ASKED` different images that can be decoded, those with the smallest digests.

    Without digests the first ones by id. What is decoded goes into the caches.
    """
    found: dict[PixelSpec, list[NDArray[np.uint8]]] = {spec: [] for spec in specs}
    for searched, index in enumerate(_order(dataset, digests)):
        if searched == SEARCHED or all(len(each) == SAMPLED for each in found.values()):
            break
        chunk = decode_chunk(
            [dataset.root / dataset.paths[index]], index, specs, caches,
            [digests[index]] if digests else None,
        )  # fmt: skip
        if chunk.reasons[0] is None:
            for spec in specs:
                found[spec].append(occlude_pixels(np.array(chunk.pixels[spec]), occlusion))
    return {
        spec: np.concatenate(each)
        if each
        else np.zeros((0, spec.height, spec.width, spec.channels), np.uint8)
        for spec, each in found.items()
    }


def _order(dataset: Dataset, digests: Sequence[str] | None) -> Iterator[int]:
    """The images by digest, each bytes once: copies of an image are no company."""
    if digests is None:
        yield from sorted(range(len(dataset)), key=dataset.ids.__getitem__)
        return
    stored = Digests.of(digests)
    before = None
    for index in stored.sort():
        if stored[index] != before:
            yield index
        before = stored[index]


def check_company(
    sessions: Sequence[tuple[str, Session]], dataset: Dataset, digests: Sequence[str] | None,
    caches: Mapping[PixelSpec, PixelCache], occlusion: Occlusion | None, *, jobs: int,
) -> list[Company | Failure | OutOfMemoryError | None]:  # fmt: skip
    """Ask several runs, by name, `jobs` at a time; a run that fails at it has its failure.

    OutOfMemoryError where that is why: alone it may fit.

    None where the pixels that a run wants can't be had: whoever feeds it then says why.
    """
    specs = tuple(dict.fromkeys(session.spec.pixels for _, session in sessions))
    pick = partial(pick_images, dataset, digests, caches=caches, occlusion=occlusion)
    together = attempt("", "decode", partial(pick, specs))
    pixels: dict[PixelSpec, NDArray[np.uint8]] = {}
    if not isinstance(together, Failure):
        pixels.update(together)
    for spec in specs if isinstance(together, Failure) else ():
        picked = attempt("", "decode", partial(pick, (spec,)))
        if not isinstance(picked, Failure):
            pixels.update(picked)
    with ThreadPoolExecutor(jobs) as pool:
        futures = [
            pool.submit(_check_run, name, session, pixels[spec])
            if (spec := session.spec.pixels) in pixels
            else None
            for name, session in sessions
        ]
        return [None if future is None else future.result() for future in futures]


def _check_run(
    name: str, session: Session, pixels: NDArray[np.uint8]
) -> Company | Failure | OutOfMemoryError:
    meet = partial(meet_company, session, pixels)
    try:
        return attempt(name, "infer", meet, through=(OutOfMemoryError,))
    except OutOfMemoryError as error:
        return error


def meet_company(session: Session, pixels: NDArray[np.uint8]) -> Company:
    """Ask a model for images uint8 `(n, H, W, C)`, each alone and all together.

    A faint copy of the first is among them: where a graph scales by the brightest and the darkest
    pixel of a batch, radiographs that all reach from black to white would not show it.

    It is fed image by image from then on where the answers differ by more than rounding, where it
    can't take them together, and where its graph mixes a batch for certain, however little these
    images show of it. Raises RunError where one image alone gets two answers.
    """
    signs = session.signs
    limit = find_limits(session.execution.precision, half=signs.half).rounding
    mixes = bool(signs.mixes)
    difference: float | None = 0.0
    if len(pixels):
        faint = 64 + pixels[:1] // 2
        batch = prepare_batch(np.concatenate([pixels, faint]), session.spec)
        alone = session.run_alone(batch)
        difference = _compare_together(session, batch, alone)
        if difference > limit:
            _check_stable(session, batch, alone, limit)
            mixes = True
        difference = difference if np.isfinite(difference) else None
    return Company(len(pixels), difference, limit, mixes, signs.mixes, signs.may_mix)


def _compare_together(session: Session, batch: NDArray[Any], alone: NDArray[np.floating]) -> float:
    """How far the answers to all at once lie from those to each; infinite where there are none."""
    try:
        together = session.run(batch)
    except (OutOfMemoryError, TimeLimitError):
        raise
    except RunError:
        return np.inf  # such as a shape of one image that is written into the graph
    return find_largest_difference(alone, together, session.spec.activation)


def _check_stable(
    session: Session, batch: NDArray[Any], alone: NDArray[np.floating], limit: float
) -> None:
    difference = find_largest_difference(alone, session.run_alone(batch), session.spec.activation)
    if difference > limit:
        raise RunError(
            f"gives one image alone two answers, which differ by {difference:.2g} of a probability "
            f"({limit:g} is rounding): it draws at random, or remembers what it was fed",
            "Export it in evaluation mode: dropout off, batch statistics fixed.",
        )


def describe_dependence(run: str, company: Company | None) -> tuple[Finding, ...]:
    """A finding where a model is fed image by image because neighbours change its scores."""
    if company is None or not company.alone:
        return ()
    if company.difference is None:
        evidence = f"{company.images} images can't be scored together, each alone can"
    elif not company.images:
        evidence = "there was no image to ask for"
    else:
        evidence = (
            f"scores of {company.images} images, alone and together, differ by up to "
            f"{company.difference:.2g} of a probability ({company.limit:g} is rounding)"
        )
    if company.mixes:
        evidence += f"; in its graph: {', '.join(company.mixes)}"
    elif company.may_mix:
        evidence += f"; in its graph, along the first axis: {', '.join(company.may_mix)}"
    return (
        Finding(
            "warning",
            "depends-on-batch",
            f"The scores of {run} depend on the images beside it: it was fed one by one",
            evidence,
            f"{_remedy(company)} Until then feed it one image at a time in use as well: in batches "
            "it gives other scores than these.",
            (run,),
        ),
    )


def _remedy(company: Company) -> str:
    named = " ".join(company.mixes)
    if "Dynamic" in named:
        return "Quantise it statically, with images to calibrate on, or not at all."
    if "BatchNormalization" in named:
        return "Export it in evaluation mode, in which batch statistics are fixed."
    return "Let every computation in the graph keep to one image."
