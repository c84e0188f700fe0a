"""What a model's very bytes answer, asked of ONNX Runtime alone: nothing of covidreport is used.

Loaded by path in a process of its own, which a model may end. Pixels are known: the pictures of
the trials have the size that the models take, so nothing is resized.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

PREFIX = "covidreport."


def main(arguments: list[str]) -> None:
    """Read a list of questions (model, described), answer each into a file of JSON."""
    questions, pixels, answers = arguments
    images = np.load(pixels)
    given = []
    for model, described in json.loads(Path(questions).read_text()):
        try:
            given.append(answer(Path(model), described or {}, images))
        except Exception as error:  # noqa: BLE001 - whatever it is, the bytes give no answer
            given.append({"error": f"{type(error).__name__}: {error}"[:200]})
    Path(answers).write_text(json.dumps(given))


def answer(model: Path, described: dict[str, Any], images: NDArray[np.uint8]) -> dict[str, Any]:
    """Labels, and scores `(N, L)` of images uint8 `(N, H, W)`: all at once, and one by one."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    stated = session.get_modelmeta().custom_metadata_map
    words: dict[str, Any] = {
        key.removeprefix(PREFIX): _value(text)
        for key, text in stated.items()
        if key.startswith(PREFIX)
    }
    words.update(described)
    name = words.get("input_name") or session.get_inputs()[0].name
    (source,) = [each for each in session.get_inputs() if each.name == name]
    _fill(words, source.shape)
    if tuple(words["size"]) != images.shape[1:]:
        return {"error": "another size than the pictures have"}
    output = words.get("output_name") or session.get_outputs()[0].name
    batch = _prepare(images, words, source.type)

    def ask(part: NDArray[Any]) -> list[list[float]]:
        (scores,) = session.run([output], {name: part})
        scores = np.asarray(scores, np.float32).reshape(len(part), -1)
        if words["activation"] == "softmax-logit":
            powers = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
            scores = powers / powers.sum(1, keepdims=True)
        return [[float(value) for value in row] for row in scores]

    alone = [ask(batch[i : i + 1])[0] for i in range(len(batch))]
    return {"labels": words["labels"], "together": ask(batch), "alone": alone}


def _fill(words: dict[str, Any], shape: list[Any]) -> None:
    """What the contract leaves unsaid and the input's shape says, as docs/models.md has it."""
    _, a, b, c = shape
    if (a in (1, 3)) != (c in (1, 3)):
        words.setdefault("layout", "NCHW" if a in (1, 3) else "NHWC")
    sides = (a, b, c) if words.get("layout") == "NCHW" else (c, a, b)
    words.setdefault("channels", sides[0])
    words.setdefault("size", list(sides[1:]))


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _prepare(images: NDArray[np.uint8], words: dict[str, Any], dtype: str) -> NDArray[Any]:
    channels = words["channels"]
    batch: NDArray[Any] = np.repeat(images[..., None], channels, axis=3)
    if dtype != "tensor(uint8)":
        batch = batch.astype(np.float32) / np.float32(words.get("divisor", 1.0))
        if words.get("mean") is not None:
            batch -= np.asarray(words["mean"], np.float32)
        if words.get("std") is not None:
            batch /= np.asarray(words["std"], np.float32)
        if dtype == "tensor(float16)":
            batch = batch.astype(np.float16)
    if words.get("layout") == "NCHW":
        batch = batch.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(batch)
