"""What a model's file states, what run.json describes, and what is asked for."""

from __future__ import annotations

import re

import numpy as np
import pytest

from covidreport.errors import RunError
from covidreport.inference.batch import prepare_batch
from covidreport.inference.contract import contract_metadata, read_contract
from covidreport.inference.graph import Graph, Tensor
from covidreport.records import Equalization, PixelSpec

LABELS = ("covid-19", "normal", "pneumonia")
UINT8 = Tensor("pixels", (None, 1, 96, 64), "tensor(uint8)")
FLOAT = Tensor("image", (1, 3, 224, 224), "tensor(float)")
LOGITS = Tensor("logits", (None, 3), "tensor(float)")
DESCRIBED = {
    "labels": ["COVID", "Normal", "Pneumonia"],
    "fit": "crop",
    "shorter_side": 256,
    "resample": "bilinear",
    "activation": "softmax",
    "divisor": 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "label_map": {"COVID": "covid-19", "Normal": "normal", "Pneumonia": "pneumonia"},
}


def test_what_an_export_states_is_read_back():
    """The contract that contract_metadata writes is the contract that read_contract gives."""
    pixels = PixelSpec(96, 64, fit="pad", resample="bicubic", channels=1)
    graph = Graph((UINT8,), (LOGITS,), contract_metadata(pixels, LABELS, "sigmoid"))
    spec = read_contract(graph)
    assert spec.pixels == pixels
    assert spec.labels == LABELS
    assert (spec.input_name, spec.output_name) == ("pixels", "logits")
    assert (spec.layout, spec.dtype, spec.batch) == ("NCHW", "uint8", None)
    assert spec.activation == "sigmoid"


def test_a_model_from_elsewhere_is_described_in_run_json():
    """Size, channels, layout and batch come from the shape, the rest from the description."""
    spec = read_contract(Graph((FLOAT,), (LOGITS,), {}), DESCRIBED)
    assert spec.labels == LABELS
    assert spec.pixels == PixelSpec(224, 224, "crop", "bilinear", True, 3, 256)
    assert (spec.layout, spec.dtype, spec.batch) == ("NCHW", "float32", 1)
    assert (spec.divisor, spec.mean, spec.std) == (
        255.0,
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
    )


def test_nothing_is_guessed():
    """What neither the file nor run.json says is listed whole."""
    with pytest.raises(RunError, match="labels, activation, fit, resample, divisor, mean, std"):
        read_contract(Graph((FLOAT,), (LOGITS,), {}))


def test_an_ambiguous_layout_is_asked_for():
    """3 x 96 x 3 may be either layout, so neither is taken."""
    strange = Tensor("image", (None, 3, 96, 3), "tensor(float)")
    described = {key: value for key, value in DESCRIBED.items() if key != "layout"}
    with pytest.raises(RunError, match="does not state size, channels, layout"):
        read_contract(Graph((strange,), (LOGITS,), {}), described)


def test_a_description_may_not_contradict_the_file():
    """A run.json that says other labels than the file is refused, with both."""
    graph = Graph((UINT8,), (LOGITS,), contract_metadata(PixelSpec(96, 64), LABELS))
    with pytest.raises(RunError, match=r"`activation` is 'softmax' in run.json and 'logit'"):
        read_contract(graph, {"activation": "softmax"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fit": "squash"}, "`fit` is 'squash'; one of stretch, crop, pad, cut"),
        ({"activation": "relu"}, "`activation` is 'relu'"),
        ({"mean": [0.5]}, "`mean` has 1 values for 3 channels"),
        ({"labels": ["a", "a", "b"]}, "a list of different names"),
        ({"label_map": {"COVID": "Normal"}}, "gives two outputs one name"),
        ({"labels": ["a", "b"]}, "output 'logits' has 3 columns and the contract names 2"),
        ({"size": [512, 512]}, "the contract says height 512, the graph takes 224"),
        ({"colour": "grey"}, "`colour` is no word of a contract"),
        ({"output_name": "probs"}, "it has no output 'probs'"),
    ],
)
def test_a_wrong_description_is_refused_by_name(change, message):
    """Each fault says the word, its value and what is wanted."""
    with pytest.raises(RunError, match=message):
        read_contract(Graph((FLOAT,), (LOGITS,), {}), {**DESCRIBED, **change})


def test_one_of_several_outputs_must_be_named():
    """Two outputs and no name is a question, not a guess."""
    outputs = (LOGITS, Tensor("features", (None, 512), "tensor(float)"))
    with pytest.raises(RunError, match=r"2 outputs \(logits, features\): say which"):
        read_contract(Graph((FLOAT,), outputs, {}), DESCRIBED)
    spec = read_contract(Graph((FLOAT,), outputs, {}), {**DESCRIBED, "output_name": "logits"})
    assert spec.output_name == "logits"


AGE = Tensor("age", (None, 1), "tensor(float)")


@pytest.mark.parametrize("name", ["image", None])
def test_a_second_input_that_nobody_feeds_is_refused_by_name(name):
    """Before anything runs, whether the first one is named or not."""
    described = DESCRIBED if name is None else {**DESCRIBED, "input_name": name}
    with pytest.raises(RunError, match=r"also needs the input 'age'|needs 2 inputs \(image, age"):
        read_contract(Graph((FLOAT, AGE), (LOGITS,), {}), described)


def test_an_input_that_may_be_left_out_is():
    """ONNX has a type for it."""
    optional = Tensor("mask", (), "optional(tensor(float))")
    spec = read_contract(Graph((FLOAT, optional), (LOGITS,), {}), DESCRIBED)
    assert spec.input_name == "image"


@pytest.mark.parametrize(
    "dtype", ["tensor(int64)", "tensor(string)", "tensor(bool)", "tensor(bfloat16)",
              "seq(map(string,tensor(float)))"],
)  # fmt: skip
def test_an_output_that_holds_no_scores_is_refused(dtype):
    """A class is no score; another output that holds some is named."""
    label = Tensor("label", (None, 3), dtype)
    with pytest.raises(RunError, match=rf"output 'label' is {re.escape(dtype)}, which holds no sc"):
        read_contract(Graph((FLOAT,), (label,), {}), DESCRIBED)
    described = {**DESCRIBED, "output_name": "label"}
    with pytest.raises(RunError, match=r"float and double do\): name one of logits"):
        read_contract(Graph((FLOAT,), (label, LOGITS), {}), described)


@pytest.mark.parametrize(
    ("shape", "labels"),
    [((None,), "a"), ((4,), "a"), ((None, 1), "a"), ((), "a"), ((), "abc"), ((None, None), "abc"),
     ((None, 3, 1, 1), "abc"), ((None, 3, None), "abc")],
)  # fmt: skip
def test_outputs_of_one_number_for_each_label_are_taken(shape, labels):
    """`(N,)` of one label, axes of one behind the labels, and what the graph does not say."""
    described = {**DESCRIBED, "labels": [*labels], "label_map": None}
    output = Tensor("logits", shape, "tensor(double)")
    assert read_contract(Graph((FLOAT,), (output,), {}), described).labels == tuple(labels)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((None,), r"output 'logits' has one axis, and 3 labels \(a, b, c\) need a column each"),
        ((None, 3, 7, 7), r"output 'logits' gives 7 x 7 numbers for each label, and one is wanted"),
        ((None, 3, None, 7), r"gives \? x 7 numbers for each label"),
        ((None, 2), r"output 'logits' has 2 columns and the contract names 3 labels \(a, b, c\)"),
    ],
)
def test_outputs_of_another_shape_are_refused(shape, message):
    """With what is wanted."""
    described = {**DESCRIBED, "labels": [*"abc"], "label_map": None}
    with pytest.raises(RunError, match=message):
        read_contract(Graph((FLOAT,), (Tensor("logits", shape, "tensor(float)"),), {}), described)


def test_one_number_is_that_of_every_channel():
    """For mean and std; and it agrees with a file that says it for each."""
    spec = read_contract(Graph((FLOAT,), (LOGITS,), {}), {**DESCRIBED, "mean": 0.5, "std": 2})
    assert (spec.mean, spec.std) == ((0.5, 0.5, 0.5), (2.0, 2.0, 2.0))
    stated = {"covidreport.mean": "[0.5, 0.5, 0.5]", "covidreport.std": "2"}
    spec = read_contract(
        Graph((FLOAT,), (LOGITS,), stated), {**DESCRIBED, "mean": 0.5, "std": [2, 2, 2]}
    )
    assert (spec.mean, spec.std) == ((0.5, 0.5, 0.5), (2.0, 2.0, 2.0))
    with pytest.raises(RunError, match=r"`mean` is 0.4 in run.json and \(0.5, 0.5, 0.5\) in the"):
        read_contract(Graph((FLOAT,), (LOGITS,), stated), {**DESCRIBED, "mean": 0.4, "std": 2})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((None, 3, 50_000, 50_000), r"takes 50000 x 50000 pixels; at most 16384 a side"),
        ((10**6, 3, 224, 224), r"takes 1,000,000 images of 224 x 224 at once"),
        ((None, 4, 224, 224), r"takes 4 channels; images have 1"),
    ],
)
def test_a_graph_that_asks_for_too_much_is_refused(shape, message):
    """Before memory is taken for it."""
    source = Tensor("image", shape, "tensor(float)")
    words = {**DESCRIBED, "layout": "NCHW", "mean": 0, "std": 1}
    with pytest.raises(RunError, match=message):
        read_contract(Graph((source,), (LOGITS,), {}), words)


def test_a_newer_contract_is_refused():
    """A file of contract 2 is not read as if it were 1."""
    stated = {**contract_metadata(PixelSpec(96, 64), LABELS), "covidreport.contract": '"2"'}
    with pytest.raises(RunError, match="contract is version '2'"):
        read_contract(Graph((UINT8,), (LOGITS,), stated))


BARE = {word: DESCRIBED[word] for word in ("labels", "label_map", "fit", "resample", "activation")}


def _float(**words):
    return read_contract(Graph((FLOAT,), (LOGITS,), {}), {**BARE, **words})


@pytest.mark.parametrize(
    ("span", "black", "white"),
    [([0, 255], 0, 255), ([0, 1], 0, 1), ([-1, 1], -1, 1), ([-1024, 1024], -1024, 1024)],
)
def test_a_range_is_what_black_and_white_are_fed_as(span, black, white):
    """`mean` and `std` need not be said with it; -1024 to 1024 is TorchXRayVision's."""
    spec = _float(range=span)
    pixels = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1).repeat(3, axis=3)
    assert prepare_batch(pixels, spec)[0, 0, 0].tolist() == [black, white]


def test_a_range_goes_before_mean_and_std():
    """(2 * 1 - 1 - 0.5) / 0.25 = 2, in the channel that has these."""
    spec = _float(range=[-1, 1], mean=[0.5, 0, 0], std=[0.25, 1, 1])
    white = np.full((1, 1, 1, 3), 255, np.uint8)
    assert prepare_batch(white, spec).ravel().tolist() == [2, 1, 1]


def test_bgr_turns_the_channels_round():
    """mean is in the order that the model is fed."""
    spec = _float(range=[0, 255], channel_order="BGR", mean=[1, 0, 0])
    red = np.array([200, 10, 20], np.uint8).reshape(1, 1, 1, 3)
    assert prepare_batch(red, spec).ravel().tolist() == [19, 10, 200]


def test_each_image_is_normalised_by_itself():
    """z-score: mean 0 and standard deviation 1 (of the population); min-max: 0 to 1."""
    pixels = np.array([[10, 20, 30, 40], [7, 7, 7, 7]], np.uint8).reshape(2, 2, 2, 1)
    pixels = pixels.repeat(3, axis=3)
    scored = prepare_batch(pixels, _float(per_image="z-score"))
    np.testing.assert_allclose(
        scored[0, 0].ravel(), (np.array([10, 20, 30, 40]) - 25) / 125**0.5, rtol=1e-6
    )
    assert (scored[1] == 0).all()
    stretched = prepare_batch(pixels, _float(per_image="min-max", range=[0, 1]))
    np.testing.assert_allclose(stretched[0, 0].ravel(), [0, 1 / 3, 2 / 3, 1], rtol=1e-6)
    assert (stretched[1] == 0).all()


def test_clahe_is_part_of_the_pixels_that_are_wanted():
    """With OpenCV's 8 x 8 tiles unless said."""
    words = {"per_image": "clahe", "per_image_step": "before-resize", "clip_limit": 2}
    spec = _float(range=[0, 1], **words)
    assert spec.pixels.equalize == Equalization("clahe", "before-resize", 2.0, (8, 8))
    assert spec.per_image is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"range": [0, 1], "divisor": 255}, "`range` stands for `divisor`"),
        ({"per_image": "z-score", "range": [0, 1]}, "takes the place of range"),
        ({"per_image": "min-max", "range": [0, 1], "per_image_step": "before-resize"},
         "min-max is taken after the resize"),
        ({"per_image": "histogram", "range": [0, 1]}, "does not state per_image_step"),
        ({"per_image": "clahe", "range": [0, 1]}, "does not state per_image_step, clip_limit"),
        ({"range": [0, 1], "tiles": [8, 8]}, "`tiles` belongs to `per_image` clahe"),
        ({"range": [0, 1], "per_image_step": "after-resize"}, "belongs to `per_image`"),
        ({"range": [1, 1]}, "`range` is \\[1, 1\\]"),
        ({"range": [0, 1], "labels": [None, None, None]}, "`labels` is \\[null, null, null\\]"),
        ({"per_image": "min-max"}, "does not state divisor, mean, std"),
    ],
)  # fmt: skip
def test_words_that_contradict_each_other_are_refused(words, message):
    """Nothing that is said is passed over."""
    with pytest.raises(RunError, match=message):
        _float(**words)


@pytest.mark.parametrize("words", [{"range": [0, 1]}, {"per_image": "z-score"}])
def test_what_gives_floats_needs_a_float_input(words):
    """A graph of uint8 is fed pixels as they are."""
    described = {**BARE, "labels": list(LABELS), "label_map": {}, **words}
    with pytest.raises(RunError, match="gives floats, and the graph takes uint8"):
        read_contract(Graph((UINT8,), (LOGITS,), {}), described)


def test_a_column_that_nobody_asks_for_has_no_name():
    """A softmax of two, of which one is the label: (N, 2)."""
    two = Tensor("logits", (None, 2), "tensor(float)")
    spec = read_contract(
        Graph((FLOAT,), (two,), {}),
        {**DESCRIBED, "labels": [None, "covid-19"], "label_map": {}},
    )
    assert (spec.labels, spec.columns, spec.n_outputs) == (("covid-19",), (1,), 2)
    with pytest.raises(RunError, match="2 columns and the contract names 3 labels"):
        read_contract(Graph((FLOAT,), (two,), {}), {**DESCRIBED, "labels": ["a", None, "b"]})


def test_scikit_learns_dictionaries_are_told_how_to_export():
    """skl2onnx gives a sequence of maps unless asked not to."""
    maps = Tensor("output_probability", (), "seq(map(int64,tensor(float)))")
    with pytest.raises(RunError, match=r'options=\{"zipmap": False\}'):
        read_contract(Graph((FLOAT,), (maps,), {}), DESCRIBED)
    label = Tensor("output_label", (None,), "tensor(string)")
    with pytest.raises(RunError, match=r'options=\{"zipmap": False\}'):
        read_contract(Graph((FLOAT,), (label, maps), {}), DESCRIBED)


@pytest.mark.parametrize("activation", ["softmax", "softmax-logit"])
def test_argmax_is_a_decision_of_a_softmax(activation):
    """Thresholds decide unless something else is said, in either place."""
    graph = Graph((FLOAT,), (LOGITS,), {})
    assert read_contract(graph, DESCRIBED).decision == "threshold"
    described = {**DESCRIBED, "activation": activation, "decision": "argmax"}
    assert read_contract(graph, described).decision == "argmax"
    stated = {**contract_metadata(PixelSpec(96, 64), LABELS, activation),
              "covidreport.decision": '"argmax"'}  # fmt: skip
    assert read_contract(Graph((UINT8,), (LOGITS,), stated)).decision == "argmax"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"activation": "sigmoid"}, "`activation` is sigmoid: its outputs are a yes or no each"),
        ({"activation": "logit"}, "`activation` is logit: its outputs are a yes or no each"),
        (
            {"decision": "max"},
            r"`decision` is 'max'; threshold \(each label by its own\) or argmax",
        ),
    ],
)
def test_an_argmax_that_makes_no_sense_is_refused(words, message):
    """Of outputs of which several may be right none is the answer."""
    described = {**DESCRIBED, "decision": "argmax", **words}
    with pytest.raises(RunError, match=message):
        read_contract(Graph((FLOAT,), (LOGITS,), {}), described)


def test_one_output_has_no_argmax():
    """It would be the answer to every image."""
    one = Tensor("logits", (None, 1), "tensor(float)")
    described = {**DESCRIBED, "labels": ["COVID"], "label_map": {}, "decision": "argmax"}
    with pytest.raises(RunError, match="there is one output, which always scores highest"):
        read_contract(Graph((FLOAT,), (one,), {}), described)
