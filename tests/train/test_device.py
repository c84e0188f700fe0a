"""What is settled for a device before an experiment: precision, and how torch computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from train.device import prepare_device, set_float32
from train.settings import FitSettings

CPU = torch.device("cpu")


def settings(precision="auto"):
    return FitSettings("tiny", "none", "bce", "sgd", 0.1, 1, 4, precision=precision)


@pytest.mark.parametrize(
    ("precision", "emulated", "autocast"),
    [
        ("auto", False, True), ("auto", True, False), ("float32", False, False),
        ("bfloat16", True, True),
    ],
)  # fmt: skip
def test_a_card_that_only_emulates_bfloat16_fits_in_float32(
    monkeypatch, precision, emulated, autocast
):
    """Unless the study says bfloat16; torch counts the emulation as support unless told."""

    def supported(including_emulation=True):
        return including_emulation or not emulated

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
    card = torch.device("cuda", 0)
    assert prepare_device(card, settings(precision)).autocast == autocast


@pytest.mark.parametrize(
    "before",
    [
        "torch.backends.fp32_precision = 'tf32'",
        "torch.set_float32_matmul_precision('high')",
        "torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True",
        "torch.backends.cudnn.conv.fp32_precision = 'tf32'",
    ],
)
def test_float32_is_float32_whatever_was_set_before(before):
    """By torch's newer switches and its older ones, which can be read then: no TF32 anywhere."""
    exec(before)  # noqa: S102  # a statement of the list above
    prepare_device(CPU, settings("float32"))
    cudnn: Any = torch.backends.cudnn
    newer = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)
    assert [switch.fp32_precision for switch in newer] == ["ieee"] * 3
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"


def test_tf32_can_be_asked_for_and_taken_back():
    """As the benchmark of inference does, to stand beside TF32 of ONNX Runtime."""
    set_float32("tf32")
    assert torch.backends.cudnn.allow_tf32
    assert torch.backends.cuda.matmul.allow_tf32
    set_float32("ieee")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_memory_is_not_filled_before_it_is_written():
    """Deterministic mode would fill each new tensor, a few percent of a step on a card."""
    prepare_device(CPU, settings())
    assert torch.are_deterministic_algorithms_enabled()
    deterministic: Any = torch.utils.deterministic
    assert not deterministic.fill_uninitialized_memory
