"""A model in fp16: the graph converted, its inputs and outputs as they were."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnxruntime as ort

from covidreport.cache import read_kept, write_kept
from covidreport.errors import RunError
from covidreport.inference.providers import first_line

KIND = "halves"


def half_model(path: Path, sha256: str) -> bytes:
    """A model in fp16, of the file with this sha256: from the cache, or converted and kept there.

    RunError as `convert_to_half`.
    """
    name = f"{sha256}-{ort.__version__}"
    content = read_kept(KIND, name)
    if content is None:
        content = convert_to_half(path)
        write_kept(KIND, name, content)
    return content


def convert_to_half(path: Path) -> bytes:
    """The ONNX file's bytes with weights and arithmetic in fp16, inputs and outputs as they were.

    By ONNX Runtime's own converter, which keeps in fp32 what fp16 can't hold. RunError where the
    package `onnx` is missing, or where the model can't be converted.
    """
    try:
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise RunError(
            f"--precision fp16 converts the model, and that needs the package onnx ({error}); "
            "pip install 'covidreport[gpu]'"
        ) from error
    try:
        model = onnx.load(path)
        with warnings.catch_warnings():
            # one line for each weight that fp16 rounds to its smallest number: the comparison with
            # the CPU, which every evaluation on an accelerator makes, says what became of it
            warnings.simplefilter("ignore")
            converted = convert_float_to_float16(model, keep_io_types=True)
        content: bytes = converted.SerializeToString()
    except Exception as error:
        raise RunError(f"{path.name} can't be converted to fp16: {first_line(error)}") from error
    return content
