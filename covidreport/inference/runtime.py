"""ONNX Runtime itself, or one error that says how to have it.

Several packages bring the module `onnxruntime`. Two of them side by side overwrite each other's
files, and where one is then uninstalled it takes those of the other with it.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from covidreport.errors import ProviderError

PACKAGES = (
    "onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino",
    "onnxruntime-qnn",
)  # fmt: skip
CHOICE = (
    "`pip install 'covidreport[gpu]'` for an NVIDIA card, or `pip install 'covidreport[cpu]'` "
    "without one"
)


def explain_missing() -> str | None:
    """Why ONNX Runtime can't be imported, and the line that mends it; None where it can be."""
    installed = [name for name in PACKAGES if _is_installed(name)]
    if len(installed) > 1:
        return (
            f"{' and '.join(installed)} are installed side by side, and each overwrites the "
            f"other's files: `pip uninstall -y {' '.join(installed)}`, then {CHOICE}"
        )
    spec = find_spec("onnxruntime")
    if spec is not None and spec.origin is not None:
        return None
    if installed:
        return (
            f"the files of {installed[0]} are gone, with another package that was uninstalled: "
            f"`pip install --force-reinstall --no-deps {installed[0]}`"
        )
    return f"models are run with ONNX Runtime, which is not installed: {CHOICE}"


def _is_installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


if (_fault := explain_missing()) is not None:
    raise ProviderError(_fault)

import onnxruntime as ort  # noqa: E402 - not before it is known to be there, and whole

__all__ = ["CHOICE", "explain_missing", "ort"]
