"""Where compiled engines are kept: void after any change of model, runtime, compiler or card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import onnxruntime as ort

from covidreport.cache import USED_MARK, cache_folder, cache_limit
from covidreport.inference.execution import Execution

KIND = "engines"


def engine_folder(model_sha256: str, execution: Execution) -> Path | None:
    """The cache folder of a model's engines for this card, runtime, TensorRT and precision.

    None where there is no cache: they are compiled each time.
    """
    if cache_limit() == 0:
        return None
    facts = {
        "model": model_sha256,
        "onnxruntime": ort.__version__,
        "libraries": execution.libraries,
        "card": execution.card,
        "options": execution.options,
    }
    name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    folder = cache_folder() / KIND / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / USED_MARK).touch()
    return folder
