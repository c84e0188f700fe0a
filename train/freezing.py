"""Layers whose weights and statistics stay as they are."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from torch import nn

from .networks import ModelError


def freeze(network: nn.Module, names: Sequence[str]) -> tuple[nn.Module, ...]:
    """Stop the weights of the named modules from training; gives these modules.

    ModelError lists every name that is not there or holds no weights.
    """
    modules = dict(network.named_modules())
    faults = []
    frozen = []
    for name in names:
        module = modules.get(name)
        if module is None or not name:
            near = difflib.get_close_matches(name, [*modules], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            faults.append(f"`frozen`: there is no layer {name!r}{hint}")
        elif next(module.parameters(), None) is None:
            faults.append(f"`frozen`: {name!r} ({type(module).__name__}) has no weights to freeze")
        else:
            module.requires_grad_(False)
            frozen.append(module)
    if faults:
        raise ModelError("\n".join(faults))
    return tuple(frozen)


def frozen_in_effect(network: nn.Module, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the names whose weights are in the finished network and do not train."""
    modules = dict(network.named_modules())
    return tuple(
        name
        for name in names
        if name in modules
        and (weights := list(modules[name].parameters()))
        and not any(weight.requires_grad for weight in weights)
    )


def keep_frozen_still(network: nn.Module, names: Sequence[str]) -> None:
    """Put frozen modules into evaluation mode: batch norm would else go on gathering statistics."""
    for name in frozen_in_effect(network, names):
        network.get_submodule(name).eval()
