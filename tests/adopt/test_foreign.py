"""Models of other formats are known by their first bytes, and nothing in them is opened."""

from __future__ import annotations

import pickle
import zipfile

import pytest

from covidreport.adopt.foreign import EXPORTS, name_foreign
from tests.onnx_models import write_brightness_model


class _Trap:
    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def _zip(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (lambda p: p.write_bytes(pickle.dumps(_Trap())), "a pickle, such as scikit-learn writes"),
        (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n0000"), "a Keras model"),
        (lambda p: _zip(p, "metadata.json", "config.json", "model.weights.h5"), "a Keras model"),
        (lambda p: p.write_bytes(b"\x1c\0\0\0TFL3\0\0"), "a TensorFlow Lite model"),
        (lambda p: p.write_bytes((40).to_bytes(8, "little") + b'{"a":'), "safetensors weights"),
        (lambda p: _zip(p, "m/data.pkl", "m/version"), "a PyTorch checkpoint"),
        (lambda p: _zip(p, "m/data.pkl", "m/constants.pkl", "m/code/a.py"),
         "a TorchScript archive"),
        (lambda p: _zip(p, "m/archive_format", "m/models/model.json"),
         "a program of torch.export (.pt2)"),
        (lambda p: _zip(p, "a.txt"), None),
        (lambda p: p.write_text("hello"), None),
        (write_brightness_model, None),
    ],
)  # fmt: skip
def test_kinds_are_known_by_their_bytes(tmp_path, write, kind):
    """Whatever the file is called; each has a line that exports it."""
    path = tmp_path / "model.onnx"
    write(path)
    assert name_foreign(path) == kind
    assert kind is None or EXPORTS[kind]


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_what_torch_writes_is_known(tmp_path):
    """By the installed torch: a checkpoint, TorchScript, and a program."""
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 1)
    torch.save(model.state_dict(), tmp_path / "w.pt")
    torch.jit.save(torch.jit.trace(model, torch.zeros(1, 2)), tmp_path / "s.pt")
    torch.export.save(torch.export.export(model, (torch.zeros(1, 2),)), tmp_path / "p.pt2")
    assert [name_foreign(tmp_path / name) for name in ("w.pt", "s.pt", "p.pt2")] == [
        "a PyTorch checkpoint", "a TorchScript archive", "a program of torch.export (.pt2)",
    ]  # fmt: skip
