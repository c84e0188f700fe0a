"""torchvision's own v2 transforms as augmentation, drawn image by image from the seed."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torchvision.transforms import InterpolationMode, v2

from covidreport.records import PixelSpec

from .networks import ModelError
from .settings import Transforms

_DRAWING: Any = torch
DRAWS = frozenset({
    torch.rand, torch.randn, torch.randint, torch.randperm, torch.multinomial, torch.normal,
    torch.bernoulli, torch.poisson, _DRAWING._sample_dirichlet, Tensor.uniform_, Tensor.normal_,
    Tensor.random_, Tensor.bernoulli_, Tensor.exponential_,
})  # fmt: skip
"""What draws from torch's generator, or from one that is given."""
ALIKE: dict[Any, Any] = {torch.rand_like: torch.rand, torch.randn_like: torch.randn}


class _DrawnFrom(TorchFunctionMode):
    """Draws of this thread come from a generator of its own.

    torch's own is shared by threads, and dropout draws from it meanwhile.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        """Call a function of torch."""
        named = dict(named or {})
        if function in ALIKE:
            (like, *_) = arguments
            named = {"dtype": like.dtype, "device": like.device, **named}
            return ALIKE[function](like.shape, generator=self._generator, **named)
        if function in DRAWS:
            named.setdefault("generator", self._generator)
        return function(*arguments, **named)


@functools.lru_cache(maxsize=64)
def build_transforms(kind: Transforms) -> v2.Transform:
    """The transforms in their order; ModelError where torchvision has none such."""
    steps = []
    for name, options in kind.steps:
        found = getattr(v2, name, None)
        if not (inspect.isclass(found) and issubclass(found, v2.Transform)):
            raise ModelError(f"`augmentation`: torchvision has no transform {name!r}")
        values = dict(options)
        try:
            if "interpolation" in values:
                values["interpolation"] = InterpolationMode(values["interpolation"])
            steps.append(found(**values))
        except (TypeError, ValueError) as error:
            raise ModelError(f"`augmentation`: {name}: {error}") from error
    return v2.Compose(steps)


def transform_pixels(
    pixels: NDArray[np.uint8], kind: Transforms, random: np.random.Generator
) -> NDArray[np.uint8]:
    """uint8 `(H, W, C)`: pixels as the model is fed with them, changed as chance has it."""
    generator = torch.Generator().manual_seed(int(random.integers(2**63)))
    image = torch.from_numpy(pixels.transpose(2, 0, 1).copy())  # what is kept stays as it is
    with _DrawnFrom(generator):
        changed: Tensor = build_transforms(kind)(image)
    return changed.numpy().transpose(1, 2, 0)


def check_transforms(kind: Transforms, spec: PixelSpec) -> None:
    """Raise ModelError where the transforms can't be used on pictures of this size."""
    pixels = np.zeros((spec.height, spec.width, spec.channels), np.uint8)
    before = torch.get_rng_state()
    try:
        changed = transform_pixels(pixels, kind, np.random.default_rng(0))
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"`augmentation` can't change a picture ({reason})") from error
    if changed.shape != pixels.shape or changed.dtype != np.uint8:
        raise ModelError(
            f"`augmentation` makes {changed.dtype} of {changed.shape} from uint8 of "
            f"{pixels.shape}; both are to be the same"
        )
    if not torch.equal(before, torch.get_rng_state()):
        raise ModelError(
            "`augmentation` draws from torch's own generator, which gives other pictures each time"
        )
