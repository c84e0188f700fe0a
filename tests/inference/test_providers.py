"""Providers and precisions: what was asked for runs, or an error says what is missing."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from msgspec.structs import replace
from scipy.signal import correlate2d

from covidreport.errors import ProviderError, UsageError
from covidreport.inference import cards, providers
from covidreport.inference.cards import Card, Driver, missing_library, read_driver
from covidreport.inference.devices import read_devices
from covidreport.inference.execution import Execution, Precision, read_precision
from covidreport.inference.providers import CPU, PROVIDERS, provider_named, try_provider
from covidreport.inference.session import open_session
from covidreport.inference.several import share_cards
from tests.onnx_models import write_brightness_model

CUDA = provider_named("cuda")
H200 = Card("NVIDIA H200", (9, 0), 139 * 2**30, 100 * 2**30)
V100 = Card("Tesla V100-SXM2-16GB", (7, 0), 16 * 2**30, 16 * 2**30)

LOWER = ("use_tf32", "prefer_nhwc", "fuse_conv_bias")
SEARCH = {"cudnn_conv_algo_search": "HEURISTIC"}


@pytest.fixture
def built_for_cards(monkeypatch):
    """The build for cards, whichever is installed: what it lists, and no more of it."""
    names = [each.ort_name for each in PROVIDERS]
    monkeypatch.setattr(ort, "get_available_providers", lambda: names)


@pytest.fixture
def machine(monkeypatch, built_for_cards):
    """A machine that shows a card; what its driver says is set by the test.

    played: CUDA's part is played by the CPU, so that the trial passes.
    """

    def show(driver, built=(13, 0), missing=None, played=False):
        monkeypatch.setattr(providers, "has_nvidia_device", lambda: True)
        monkeypatch.setattr(providers, "load_libraries", lambda provider: "")
        monkeypatch.setattr(providers, "cuda_of_build", lambda: built)
        monkeypatch.setattr(providers, "missing_library", lambda library: missing)
        monkeypatch.setattr(providers, "cudnn_version", lambda: "9.26.0")
        monkeypatch.setattr(providers, "_tensorrt_version", lambda provider: "10.14")
        for module in (providers, cards):
            monkeypatch.setattr(module, "read_driver", lambda: driver)
        if played:
            name = "CPUExecutionProvider"
            actors = tuple(replace(each, ort_name=name) for each in PROVIDERS)
            monkeypatch.setattr(providers, "PROVIDERS", actors)
            monkeypatch.setattr(Execution, "requests", lambda *_: ["CPUExecutionProvider"])

    return show


def test_the_trial_is_a_convolution_whose_answer_is_known():
    """Without cuDNN a Relu passes, and then every model fails; the answer is SciPy's."""
    onnx = pytest.importorskip("onnx")
    (node,) = onnx.load_from_string(providers.TRIAL_MODEL).graph.node
    assert node.op_type == "Conv"
    kernel = np.arange(1.0, 10).reshape(3, 3)
    (((question,),),) = (providers.TRIAL_INPUT,)
    right = correlate2d(question, kernel, mode="valid") + 3
    assert np.array_equal(providers.TRIAL_ANSWER[0, 0], right)
    # as whole numbers below 2048 they are exact in fp16 and TF32
    assert right.max() < 2048
    assert try_provider(provider_named("cpu")).works


def test_another_answer_than_the_known_one_is_not_working(monkeypatch):
    """A provider that computes something else is of no use."""
    monkeypatch.setattr(providers, "TRIAL_ANSWER", providers.TRIAL_ANSWER + 1)
    status = try_provider(provider_named("cpu"))
    assert (status.works, status.state) == (False, "broken")
    assert "wrong answer" in status.detail


def test_a_provider_that_does_not_run_is_an_error(tmp_path, monkeypatch, built_for_cards):
    """CUDA without a GPU is an error with the remedy, not the CPU with a warning."""
    monkeypatch.setattr(providers, "has_nvidia_device", lambda: False)
    with pytest.raises(ProviderError, match=r"cuda does not work here: .*NVIDIA device"):
        providers.choose_execution("cuda")
    path = write_brightness_model(tmp_path / "model.onnx")
    with pytest.raises(ProviderError, match=r"cuda was asked for and .*covidreport\[gpu\]"):
        providers.check_provider(["CPUExecutionProvider"], CUDA)
    assert open_session(path, CPU).execution == CPU


def test_where_no_card_answers_nothing_is_loaded_or_printed(
    tmp_path, monkeypatch, capfd, built_for_cards
):
    """Neither by `auto` nor by a provider's name: no library, no word."""

    def loaded(**_):
        raise AssertionError("a library was loaded")

    monkeypatch.setattr(cards, "DEVICE_FILES", tmp_path)
    monkeypatch.setattr(cards, "read_driver", lambda: None)
    monkeypatch.setattr(ort, "preload_dlls", loaded)
    statuses = [try_provider(provider) for provider in PROVIDERS if provider.accelerator]
    chosen, warning = providers.choose_execution("auto")
    assert {status.state for status in statuses} == {"no device"}
    assert (chosen, warning) == (CPU, None)
    assert capfd.readouterr() == ("", "")


def test_a_driver_that_is_too_old_is_named_with_both_versions(machine):
    """The driver runs CUDA 12.4, the build wants 13.0: both stand in the error."""
    if cards.cuda_of_build() is None:
        pytest.skip("this ONNX Runtime is built without CUDA")
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
    machine(None, missing="libcuda.so.1: cannot open shared object file")
    detail = try_provider(CUDA).detail
    assert "driver does not answer" in detail
    assert "libcuda.so.1" in detail


def test_the_driver_is_asked_to_explain_and_not_whether_to_try(machine, monkeypatch):
    """A container that lacks NVML has a card that works; CUDA itself then says which it is."""
    machine(None, played=True)
    monkeypatch.setattr(cards, "_query_cuda", lambda device_id: Card("NVIDIA L4", (8, 9)))
    execution, warning = providers.choose_execution("cuda", device_id=2)
    assert warning is None
    assert (execution.card, execution.device_id) == ("NVIDIA L4", 2)
    assert dict(execution.libraries) == {"cudnn": "9.26.0"}


def test_a_card_that_nobody_can_name_does_not_work(machine, monkeypatch):
    """What decides the scores has to be known before they are stored."""
    machine(None, played=True)
    monkeypatch.setattr(cards, "_query_cuda", lambda device_id: None)
    assert "says which card 0 is" in try_provider(provider_named("cuda")).detail


def test_the_card_named_is_the_one_asked_for(machine):
    """--device-id 1 of two cards."""
    machine(Driver("580.10", (13, 0), (H200, V100)), played=True)
    assert providers.choose_execution("cuda")[0].card == H200.name
    assert providers.choose_execution("cuda", device_id=1)[0].card == V100.name
    assert try_provider(provider_named("cuda"), 1).detail.startswith(V100.name)


def test_tf32_is_refused_by_the_name_of_a_card_without_it(machine):
    """Before compute capability 8.0 it is fp32 by another name; fp32 and fp16 go on."""
    machine(Driver("580.10", (13, 0), (V100,)), played=True)
    with pytest.raises(ProviderError, match=r"Tesla V100.* has no TF32: .* 7\.0, .* 8\.0"):
        providers.choose_execution("cuda", "tf32")
    with pytest.raises(UsageError, match=r"cpu computes in fp32, not in tf32; .*Tesla V100"):
        providers.choose_execution("auto", "tf32")
    assert providers.choose_execution("cuda", "fp16")[0].precision == "fp16"
    assert try_provider(provider_named("cuda")).works
    machine(Driver("580.10", (13, 0), (H200,)), played=True)
    assert providers.choose_execution("cuda", "tf32")[0].precision == "tf32"


def test_what_is_expected_is_what_is_chosen_and_nothing_is_opened(machine, monkeypatch):
    """Of every provider that works; None where it can't be known."""
    machine(Driver("580.10", (13, 0), (H200,)), played=True)
    asked: list[tuple[str, Precision]] = [
        ("auto", "fp16"), ("cuda", "fp32"), ("cpu", "fp32"), ("tensorrt", "tf32"),
    ]  # fmt: skip
    chosen = [providers.choose_execution(*words)[0] for words in asked]
    assert [each.card for each in chosen] == [H200.name, H200.name, None, H200.name]
    assert dict(chosen[3].libraries) == {"cudnn": "9.26.0", "tensorrt": "10.14"}

    def opened(*_, **__):
        raise AssertionError("a session was opened")

    monkeypatch.setattr(ort, "InferenceSession", opened)
    monkeypatch.setattr(providers, "load_libraries", opened)
    assert [providers.expect_execution(*words) for words in asked] == chosen
    assert providers.expect_execution("cuda", device_id=1) is None
    assert providers.expect_execution("cpu", "fp16") is None
    monkeypatch.setattr(providers, "has_nvidia_device", lambda: False)
    assert providers.expect_execution("auto") == CPU
    assert providers.expect_execution("cuda") is None


def test_a_card_that_is_not_there_is_named(machine):
    """Card 3 of one card: the error says how many are seen and what hides them."""
    machine(Driver("580.10", (13, 0), (H200,)), missing="libcublas.so.13: cannot open")
    with pytest.raises(ProviderError, match=r"no card 3: this process sees 1 .*VISIBLE_DEVICES"):
        providers.choose_execution("cuda", device_id=3)


def test_several_cards_are_tried_and_are_of_one_kind(machine):
    """Of two H200 and a V100: the first is the execution's own, `auto` leaves the other kind out,
    and by name it is refused, as is a card that is not there."""
    machine(Driver("580.10", (13, 0), (H200, V100, H200)), played=True)
    first, _ = providers.choose_execution("cuda")
    assert share_cards(first, "auto").devices == share_cards(first, (0, 2)).devices == (0, 2)
    assert share_cards(first, (0,)) == share_cards(first, None) == first
    assert share_cards(first, (0, 2)).facts() == first.facts()
    with pytest.raises(ProviderError, match=r"card 1 is Tesla V100.*, and card 0 NVIDIA H200"):
        share_cards(first, (0, 1))
    with pytest.raises(ProviderError, match="does not work on card 3"):
        share_cards(first, (0, 3))


def test_cards_that_the_processor_does_not_have_are_refused():
    """With what stood in the way of a card, where that is known; `auto` is whatever there is."""
    with pytest.raises(UsageError, match=r"--devices 0,1: provider cpu .* cudnn is missing"):
        share_cards(CPU, (0, 1), "cudnn is missing")
    assert share_cards(CPU, "auto") == CPU


@pytest.mark.parametrize(
    ("text", "said"),
    [("0,0", "card 0 is named twice"), ("1,2,1", "card 1 is named twice"),
     ("-1", "counted from 0"), ("0,", "numbers of cards are wanted"), ("all", "or auto")],
)  # fmt: skip
def test_words_that_name_no_cards_are_refused(text, said):
    """With the word and what is wanted."""
    with pytest.raises(UsageError, match=said):
        read_devices(text)


def test_cards_are_read_in_the_order_given():
    """The first is where what takes one card alone runs."""
    assert read_devices("2, 0") == (2, 0)
    assert read_devices("auto") == "auto"


def test_the_package_without_cuda_is_told_from_a_broken_one(monkeypatch):
    """`onnxruntime` instead of `onnxruntime-gpu` has no such provider: the wrong package."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    status = try_provider(CUDA)
    assert status.state == "absent"
    assert "in place of the package `onnxruntime`" in status.detail


def test_tensorrt_says_which_of_its_libraries_is_missing():
    """The provider's file names the first library that it can't find; none is no file at all."""
    said = missing_library("libonnxruntime_providers_tensorrt.so")
    if said is None:
        pytest.skip("TensorRT is installed here")
    assert ".so" in said
    assert missing_library("libonnxruntime_providers_nowhere.so") is None


def test_auto_takes_the_cpu_and_warns_where_a_gpu_is_passed_over(monkeypatch):
    """On a machine with a GPU that does not work, `auto` says why it runs on the CPU."""

    def broken(provider, device_id=0, precision=None):
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


def test_auto_takes_cuda_where_it_works_and_never_tensorrt(machine, monkeypatch):
    """TensorRT compiles for minutes and is asked for by name."""
    machine(Driver("580.10", (13, 0), (H200, H200)))
    tried = []

    def works(provider, device_id=0, precision=None):
        tried.append((provider.name, device_id, precision))
        return providers.ProviderStatus(provider, True, "fine", "works")

    monkeypatch.setattr(providers, "try_provider", works)
    execution, warning = providers.choose_execution("auto", "tf32", device_id=1)
    assert (execution.provider.name, execution.precision, execution.device_id) == (
        "cuda",
        "tf32",
        1,
    )
    assert warning is None
    assert tried == [("cuda", 1, "tf32")]


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
        ("cuda", "fp32", dict.fromkeys(LOWER, "0") | SEARCH, None),
        ("cuda", "tf32", dict.fromkeys(LOWER, "1") | SEARCH, "tf32"),
        ("cuda", "fp16", dict.fromkeys(LOWER, "1") | SEARCH, "fp16"),
        ("tensorrt", "tf32", {"trt_fp16_enable": "False"}, "tensorrt-tf32"),
        ("tensorrt", "fp16", {"trt_fp16_enable": "True"}, "tensorrt-fp16"),
        ("cpu", "fp32", {}, None),
    ],
)
def test_precision_is_explicit_in_what_the_provider_is_told(name, precision, options, variant):
    """fp32 has no tensor cores and no fused bias, fp16 and TF32 have both, in NHWC.

    What was asked for is recorded and sets folders apart.
    """
    execution = Execution(provider_named(name), precision)
    assert execution.options == options
    assert execution.facts()["options"] == execution.options
    assert execution.facts()["precision"] == precision
    assert execution.variant == variant


def test_what_tensorrt_leaves_runs_on_the_same_card_in_the_same_precision():
    """Its helper CUDA is told so; the CPU takes the rest."""
    requests = Execution(provider_named("tensorrt"), "tf32", 1).requests()
    (_, own), (helper, options), last = requests
    assert own["device_id"] == options["device_id"] == "1"
    assert (helper, options["use_tf32"]) == ("CUDAExecutionProvider", "1")
    assert last == "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("name", "precision"), [("cpu", "tf32"), ("cpu", "fp16"), ("tensorrt", "fp32")]
)
def test_a_precision_that_a_provider_lacks_is_refused(name, precision):
    """The error says which precisions the provider has."""
    with pytest.raises(UsageError, match=rf"{name} computes in .*, not in {precision}"):
        Execution(provider_named(name), precision).check()


def test_the_driver_is_asked_without_failing_where_there_is_none():
    """None, or a version and cards: never an exception."""
    driver = read_driver()
    assert driver is None or (driver.version and driver.cuda >= (1, 0))
