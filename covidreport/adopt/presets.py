"""How models of a framework are usually fed, and what to say where nobody knows a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from covidreport.adopt.torchvision import IMAGENET, find_architecture, read_transforms
from covidreport.errors import UsageError

XRV_LABELS: Final = (
    "Atelectasis", "Consolidation", "Infiltration", "Pneumothorax", "Edema", "Emphysema",
    "Fibrosis", "Effusion", "Pneumonia", "Pleural_Thickening", "Cardiomegaly", "Nodule", "Mass",
    "Hernia", "Lung Lesion", "Fracture", "Lung Opacity", "Enlarged Cardiomediastinum",
)  # fmt: skip
"""`torchxrayvision.datasets.default_pathologies`."""
PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "torchvision": {"layout": "NCHW", "range": [0, 1], **IMAGENET},
    "timm": {"layout": "NCHW", "range": [0, 1], **IMAGENET},
    "fastai": {"layout": "NCHW", "fit": "cut", "resample": "bilinear", "range": [0, 1],
               **IMAGENET},
    "keras": {"layout": "NHWC", "fit": "stretch", "resample": "bilinear", "antialias": False},
    "monai": {"layout": "NCHW", "fit": "stretch", "per_image": "min-max", "range": [0, 1]},
    "torchxrayvision": {"layout": "NCHW", "channels": 1, "fit": "crop", "resample": "bilinear",
                        "range": [-1024, 1024]},
    "huggingface": {},
    "ultralytics": {"layout": "NCHW", "fit": "crop", "resample": "bilinear", "range": [0, 1]},
}  # fmt: skip
"""By framework what its usual transforms come to: torchvision's and timm's `Normalize` of ImageNet,
fastai's `Resize` and `imagenet_stats`, Keras's `image_dataset_from_directory`, MONAI's
`ScaleIntensity`, TorchXRayVision's `normalize` and `XRayCenterCrop`, ultralytics' classifiers."""
NOT_SAID: Final[Mapping[str, tuple[str, ...]]] = {
    "fastai": (
        "where `Resize` has another method than its own, say so: --set fit=stretch for `squish`",
    ),
    "monai": (
        "MONAI's LoadImage turns PNG and JPEG on their side: where it read the pictures, export "
        "what turns them first, model(x.transpose(2, 3))",
        "`ScaleIntensity` is taken after the resize: where it stood before, answers differ",
    ),
    "torchxrayvision": (
        "its XRayResizer (scikit-image) smooths a picture otherwise than the filters here, most at "
        "the edge: answers differ a little",
    ),
}  # fmt: skip
"""By framework what it does to pictures and no word of a contract says."""
NAME_ONE: Final = ("torchvision", "timm", "fastai", "keras", "huggingface", "ultralytics")
"""Frameworks whose classifiers of exclusive classes name the one that scores highest."""
SCALE: Final = ("range", "mean", "std", "divisor", "per_image")
"""What a graph that scales its input itself takes no preset for."""

HINTS: Final[Mapping[str, tuple[str, str]]] = {
    "labels": ("--labels covid-19,normal", "the outputs in their order, null for one not wanted"),
    "activation": ("--set activation=softmax-logit",
                   "one label an image, trained with cross entropy; `logit` for several labels"),
    "size": ("--set 'size=[224,224]'", "height and width in pixels"),
    "channels": ("--set channels=3", "1 (grey) or 3"),
    "layout": ("--set layout=NCHW", "PyTorch; `NHWC` for Keras"),
    "fit": ("--set fit=stretch", "`crop` cuts the centre out, `pad` adds black"),
    "resample": ("--set resample=bilinear", "the filter of the resize, by Pillow's names"),
    "range": ("--set 'range=[0,1]'", "as black and white are fed: [0,1], [-1,1], [0,255]; with "
                                   "`mean` and `std` where these are subtracted and divided by"),
    "per_image_step": ("--set per_image_step=before-resize", "or `after-resize`"),
    "clip_limit": ("--set clip_limit=2", "as OpenCV's clipLimit"),
}  # fmt: skip
"""Of each word that may be asked for, what to add to the command, and what it means."""


def list_hints(missing: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Of each word that nobody says: the word, what to add to the command, what it means."""
    words = dict.fromkeys("range" if word == "divisor" else word for word in missing)
    for word in words:
        if word in HINTS:
            yield (word, *HINTS[word])
        elif "range" not in words:  # else it need not be said
            yield word, f"--set {word}=null", f"a number for each channel where there is a `{word}`"


def read_preset(like: str, file_name: str) -> tuple[dict[str, Any], str]:
    """The words of `--like`, and in words what they are taken from.

    like: a framework; `torchvision:resnet50` names the model as well, which otherwise the file's
    name does. UsageError for one that is not known.
    """
    framework, _, named = like.partition(":")
    if framework not in PRESETS or (named and framework != "torchvision"):
        raise UsageError(
            f"--like {like}: one of {', '.join(PRESETS)} is wanted, or torchvision:MODEL such as "
            "torchvision:resnet50"
        )
    words = dict(PRESETS[framework])
    if framework != "torchvision":
        return words, f"assumed, as {framework} usually does"
    model = named or find_architecture(file_name)
    if not model:
        return words, "assumed, as torchvision usually does"
    of = "" if named else ", which the file's name names"
    return words | read_transforms(model), f"assumed, as torchvision feeds {model}{of}"
