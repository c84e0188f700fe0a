"""torch's exporter makes a table of all its functions for every export: here it is made once.

That is four tenths of what the export of a small network takes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from torch.onnx._internal.exporter import _constants, _registration


def keep_tables() -> None:
    """Every export of this process uses one table of functions."""
    registry: Any = _registration.ONNXRegistry
    registry.from_torchlib = staticmethod(cache(registry.from_torchlib))


def make_tables() -> None:
    """Before any export asks for them."""
    keep_tables()
    registry: Any = _registration.ONNXRegistry
    registry.from_torchlib(opset_version=_constants.TORCHLIB_OPSET)
