"""Where compiled engines are cached: void after any change of model, runtime, compiler or card."""

from __future__ import annotations

from pathlib import Path

from covidreport.inference.execution import Execution
from covidreport.inference.runtime import ort
from covidreport.storage.cache import name_entry, open_entry

KIND = "engines"


def engine_folder(model_sha256: str, execution: Execution) -> Path | None:
    """The cache's folder of a model's engines for this card, runtime, TensorRT and precision.

    None where there is no cache: they are compiled each time.
    """
    facts = {
        "model": model_sha256,
        "onnxruntime": ort.__version__,
        "libraries": execution.libraries,
        "card": execution.card,
        "options": execution.options,
    }
    return open_entry(KIND, name_entry(facts))


def keep_engines(folder: Path) -> dict[str, str]:
    """The options of the provider that let TensorRT keep there what it compiles."""
    return {
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": str(folder),
    }
