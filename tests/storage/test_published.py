"""What Hugging Face and timm write beside a model, read in the words of a contract."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.storage.contract import find_faults
from covidreport.storage.published import (
    read_indices,
    read_processor,
    read_published,
    read_timm,
)
from covidreport.storage.words import InputWords

VIT = {
    "do_normalize": True, "do_rescale": True, "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "ViTImageProcessor",
    "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098,
    "size": {"height": 224, "width": 224},
}  # fmt: skip
"""As `google/vit-base-patch16-224` has it since transformers 4.26."""
CONVNEXT = {
    "crop_pct": 0.875, "do_normalize": True, "do_resize": True,
    "image_processor_type": "ConvNextImageProcessor", "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": {"shortest_edge": 224},
}  # fmt: skip
"""As `facebook/convnext-tiny-224` has it."""
CONFIG = {
    "architectures": ["ViTForImageClassification"], "id2label": {"1": "normal", "0": "covid-19"},
    "problem_type": "single_label_classification",
}  # fmt: skip
TIMM: dict[str, Any] = {
    "architecture": "resnet50d", "num_classes": 2, "label_names": ["covid-19", "normal"],
    "pretrained_cfg": {
        "input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.95,
        "crop_mode": "center", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
    },
}  # fmt: skip


def _read(folder, processor=None, config=None):
    for name, value in (("preprocessor_config.json", processor), ("config.json", config)):
        if value is not None:
            (folder / name).write_text(json.dumps(value))
    return read_published(folder)


def test_a_vision_transformer_of_hugging_face(tmp_path):
    """Stretched by Pillow's bilinear, 1/255, 0.5 and 0.5; labels in the order of their numbers."""
    found = _read(tmp_path, VIT, CONFIG)
    assert found.words == {
        "size": [224, 224], "fit": "stretch", "resample": "bilinear", "divisor": 255,
        "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "labels": ["covid-19", "normal"],
        "activation": "softmax-logit", "channels": 3, "layout": "NCHW",
    }  # fmt: skip
    assert (found.sources["labels"], found.sources["size"]) == (
        "config.json", "preprocessor_config.json",
    )  # fmt: skip
    assert found.faults == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, {"size": [224, 224], "fit": "crop", "shorter_side": 256}),
        ({"size": {"shortest_edge": 384}}, {"size": [384, 384], "fit": "stretch"}),
        ({"crop_pct": None, "do_center_crop": True, "crop_size": {"height": 200, "width": 192}},
         {"size": [200, 192], "fit": "crop", "shorter_side": 224}),
        ({"do_rescale": False}, {"divisor": 1}),
        ({"do_normalize": False}, {"mean": None, "std": None}),
        ({"do_normalize": False, "rescale_offset": True, "rescale_factor": 1 / 127.5},
         {"range": [-1, 1.0]}),
        ({"do_flip_channel_order": True}, {"channel_order": "BGR"}),
        ({"size": 224, "crop_pct": None}, {"size": [224, 224], "fit": "stretch"}),
        ({"size": 256, "crop_pct": None, "do_center_crop": True, "crop_size": 224},
         {"size": [224, 224], "fit": "crop", "shorter_side": 256}),
    ],
)  # fmt: skip
def test_what_image_processors_say(tmp_path, change, words):
    """Each as transformers does it: 224 / 0.875 = 256 before the cut, none from 384 on."""
    found = _read(tmp_path, {**CONVNEXT, **change}, CONFIG).words
    assert {word: found[word] for word in words} == words


@pytest.mark.parametrize(
    "change",
    [
        {"crop_pct": None},  # the shortest edge alone: pictures of many sizes
        {"size": {"height": 256, "width": 256}, "do_center_crop": True, "crop_size": 224},
        {"size": {"longest_edge": 224}},
        {"do_resize": False},
    ],
)
def test_what_no_word_says_is_left_to_be_asked_for(tmp_path, change):
    """Size and fit are then stated by nobody."""
    found = _read(tmp_path, {**CONVNEXT, **change}, CONFIG).words
    assert not {"size", "fit", "shorter_side", "resample"} & set(found)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"problem_type": "multi_label_classification"}, {"activation": "logit"}),
        ({"id2label": {"0": "a", "1": "b"}}, {"activation": "softmax-logit", "labels": ["a", "b"]}),
        ({"id2label": {"0": "a"}}, {"activation": "logit", "labels": ["a"]}),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, {}),
        ({"id2label": {"0": "a", "2": "b"}}, {}),
        ({"problem_type": "regression", "id2label": {"0": "a"}}, {"labels": ["a"]}),
    ],
)
def test_labels_and_activation_are_those_of_the_pipeline(tmp_path, config, words):
    """The default names `LABEL_0` … say nothing, and regression is no activation."""
    found = _read(tmp_path, VIT, config).words
    assert {word: found[word] for word in ("activation", "labels") if word in found} == words


def test_a_model_of_timm(tmp_path):
    """floor(224 / 0.95) = 235 before the cut; which activation follows it does not say."""
    assert _read(tmp_path, None, TIMM).words == {
        "divisor": 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
        "resample": "bicubic", "labels": ["covid-19", "normal"], "channels": 3, "layout": "NCHW",
        "size": [224, 224], "fit": "crop", "shorter_side": 235,
    }  # fmt: skip


def test_other_files_of_these_names_are_passed_over(tmp_path):
    """A config.json of anything else; one that is no JSON is told of."""
    assert _read(tmp_path, None, {"lr": 0.1}) is None
    (tmp_path / "config.json").write_text("{")
    (fault,) = read_published(tmp_path).faults
    assert "config.json: can't be read as JSON" in fault


def test_words_that_do_not_fit_are_told_of(tmp_path):
    """With the file, and the others are taken."""
    found = _read(tmp_path, {**VIT, "image_std": [0, 0.5, 0.5]}, CONFIG)
    assert ("std" in found.words, found.words["size"]) == (False, [224, 224])
    assert (
        "preprocessor_config.json: `std` is [0, 0.5, 0.5]; a number other than 0"
        in (found.faults[0])
    )


@pytest.mark.parametrize(
    ("table", "names"),
    [({"normal": 1, "covid": 0}, ["covid", "normal"]), ({"0": "a"}, ["a"]), ({"a": 1}, None),
     ({}, None), ([], None)],
)  # fmt: skip
def test_class_indices_are_read_either_way(table, names):
    """Keras writes numbers by name, Hugging Face names by number."""
    assert read_indices(table) == names


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["height", "width", "shortest_edge", "0", "1"]), inner, max_size=3
    ),
    max_leaves=4,
)  # fmt: skip


@given(st.data())
def test_whatever_stands_there_is_read_or_left_out(data):
    """These files are not ours: nothing that they hold stops a command."""
    processor = {key: data.draw(ODD | st.just(value)) for key, value in CONVNEXT.items()}
    more = ("do_center_crop", "crop_size", "rescale_factor", "rescale_offset", "do_rescale")
    processor |= {key: data.draw(ODD) for key in more}
    stated = {key: data.draw(ODD | st.just(v)) for key, v in TIMM["pretrained_cfg"].items()}
    for words in (read_processor(processor), read_timm(stated)):
        find_faults(words, InputWords)
    read_indices(data.draw(ODD))
