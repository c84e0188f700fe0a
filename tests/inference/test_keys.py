"""What decides an engine, a conversion or a trial is in its key: each part alone is changed."""

from __future__ import annotations

import onnxruntime as ort
import pytest
from msgspec.structs import replace

from covidreport.inference import half, trial
from covidreport.inference.engines import engine_folder
from covidreport.inference.execution import Execution
from covidreport.inference.providers import provider_named

CARD = Execution(
    provider_named("tensorrt"), "tf32", card="NVIDIA H200", libraries=(("tensorrt", "10.1"),)
)


def test_the_same_model_on_the_same_card_has_the_same_engines():
    """Whichever number the card has; none without a cache."""
    folder = engine_folder("aa", CARD)
    assert folder is not None
    assert folder.is_dir()
    assert engine_folder("aa", replace(CARD, device_id=1)) == folder


@pytest.mark.parametrize(
    "change",
    [
        {"card": "NVIDIA A100"},
        {"libraries": (("tensorrt", "10.2"),)},
        {"precision": "fp16"},
    ],
)
def test_another_card_compiler_or_precision_has_other_engines(change):
    """An engine of one is wrong, or no engine at all, for another."""
    assert engine_folder("aa", replace(CARD, **change)) != engine_folder("aa", CARD)


def test_another_model_or_runtime_has_other_engines(monkeypatch):
    """The runtime cuts a graph into the parts that are compiled."""
    folder = engine_folder("aa", CARD)
    assert engine_folder("bb", CARD) != folder
    monkeypatch.setattr(ort, "__version__", "0.0.1")
    assert engine_folder("aa", CARD) != folder


@pytest.mark.parametrize("name", [half._name, lambda sha256: trial._list_facts(sha256, None)])
def test_another_model_or_runtime_is_converted_and_tried_anew(monkeypatch, name):
    """The runtime brings the converter, and what crashes is its code."""
    before = name("aa")
    assert name("aa") == before != name("bb")
    monkeypatch.setattr(ort, "__version__", "0.0.1")
    assert name("aa") != before


def test_another_conversion_is_another_entry(monkeypatch):
    """When covidreport asks the converter for something else."""
    before = half._name("aa")
    monkeypatch.setattr(half, "REVISION", half.REVISION + 1)
    assert half._name("aa") != before


def test_what_run_json_says_of_the_input_is_tried_too():
    """It decides what the model is fed."""
    assert trial._list_facts("aa", {"height": 224}) != trial._list_facts("aa", {"height": 225})
