"""Transformers of torchvision, exported by torch alone and described in run.json."""

from __future__ import annotations

import contextlib
import io
import os
import warnings

import numpy as np
import pytest
from PIL import Image

from covidreport.store import read_scores, write_run
from tests.datasets import LABELS

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded: tests share their cores

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
torchvision = pytest.importorskip("torchvision", reason="the extra `train` is not installed")
pytest.importorskip("onnxscript", reason="the extra `train` is not installed")

SIZE, SHORTER_SIDE = 64, 72
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
NAMES = {"Pneu": "pneumonia", "COVID": "covid-19", "None": "normal"}
"""What the models call their outputs, in their order, and what the data calls them."""


def vision_transformer():
    return torchvision.models.VisionTransformer(
        image_size=SIZE, patch_size=16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64,
        num_classes=3,
    )  # fmt: skip


def swin_transformer():
    return torchvision.models.SwinTransformer(
        patch_size=[4, 4], embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4],
        num_classes=3,
    )  # fmt: skip


def start(make):
    """The model with weights from a fixed seed, those of its last layer large enough to matter."""
    torch.manual_seed(7)
    model = make().eval()
    head = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)][-1]
    torch.nn.init.normal_(head.weight, std=0.5)
    return model


def export(model, path, batch=None):
    """Float NCHW in, logits out, no word of ours in the file."""
    path.parent.mkdir(parents=True)
    dynamic = None if batch else {"x": {0: torch.export.Dim("batch")}}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of the exporter's inner workings
        program = torch.onnx.export(
            model, (torch.zeros(batch or 2, 3, SIZE, SIZE),), dynamo=True, verbose=False,
            input_names=["image"], output_names=["logits"], dynamic_shapes=dynamic,
        )  # fmt: skip
    path.write_bytes(program.model_proto.SerializeToString())


def draw(folder):
    """Seven pictures of several sizes, grey and colour, and the manifest of their labels."""
    folder.mkdir()
    draws = np.random.default_rng(11)
    lines = [",".join(["path", *LABELS])]
    for i in range(7):
        shape = (int(draws.integers(70, 160)), int(draws.integers(70, 160)))
        samples = draws.normal(120, 60, (*shape, 3) if i % 3 == 0 else shape)
        name = f"{i}.{'jpg' if i % 2 else 'png'}"
        Image.fromarray(samples.clip(0, 255).astype(np.uint8)).save(folder / name)
        lines.append(",".join([name, *(str(int(i % 3 == k)) for k in range(3))]))
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


def answer(model, folder):
    """Softmax in torch of what torchvision's own transforms give, columns as the model's."""
    t = torchvision.transforms
    prepare = t.Compose(
        [t.Resize(SHORTER_SIDE), t.CenterCrop(SIZE), t.ToTensor(), t.Normalize(MEAN, STD)]
    )
    files = sorted(path for path in folder.iterdir() if path.suffix != ".csv")
    with torch.no_grad():
        images = torch.stack([prepare(Image.open(file).convert("RGB")) for file in files])
        return torch.softmax(model(images), dim=1).numpy()


@pytest.mark.parametrize(
    ("make", "batch"),
    [(vision_transformer, None), (swin_transformer, 4)],
    ids=["ViT, any batch", "Swin, batches of 4"],
)
def test_an_exported_transformer_answers_as_in_torch(covidreport, tmp_path, make, batch):
    """Mean and standard deviation outside, grey shown as colour, other names in another order."""
    model = start(make)
    draw(tmp_path / "data")
    export(model, tmp_path / "runs" / "t" / "model.onnx", batch)
    described = {
        "labels": list(NAMES), "label_map": NAMES, "fit": "crop", "shorter_side": SHORTER_SIDE,
        "resample": "bilinear", "divisor": 255, "mean": MEAN, "std": STD,
        "activation": "softmax-logit",
    }  # fmt: skip
    write_run(tmp_path / "runs" / "t", {"name": "t", "input": described})
    (tmp_path / "covidreport.toml").write_text(f"labels = {list(LABELS)}\n")
    done = covidreport("evaluate", "runs", "--data", "data", "--provider", "cpu")
    assert done.code == 0, done.err
    scores = read_scores(tmp_path / "runs" / "t" / "evaluations" / "data-all" / "scores.parquet")
    expected = answer(model, tmp_path / "data")[:, [1, 2, 0]]
    assert scores.labels == LABELS
    assert scores.activation == "softmax"
    assert np.ptp(expected, axis=0).min() > 0.05  # the pictures are told apart
    np.testing.assert_allclose(scores.scores, expected, atol=1e-5)
