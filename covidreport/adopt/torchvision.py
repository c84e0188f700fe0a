"""How torchvision's weights are fed: a table, held against the installed torchvision by a test."""

from __future__ import annotations

import difflib
from typing import Any, Final

from covidreport.errors import UsageError

Normalisation = dict[str, list[float]]
IMAGENET: Final[Normalisation] = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
HALF: Final[Normalisation] = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}

TRANSFORMS: Final[dict[tuple[str, str], tuple[int, int, str, Normalisation]]] = {
    ("alexnet", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("convnext_base", "IMAGENET1K_V1"): (232, 224, "bilinear", IMAGENET),
    ("convnext_large", "IMAGENET1K_V1"): (232, 224, "bilinear", IMAGENET),
    ("convnext_small", "IMAGENET1K_V1"): (230, 224, "bilinear", IMAGENET),
    ("convnext_tiny", "IMAGENET1K_V1"): (236, 224, "bilinear", IMAGENET),
    ("densenet121", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("densenet161", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("densenet169", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("densenet201", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("efficientnet_b0", "IMAGENET1K_V1"): (256, 224, "bicubic", IMAGENET),
    ("efficientnet_b1", "IMAGENET1K_V2"): (255, 240, "bilinear", IMAGENET),
    ("efficientnet_b1", "IMAGENET1K_V1"): (256, 240, "bicubic", IMAGENET),
    ("efficientnet_b2", "IMAGENET1K_V1"): (288, 288, "bicubic", IMAGENET),
    ("efficientnet_b3", "IMAGENET1K_V1"): (320, 300, "bicubic", IMAGENET),
    ("efficientnet_b4", "IMAGENET1K_V1"): (384, 380, "bicubic", IMAGENET),
    ("efficientnet_b5", "IMAGENET1K_V1"): (456, 456, "bicubic", IMAGENET),
    ("efficientnet_b6", "IMAGENET1K_V1"): (528, 528, "bicubic", IMAGENET),
    ("efficientnet_b7", "IMAGENET1K_V1"): (600, 600, "bicubic", IMAGENET),
    ("efficientnet_v2_l", "IMAGENET1K_V1"): (480, 480, "bicubic", HALF),
    ("efficientnet_v2_m", "IMAGENET1K_V1"): (480, 480, "bilinear", IMAGENET),
    ("efficientnet_v2_s", "IMAGENET1K_V1"): (384, 384, "bilinear", IMAGENET),
    ("googlenet", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("inception_v3", "IMAGENET1K_V1"): (342, 299, "bilinear", IMAGENET),
    ("maxvit_t", "IMAGENET1K_V1"): (224, 224, "bicubic", IMAGENET),
    ("mnasnet0_5", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("mnasnet0_75", "IMAGENET1K_V1"): (232, 224, "bilinear", IMAGENET),
    ("mnasnet1_0", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("mnasnet1_3", "IMAGENET1K_V1"): (232, 224, "bilinear", IMAGENET),
    ("mobilenet_v2", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("mobilenet_v2", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("mobilenet_v3_large", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("mobilenet_v3_large", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("mobilenet_v3_small", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_x_16gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_x_16gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_x_1_6gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_x_1_6gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_x_32gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_x_32gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_x_3_2gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_x_3_2gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_x_400mf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_x_400mf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_x_800mf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_x_800mf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_x_8gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_x_8gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_y_128gf", "IMAGENET1K_SWAG_E2E_V1"): (384, 384, "bicubic", IMAGENET),
    ("regnet_y_128gf", "IMAGENET1K_SWAG_LINEAR_V1"): (224, 224, "bicubic", IMAGENET),
    ("regnet_y_16gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_y_16gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_y_16gf", "IMAGENET1K_SWAG_E2E_V1"): (384, 384, "bicubic", IMAGENET),
    ("regnet_y_16gf", "IMAGENET1K_SWAG_LINEAR_V1"): (224, 224, "bicubic", IMAGENET),
    ("regnet_y_1_6gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_y_1_6gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_y_32gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_y_32gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_y_32gf", "IMAGENET1K_SWAG_E2E_V1"): (384, 384, "bicubic", IMAGENET),
    ("regnet_y_32gf", "IMAGENET1K_SWAG_LINEAR_V1"): (224, 224, "bicubic", IMAGENET),
    ("regnet_y_3_2gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_y_3_2gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_y_400mf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_y_400mf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_y_800mf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_y_800mf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("regnet_y_8gf", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("regnet_y_8gf", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("resnet101", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("resnet101", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("resnet152", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("resnet152", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("resnet18", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("resnet34", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("resnet50", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("resnet50", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("resnext101_32x8d", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("resnext101_32x8d", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("resnext101_64x4d", "IMAGENET1K_V1"): (232, 224, "bilinear", IMAGENET),
    ("resnext50_32x4d", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("resnext50_32x4d", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("shufflenet_v2_x0_5", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("shufflenet_v2_x1_0", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("shufflenet_v2_x1_5", "IMAGENET1K_V1"): (232, 224, "bilinear", IMAGENET),
    ("shufflenet_v2_x2_0", "IMAGENET1K_V1"): (232, 224, "bilinear", IMAGENET),
    ("squeezenet1_0", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("squeezenet1_1", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("swin_b", "IMAGENET1K_V1"): (238, 224, "bicubic", IMAGENET),
    ("swin_s", "IMAGENET1K_V1"): (246, 224, "bicubic", IMAGENET),
    ("swin_t", "IMAGENET1K_V1"): (232, 224, "bicubic", IMAGENET),
    ("swin_v2_b", "IMAGENET1K_V1"): (272, 256, "bicubic", IMAGENET),
    ("swin_v2_s", "IMAGENET1K_V1"): (260, 256, "bicubic", IMAGENET),
    ("swin_v2_t", "IMAGENET1K_V1"): (260, 256, "bicubic", IMAGENET),
    ("vgg11", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vgg11_bn", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vgg13", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vgg13_bn", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vgg16", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vgg16_bn", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vgg19", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vgg19_bn", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vit_b_16", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1"): (384, 384, "bicubic", IMAGENET),
    ("vit_b_16", "IMAGENET1K_SWAG_LINEAR_V1"): (224, 224, "bicubic", IMAGENET),
    ("vit_b_32", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("vit_h_14", "IMAGENET1K_SWAG_E2E_V1"): (518, 518, "bicubic", IMAGENET),
    ("vit_h_14", "IMAGENET1K_SWAG_LINEAR_V1"): (224, 224, "bicubic", IMAGENET),
    ("vit_l_16", "IMAGENET1K_V1"): (242, 224, "bilinear", IMAGENET),
    ("vit_l_16", "IMAGENET1K_SWAG_E2E_V1"): (512, 512, "bicubic", IMAGENET),
    ("vit_l_16", "IMAGENET1K_SWAG_LINEAR_V1"): (224, 224, "bicubic", IMAGENET),
    ("vit_l_32", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("wide_resnet101_2", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("wide_resnet101_2", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
    ("wide_resnet50_2", "IMAGENET1K_V2"): (232, 224, "bilinear", IMAGENET),
    ("wide_resnet50_2", "IMAGENET1K_V1"): (256, 224, "bilinear", IMAGENET),
}
"""By model and weights: the shorter side, the cut, the filter and what is normalised by; the first
weights of a model are its default ones."""


def find_architecture(text: str) -> str:
    """The model that a file's name names, the longest where several do; empty where none does."""
    plain = text.lower().replace("-", "_")
    named = {name for name, _ in TRANSFORMS if name in plain or name.replace("_", "") in plain}
    return max(named, key=len, default="")


def read_transforms(named: str) -> dict[str, Any]:
    """The words of `weights.transforms()`; named: `resnet50` or `resnet50/IMAGENET1K_V1`.

    UsageError where there is no such model or no such weights.
    """
    name, _, weights = named.partition("/")
    there = [known for known, _ in TRANSFORMS if known == name]
    if not there:
        near = difflib.get_close_matches(name, {known for known, _ in TRANSFORMS}, 3, 0.5)
        raise UsageError(f"torchvision has no classifier {name!r}; near are {', '.join(near)}")
    of = [known for model, known in TRANSFORMS if model == name]
    if weights and weights not in of:
        raise UsageError(f"torchvision's {name} has no weights {weights!r}; {', '.join(of)} are")
    shorter, side, resample, normalisation = TRANSFORMS[name, weights or of[0]]
    return {
        "size": [side, side], "fit": "crop", "shorter_side": shorter, "resample": resample,
        "range": [0, 1], **normalisation,
    }  # fmt: skip
