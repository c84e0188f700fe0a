"""Cards: found by file or driver, named as CUDA counts them, and touched only where asked for."""

from __future__ import annotations

import ctypes
import os
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace

import onnxruntime as ort
import pynvml
import pytest

from covidreport.inference import cards
from covidreport.inference.cards import Card, find_card, has_nvidia_device, read_driver
from covidreport.inference.session import OutOfMemoryError, describe_failure

A100, H200, L4 = "GPU-a1000000-1", "GPU-a1222222-2", "GPU-14444444-3"
NAMES = {A100: "NVIDIA A100", H200: "NVIDIA H200", L4: "NVIDIA L4"}
SLICES = {"MIG-aaaa1111": (1, 0), "MIG-aaaa2222": (2, 0)}


def _missing(code):
    raise pynvml.NVMLError(code)


def _show_cards(monkeypatch, *, sliced=False):
    """Three cards as NVML shows them, in the order of the bus; the first may be sliced."""
    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetCudaDriverVersion": lambda: 13020,
        "nvmlSystemGetDriverVersion": lambda: "580.10",
        "nvmlDeviceGetCount": lambda: 3,
        "nvmlDeviceGetHandleByIndex": lambda number: (A100, H200, L4)[number],
        "nvmlDeviceGetUUID": lambda card: card,
        "nvmlDeviceGetName": lambda card: (
            f"{NAMES[A100]} MIG {SLICES[card][0]}g" if card in SLICES else NAMES[card]
        ),
        "nvmlDeviceGetCudaComputeCapability": lambda card: (9, 0) if card == H200 else (8, 0),
        "nvmlDeviceGetMemoryInfo": lambda card: SimpleNamespace(total=2**34, free=2**33),
        "nvmlDeviceGetMigMode": lambda card: (
            _missing(pynvml.NVML_ERROR_NOT_SUPPORTED)
            if card == L4
            else [int(sliced and card == A100), 0]
        ),
        "nvmlDeviceGetMaxMigDeviceCount": lambda card: 7,
        "nvmlDeviceGetMigDeviceHandleByIndex": lambda card, place: (
            list(SLICES)[place] if place < len(SLICES) else _missing(pynvml.NVML_ERROR_NOT_FOUND)
        ),
        "nvmlDeviceGetGpuInstanceId": lambda card: SLICES[card][0],
        "nvmlDeviceGetComputeInstanceId": lambda card: SLICES[card][1],
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """What a user may have set is set by the tests."""
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)


def _names():
    return [card.name.removeprefix("NVIDIA ") for card in read_driver().cards]


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        (None, ["A100", "H200", "L4"]),
        ("2,0", ["L4", "A100"]),
        ("1", ["H200"]),
        (f"{L4},{A100}", ["L4", "A100"]),
        ("GPU-1444,GPU-a100", ["L4", "A100"]),
        ("GPU-a1,0", []),  # two begin so
        ("0,7,1", ["A100"]),  # what follows an unknown name is not seen
        ("0,-1,1", ["A100"]),
        ("1,1", []),
        ("", []),
        ("-1", []),
    ],
)
def test_cards_are_counted_as_cuda_counts_them(monkeypatch, chosen, seen):
    """CUDA_VISIBLE_DEVICES by numbers, names and their beginnings, as NVIDIA documents it."""
    _show_cards(monkeypatch)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert _names() == seen
    assert [find_card(i).name for i in range(len(seen))] == [f"NVIDIA {name}" for name in seen]


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        (None, ["A100 MIG 1g"]),
        ("0", ["A100 MIG 1g"]),
        ("GPU-a100", ["A100 MIG 1g"]),
        ("MIG-aaaa2222", ["A100 MIG 2g"]),
        ("MIG-aaaa2", ["A100 MIG 2g"]),
        ("MIG-aaaa", []),
        (f"MIG-{A100}/2/0", ["A100 MIG 2g"]),
        ("1", ["H200"]),
    ],
)
def test_a_slice_of_a_card_is_known_by_its_own_name(monkeypatch, chosen, seen):
    """MIG: where CUDA sees a slice it sees no whole card, and of a sliced card its first."""
    _show_cards(monkeypatch, sliced=True)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert _names() == seen


def test_cards_in_the_order_of_their_speed_are_named_by_cuda(monkeypatch):
    """NVML does not know that order; where all have one name there is nothing to know."""
    _show_cards(monkeypatch)
    monkeypatch.setattr(cards, "_query_cuda", lambda device_id: Card("the fastest", (9, 0)))
    assert find_card(0).name == NAMES[A100]
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert find_card(0).name == "the fastest"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert find_card(0).name == NAMES[H200]


def test_cuda_is_told_to_count_by_the_bus_unless_the_user_said_otherwise(monkeypatch):
    """So that --device-id is the number that nvidia-smi shows."""
    cards.count_by_bus()
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    cards.count_by_bus()
    assert os.environ["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST"


@pytest.mark.parametrize(
    ("file", "shown"),
    [("nvidia0", True), ("nvidia1", True), ("nvidia11", True), ("dxg", True), ("nvidiactl", False),
     ("nvidia-uvm", False)],
)  # fmt: skip
def test_any_cards_file_shows_a_card(tmp_path, monkeypatch, file, shown):
    """A container that was given card 1 has no /dev/nvidia0; the driver's own files are no card."""
    monkeypatch.setattr(cards, "DEVICE_FILES", tmp_path)
    monkeypatch.setattr(cards, "read_driver", lambda: None)
    assert not has_nvidia_device()
    (tmp_path / file).touch()
    assert has_nvidia_device() is shown


def test_a_card_that_only_the_driver_shows_is_one(tmp_path, monkeypatch):
    """As on Windows, where there are no such files; a driver without cards shows none."""
    monkeypatch.setattr(cards, "DEVICE_FILES", tmp_path)
    _show_cards(monkeypatch)
    assert has_nvidia_device()
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 0)
    assert not has_nvidia_device()


def _play_runtime():
    """A CUDA runtime that has the cards 0 and 1."""

    def name(properties, number):
        properties.value = b"NVIDIA L40S"
        return 0 if number < 2 else 101

    def tell(place, attribute, number):
        place._obj.value = {75: 8, 76: 9}[attribute]
        return 0 if number < 2 else 101

    return SimpleNamespace(cudaGetDeviceProperties=name, cudaDeviceGetAttribute=tell)


def test_cuda_says_the_card_where_nvml_does_not(monkeypatch):
    """Name and compute capability, of the card that was asked for alone."""
    monkeypatch.setattr(cards, "read_driver", lambda: None)
    monkeypatch.setattr(cards, "_load_runtime", _play_runtime)
    assert find_card(1) == Card("NVIDIA L40S", (8, 9))
    assert find_card(2) is None
    monkeypatch.setattr(cards, "_load_runtime", lambda: None)
    assert find_card(1) is None


def test_the_version_of_cudnn_is_that_of_the_library():
    """Of the file that ONNX Runtime loads, without a card: as its package says, but for builds."""
    try:
        installed = version("nvidia-cudnn-cu13")
    except PackageNotFoundError:
        pytest.skip("cuDNN for CUDA 13 is not installed from a package")
    assert installed.startswith(f"{cards.cudnn_version()}.")


def _said_by(library, function, number):
    try:
        ask = getattr(ctypes.CDLL(library), function)
    except OSError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    ask.restype = ctypes.c_char_p
    return ask(number).decode()


@pytest.mark.parametrize(
    ("library", "function", "number"),
    [
        ("libcudnn.so.9", "cudnnGetErrorString", 4003),  # of the host
        ("libcudnn.so.9", "cudnnGetErrorString", 4004),  # of the card
        ("libcublas.so.13", "cublasGetStatusName", 3),
    ],
)
def test_what_cudnn_and_cublas_say_of_memory_is_out_of_memory(library, function, number):
    """In the words of the installed libraries: ALLOCATION_FAILED and ALLOC_FAILED."""
    ort.preload_dlls()
    error = RuntimeError(f"CUDNN failure {number}: {_said_by(library, function, number)} ; GPU=0")
    assert isinstance(describe_failure(error), OutOfMemoryError)
    other = RuntimeError(
        f"CUDNN failure 5000: {_said_by('libcudnn.so.9', 'cudnnGetErrorString', 5000)}"
    )
    assert not isinstance(describe_failure(other), OutOfMemoryError)
