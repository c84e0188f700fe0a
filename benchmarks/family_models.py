"""A tiny model of each framework, made and exported as the framework's users do it.

`make_FRAMEWORK(folder)` writes it with what its exporter writes beside it. Weights are random.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.random_models import (
    PICTURES,
    export_model,
    open_picture,
    score_softmax,
    settle_weights,
    wrap_logits,
)

LABELS = ("covid-19", "normal", "pneumonia")
NAMED = ("--labels", ",".join(LABELS))
LOGITS = ("--set", "activation=softmax-logit")
Answer = Callable[[Image.Image], Any]
Made = tuple[list[str], Answer]
"""The words behind `covidreport adopt`, and the framework's scores of a picture."""


def make_torchvision(folder: Path) -> Made:
    import torch
    from torchvision.models import DenseNet, DenseNet121_Weights

    transforms = DenseNet121_Weights.DEFAULT.transforms()

    def feed(picture: Image.Image) -> Any:
        return transforms(picture.convert("RGB"))

    model = settle_weights(DenseNet(4, (1, 1, 1, 1), 8, num_classes=3), feed)
    export_model(model, torch.zeros(2, 3, 224, 224), folder / "densenet121_covid.onnx")
    words = ["densenet121_covid.onnx", "--like", "torchvision", *NAMED, *LOGITS]
    return words, lambda picture: score_softmax(model, feed(picture)[None])


def make_timm(folder: Path) -> Made:
    import timm
    import torch
    from timm.models import save_for_hf

    model = timm.create_model("test_vit", embed_dim=16, depth=2, num_classes=3)
    save_for_hf(model, folder, model_config={"label_names": list(LABELS)})
    for weights in (*folder.glob("*.safetensors"), *folder.glob("*.bin")):
        weights.unlink()  # 100 KB are for the graph
    config = timm.data.resolve_model_data_config(model)
    transforms = timm.data.create_transform(**config)

    def feed(picture: Image.Image) -> Any:
        return transforms(picture.convert("RGB"))

    settle_weights(model, feed)
    export_model(model, torch.zeros(2, *config["input_size"]), folder / "model.onnx")
    words = ["model.onnx", "--like", "timm", *LOGITS]
    return words, lambda picture: score_softmax(model, feed(picture)[None])


def _make_huggingface(folder: Path, model: Any, processor: Any, side: int) -> Made:
    """The files of `save_pretrained` without the weights, and the graph that optimum makes."""
    import torch

    def feed(picture: Image.Image) -> Any:
        return processor(picture.convert("RGB"), return_tensors="pt")["pixel_values"][0]

    logits = settle_weights(wrap_logits(model), feed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    export_model(logits, torch.zeros(2, 3, side, side), folder / "model.onnx")
    return ["model.onnx"], lambda picture: score_softmax(logits, feed(picture)[None])


def _names() -> dict[str, Any]:
    return {"id2label": dict(enumerate(LABELS)),
            "label2id": {label: number for number, label in enumerate(LABELS)}}  # fmt: skip


def make_huggingface_vit(folder: Path) -> Made:
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        image_size=64, patch_size=16, initializer_range=0.3, **_names(),
    )  # fmt: skip
    processor = ViTImageProcessor(size={"height": 64, "width": 64})
    return _make_huggingface(folder, ViTForImageClassification(config), processor, 64)


def make_huggingface_resnet(folder: Path) -> Made:
    from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", **_names()
    )
    imagenet = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    processor = ConvNextImageProcessor(size={"shortest_edge": 224}, crop_pct=0.875, **imagenet)
    return _make_huggingface(folder, ResNetForImageClassification(config), processor, 224)


def make_keras(folder: Path) -> Made:
    """As Keras's tutorial on images from files: pixels are scaled in the model."""
    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((64, 64, 3)), layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax"),
    ])  # fmt: skip

    def feed(picture: Image.Image) -> Any:
        pixels = np.asarray(picture.convert("RGB"), np.float32)
        return keras.ops.image.resize(pixels[None], (64, 64), interpolation="bilinear")

    def answer(picture: Image.Image) -> Any:
        return keras.ops.convert_to_numpy(model(feed(picture)))[0].tolist()

    below = keras.Model(model.inputs, model.layers[-2].output)
    weights, bias = model.layers[-1].get_weights()
    pooled = [keras.ops.convert_to_numpy(below(feed(open_picture(name))))[0] for name in PICTURES]
    logits = np.stack(pooled) @ weights + bias
    mean, deviation = logits.mean(0), logits.std(0)
    model.layers[-1].set_weights([weights / deviation, (bias - mean) / deviation])
    answer(open_picture(PICTURES[0]))  # what was never called is not exported
    model.save(folder / "model.keras")
    model.export(str(folder / "model.onnx"), format="onnx", verbose=False)
    (folder / "class_names.json").write_text(json.dumps(LABELS) + "\n")
    return ["model.onnx", "--like", "keras", "--set", "range=[0,255]"], answer


def make_fastai(folder: Path) -> Made:
    import torch
    from fastai.vision import all as vision
    from torchvision.models import DenseNet

    def tiny(**_: Any) -> Any:
        pool = torch.nn.AdaptiveAvgPool2d(1)  # fastai cuts here
        return torch.nn.Sequential(DenseNet(4, (1, 1, 1), 8).features, pool)

    with tempfile.TemporaryDirectory() as place:
        paths = [Path(place) / f"{label}_{i}.png" for label in LABELS for i in range(4)]
        for path in paths:
            open_picture("colour.jpg").save(path)
        loaders = vision.ImageDataLoaders.from_name_func(
            place, paths, lambda name: name.split("_")[0], item_tfms=vision.Resize(64), bs=2,
            num_workers=0, device="cpu",
            batch_tfms=vision.Normalize.from_stats(*vision.imagenet_stats),
        )  # fmt: skip
        learner = vision.vision_learner(loaders, tiny, pretrained=False, lin_ftrs=[16])
        model = learner.model

    def feed(picture: Image.Image) -> Any:
        one = loaders.test_dl([np.asarray(picture.convert("RGB"))])
        return torch.Tensor(one.one_batch()[0][0])

    settle_weights(model, feed)
    export_model(model, torch.zeros(2, 3, 64, 64), folder / "model.onnx")
    (folder / "labels.txt").write_text("\n".join(loaders.vocab) + "\n")

    def answer(picture: Image.Image) -> Any:
        with learner.no_bar(), learner.no_logging():
            return learner.predict(np.asarray(picture.convert("RGB")))[2].tolist()

    return ["model.onnx", "--like", "fastai", *LOGITS], answer


def make_monai(folder: Path) -> Made:
    """`LoadImage` gives pictures lying on their side: what is exported turns them first."""
    import torch
    from monai.networks.nets import DenseNet
    from monai.transforms import Compose, EnsureChannelFirst, LoadImage, Resize, ScaleIntensity

    transforms = Compose([
        LoadImage(image_only=True), EnsureChannelFirst(), Resize((64, 64), mode="bilinear"),
        ScaleIntensity(),
    ])  # fmt: skip

    def feed(picture: Image.Image) -> Any:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "grey.png"
            picture.convert("L").save(path)
            return transforms(path).as_tensor()

    class Upright(torch.nn.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Any) -> Any:
            return self.inner(x.transpose(2, 3))

    model = DenseNet(2, 1, 3, init_features=8, growth_rate=4, block_config=(1, 1))
    settle_weights(model, feed)
    export_model(Upright(model), torch.zeros(2, 1, 64, 64), folder / "model.onnx")
    words = ["--set", "resample=bilinear", "--set", "antialias=false"]
    return ["model.onnx", "--like", "monai", *NAMED, *LOGITS, *words], (
        lambda picture: score_softmax(model, feed(picture)[None])
    )


def make_torchxrayvision(folder: Path) -> Made:
    import torch
    import torchxrayvision as xrv

    crop, resize = xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(224)

    def feed(picture: Image.Image) -> Any:
        pixels = xrv.datasets.normalize(np.asarray(picture.convert("L"), np.float32), 255)
        return torch.from_numpy(resize(crop(pixels[None]))).float()

    model = settle_weights(xrv.models.DenseNet(4, (1, 1, 1, 1), 8, num_classes=18), feed)
    torch.onnx.export(
        model, (torch.zeros(1, 1, 224, 224),), str(folder / "model.onnx"), dynamo=False,
        input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
    )  # fmt: skip

    def answer(picture: Image.Image) -> Any:
        with torch.no_grad():
            return torch.sigmoid(model(feed(picture)[None]))[0].tolist()

    return ["model.onnx", "--like", "torchxrayvision", "--set", "activation=logit"], answer


CLASSIFIER = """\
nc: 3
scales:
  n: [0.33, 0.05, 1024]
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 2, C3k2, [256, False, 0.25]]
head:
  - [-1, 1, Classify, [nc]]
"""


def make_ultralytics(folder: Path) -> Made:
    os.environ["YOLO_AUTOINSTALL"] = "false"
    from ultralytics import YOLO
    from ultralytics.data.augment import classify_transforms

    with tempfile.TemporaryDirectory() as place:
        description = Path(place) / "yolo11n-cls.yaml"
        description.write_text(CLASSIFIER)
        model = YOLO(description, task="classify")
        transforms = classify_transforms(64)
        settle_weights(model.model, lambda picture: transforms(picture.convert("RGB")))
        model.model.names = dict(enumerate(LABELS))
        weights = Path(place) / "best.pt"
        model.save(weights)
        model = YOLO(weights)
        shutil.copy(model.export(format="onnx", imgsz=64, dynamic=False), folder / "best.onnx")

    def answer(picture: Image.Image) -> Any:
        (result,) = model.predict(picture.convert("RGB"), imgsz=64, verbose=False, device="cpu")
        return result.probs.data.tolist()

    return ["best.onnx", "--like", "ultralytics"], answer


def make_lightning(folder: Path) -> Made:
    import lightning
    import torch
    from torchvision.transforms import v2

    class Classifier(lightning.LightningModule):  # type: ignore[misc] # no types here
        def __init__(self) -> None:
            super().__init__()
            self.network = torch.nn.Sequential(
                torch.nn.Conv2d(3, 8, 3, 2), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
                torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 3),
            )  # fmt: skip

        def forward(self, x: Any) -> Any:
            return self.network(x)

    transforms = v2.Compose([
        v2.Resize((64, 64)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True),
    ])  # fmt: skip

    def feed(picture: Image.Image) -> Any:
        return transforms(picture.convert("RGB"))

    model = settle_weights(Classifier(), feed)
    model.to_onnx(folder / "model.onnx", torch.zeros(1, 3, 64, 64), input_names=["image"],
                  dynamo=False, dynamic_axes={"image": {0: "batch"}})  # fmt: skip
    words = ["--set", "range=[0,1]", "--set", "fit=stretch", "--set", "resample=bilinear"]
    return ["model.onnx", *NAMED, *LOGITS, *words], (
        lambda picture: score_softmax(model, feed(picture)[None])
    )


def make_sklearn(folder: Path) -> Made:
    """With its ZipMap, as skl2onnx exports unless told otherwise: to be refused."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(7)
    pixels = generator.random((30, 64), np.float32)
    model = LogisticRegression().fit(pixels, np.repeat(LABELS, 10))
    exported = to_onnx(model, pixels[:1])
    exported.opset_import.sort(key=lambda each: each.domain)  # they come in the order of a set
    (folder / "model.onnx").write_bytes(exported.SerializeToString())

    def answer(picture: Image.Image) -> Any:
        small = np.asarray(picture.convert("L").resize((8, 8)), np.float32) / 255
        return model.predict_proba(small.reshape(1, 64))[0].tolist()

    return ["model.onnx", *NAMED], answer
