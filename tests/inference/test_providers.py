"""Providers and precisions: what was asked for runs, or an error says what is missing."""

from __future__ import annotations

import onnxruntime as ort
import pytest

from covidreport.errors import ProviderError, UsageError
from covidreport.inference import providers
from covidreport.inference.cards import Card, Driver, missing_library, read_driver
from covidreport.inference.execution import Execution, read_precision
from covidreport.inference.providers import CPU, PROVIDERS, provider_named, try_provider
from covidreport.inference.session import open_session
from tests.onnx_models import write_brightness_model

CUDA = provider_named("cuda")
H200 = Card("NVIDIA H200", 139 * 2**30, 100 * 2**30)


@pytest.fixture
def machine(monkeypatch):
    """A machine that shows a card; what its driver says is set by the test."""

    def show(driver, built=(13, 0), missing=None):
        monkeypatch.setattr(providers, "has_nvidia_device", lambda: True)
        monkeypatch.setattr(providers, "load_libraries", lambda provider: "")
        monkeypatch.setattr(providers, "read_driver", lambda: driver)
        monkeypatch.setattr(providers, "cuda_of_build", lambda: built)
        monkeypatch.setattr(providers, "missing_library", lambda library: missing)

    return show


def test_a_provider_that_does_not_run_is_an_error(tmp_path, monkeypatch):
    """CUDA without a GPU is an error with the remedy, not the CPU with a warning."""
    monkeypatch.setattr(providers, "has_nvidia_device", lambda: False)
    with pytest.raises(ProviderError, match=r"cuda does not work here: .*NVIDIA device"):
        providers.choose_execution("cuda")
    path = write_brightness_model(tmp_path / "model.onnx")
    with pytest.raises(ProviderError, match=r"cuda was asked for and .*covidreport\[gpu\]"):
        providers.check_provider(["CPUExecutionProvider"], CUDA)
    assert open_session(path, CPU).execution == CPU


def test_a_driver_that_is_too_old_is_named_with_both_versions(machine):
    """The driver runs CUDA 12.4, the build wants 13.0: both stand in the error."""
    machine(Driver("550.54", (12, 4), (H200,)))
    status = try_provider(CUDA)
    assert (status.works, status.state) == (False, "broken")
    assert "550.54 runs CUDA up to 12.4" in status.detail
    assert "built for CUDA 13.0" in status.detail


def test_a_missing_cuda_library_is_named(machine):
    """What the loader says is missing stands in the error, with the package that has it."""
    said = "libcudnn.so.9: cannot open shared object file: No such file or directory"
    machine(Driver("580.10", (13, 0), (H200,)), missing=said)
    status = try_provider(CUDA)
    assert "libcudnn.so.9" in status.detail
    assert "pip install 'covidreport[gpu]'" in status.detail


def test_a_driver_that_does_not_answer_is_said(machine):
    """A container without the driver shows a device file and nothing behind it."""
    machine(None)
    assert "driver does not answer" in try_provider(CUDA).detail


def test_a_card_that_is_not_there_is_named(machine):
    """Card 3 of one card: the error says how many are seen and what hides them."""
    machine(Driver("580.10", (13, 0), (H200,)))
    with pytest.raises(ProviderError, match=r"no card 3: this process sees 1 .*VISIBLE_DEVICES"):
        providers.choose_execution("cuda", device_id=3)


def test_the_package_without_cuda_is_told_from_a_broken_one(monkeypatch):
    """`onnxruntime` instead of `onnxruntime-gpu` has no such provider: the wrong package."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    status = try_provider(CUDA)
    assert status.state == "absent"
    assert "not beside the package `onnxruntime`" in status.detail


def test_tensorrt_says_which_of_its_libraries_is_missing():
    """The provider's file names the first library that it can't find; none is no file at all."""
    said = missing_library("libonnxruntime_providers_tensorrt.so")
    if said is None:
        pytest.skip("TensorRT is installed here")
    assert ".so" in said
    assert missing_library("libonnxruntime_providers_nowhere.so") is None


def test_auto_takes_the_cpu_and_warns_where_a_gpu_is_passed_over(monkeypatch):
    """On a machine with a GPU that does not work, `auto` says why it runs on the CPU."""

    def broken(provider, device_id=0):
        works = provider.name == "cpu"
        return providers.ProviderStatus(
            provider, works, "libcudnn is missing", "works" if works else "broken"
        )

    monkeypatch.setattr(providers, "try_provider", broken)
    monkeypatch.setattr(providers, "has_nvidia_device", lambda: True)
    execution, warning = providers.choose_execution("auto")
    assert execution == CPU
    assert warning is not None
    assert "libcudnn is missing" in warning
    with pytest.raises(UsageError, match=r"cpu computes in fp32, not in fp16; .*libcudnn"):
        providers.choose_execution("auto", "fp16")
    monkeypatch.setattr(providers, "has_nvidia_device", lambda: False)
    assert providers.choose_execution("auto")[1] is None


def test_auto_takes_cuda_where_it_works_and_never_tensorrt(monkeypatch):
    """TensorRT compiles for minutes and is asked for by name."""
    tried = []

    def works(provider, device_id=0):
        tried.append((provider.name, device_id))
        return providers.ProviderStatus(provider, True, "fine", "works")

    monkeypatch.setattr(providers, "try_provider", works)
    execution, warning = providers.choose_execution("auto", "tf32", device_id=1)
    assert (execution.provider.name, execution.precision, execution.device_id) == (
        "cuda",
        "tf32",
        1,
    )
    assert warning is None
    assert tried == [("cuda", 1)]


def test_an_unknown_provider_lists_those_there_are():
    """A misspelt provider is wrong usage, and so is a precision."""
    with pytest.raises(UsageError, match="one of auto, tensorrt, cuda, cpu"):
        provider_named("gpu")
    with pytest.raises(UsageError, match="one of fp32, tf32, fp16"):
        read_precision("fp8")


def test_every_provider_of_the_table_can_be_tried():
    """Each entry gives a status with words; the CPU works everywhere."""
    for provider in PROVIDERS:
        status = try_provider(provider)
        assert status.detail
        assert status.works == (status.state == "works")
    assert try_provider(provider_named("cpu")).works


@pytest.mark.parametrize(
    ("name", "precision", "options", "variant"),
    [
        ("cuda", "fp32", {"use_tf32": "0"}, None),
        ("cuda", "tf32", {"use_tf32": "1"}, "tf32"),
        ("cuda", "fp16", {"use_tf32": "0", "prefer_nhwc": "1"}, "fp16"),
        ("tensorrt", "fp32", {"trt_fp16_enable": "0"}, "tensorrt"),
        ("tensorrt", "fp16", {"trt_fp16_enable": "1"}, "tensorrt-fp16"),
        ("cpu", "fp32", {}, None),
    ],
)
def test_precision_is_explicit_in_what_the_provider_is_told(name, precision, options, variant):
    """TF32 is off unless asked for, and what was asked for is recorded and sets folders apart."""
    execution = Execution(provider_named(name), precision)
    assert options.items() <= execution.options.items()
    assert execution.facts()["options"] == execution.options
    assert execution.facts()["precision"] == precision
    assert execution.variant == variant


def test_convolutions_are_not_searched_exhaustively():
    """Exhaustive search tunes anew for every shape and makes answers vary; it is never on."""
    requests = Execution(provider_named("tensorrt")).requests()
    for name, options in [r for r in requests if not isinstance(r, str)]:
        if name == "CUDAExecutionProvider":
            assert options["cudnn_conv_algo_search"] == "HEURISTIC"
            assert options["use_tf32"] == "0"
    assert Execution(CUDA).options["cudnn_conv_algo_search"] == "HEURISTIC"


@pytest.mark.parametrize(
    ("name", "precision"), [("cpu", "tf32"), ("cpu", "fp16"), ("tensorrt", "tf32")]
)
def test_a_precision_that_a_provider_lacks_is_refused(name, precision):
    """The error says which precisions the provider has."""
    with pytest.raises(UsageError, match=rf"{name} computes in fp32.*not in {precision}"):
        Execution(provider_named(name), precision).check()


def test_the_driver_is_asked_without_failing_where_there_is_none():
    """None, or a version and cards: never an exception."""
    driver = read_driver()
    assert driver is None or (driver.version and driver.cuda >= (1, 0))
