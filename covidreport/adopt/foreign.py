"""Models that are no ONNX files: known by their first bytes, never opened, and how to export them.

Nothing is unpickled: a pickle runs whatever it holds.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

_TORCH: Final = (
    "torch.onnx.export(model, (torch.zeros(1, 3, 224, 224),), 'model.onnx', dynamo=True, "
    "dynamic_shapes=({0: torch.export.Dim('batch')},))"
)
EXPORTS: Final[dict[str, str]] = {
    "a TorchScript archive": f"model = torch.jit.load(FILE).eval(); {_TORCH}",
    "a program of torch.export (.pt2)":
        "torch.onnx.export(torch.export.load(FILE), dynamo=True).save('model.onnx')",
    "a PyTorch checkpoint": "of ultralytics: yolo export model=FILE format=onnx; else "
        f"build the model, load the weights into it, model.eval(); {_TORCH}",
    "safetensors weights": f"build the model, load the weights into it, model.eval(); {_TORCH}; "
        "for Hugging Face: optimum-cli export onnx --model FOLDER exported/",
    "a Keras model": "keras.models.load_model(FILE).export('model.onnx', format='onnx')",
    "a TensorFlow SavedModel": "python -m tf2onnx.convert --saved-model FILE --output model.onnx",
    "a TensorFlow Lite model": "python -m tf2onnx.convert --tflite FILE --output model.onnx",
    "a pickle, such as scikit-learn writes":
        "skl2onnx.to_onnx(model, X[:1], options={'zipmap': False}) where you trust the file",
}  # fmt: skip
"""By kind of file the line that exports it."""


def name_foreign(path: Path) -> str | None:
    """What kind of model a file or folder is, of `EXPORTS`; None for what is none of these."""
    if path.is_dir():
        return "a TensorFlow SavedModel" if (path / "saved_model.pb").is_file() else None
    if not path.is_file():  # a pipe would be waited for
        return None
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    if head.startswith(b"PK\x03\x04"):
        return _name_archive(path)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "a Keras model"
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle, such as scikit-learn writes"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**27:
        return "safetensors weights"
    return None


def _name_archive(path: Path) -> str | None:
    """By the names in a zip file; what they hold is not read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    inner = {name.partition("/")[2] for name in names}
    if "model.weights.h5" in names or "config.json" in names:
        return "a Keras model"
    if "constants.pkl" in inner and any(name.startswith("code/") for name in inner):
        return "a TorchScript archive"
    if "archive_format" in inner or "serialized_exported_program.json" in {*names, *inner}:
        return "a program of torch.export (.pt2)"
    return "a PyTorch checkpoint" if "data.pkl" in inner else None
