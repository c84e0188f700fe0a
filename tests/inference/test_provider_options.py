"""What providers are told is read by the installed ONNX Runtime itself, without a card.

Each in a process of its own: a provider that was once loaded, or was not, stays so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap

import onnxruntime as ort
import pytest

from covidreport.errors import ProviderError
from covidreport.inference.execution import Execution
from covidreport.inference.providers import TRIAL_MODEL, provider_named

CODE = """
    import ctypes, json, sys
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as inner
    from covidreport.inference.cards import missing_library
    from covidreport.inference.providers import ORT_ERRORS, TRIAL_MODEL
    driver, provider, every = json.loads(sys.argv[1])
    ort.set_default_logger_severity(4)
    if driver:
        ctypes.CDLL(driver, ctypes.RTLD_GLOBAL)
        ort.preload_dlls()
        missing = missing_library("libonnxruntime_providers_cuda.so")
        if missing:
            sys.exit(print(json.dumps(missing)))
    said = []
    for told in every:
        # as `InferenceSession` does, without the plug-ins that it looks for in TensorRT first
        session = inner.InferenceSession(ort.SessionOptions(), TRIAL_MODEL, False, False)
        try:
            session.initialize_session([provider], [told], set())
            said.append("")
        except ORT_ERRORS as error:
            said.append(str(error))
    print(json.dumps(said))
"""
DRIVER = """
int cuTensorMapEncodeTiled(void) { return 999; }
int cuInit(unsigned int flags) { return 100; }
"""
"""All that CUDA's provider needs of a driver to be loaded; the runtime then finds no card."""
ARENA = """
    import ctypes, sys
    import onnxruntime as ort
    from covidreport.inference import session
    from covidreport.inference.execution import Execution
    from covidreport.inference.providers import ORT_ERRORS, provider_named
    from covidreport.records import ModelLimits
    ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL)
    ort.preload_dlls()
    limits = ModelLimits(memory=2**30)
    for number in (0, 1):
        execution = Execution(provider_named("cuda"), device_id=number)
        session.share_memory(execution, limits)
        session.renew_memory(execution, limits)
    print(sorted(session._shared.items()))
    name, provider, how = session._ARENAS["cuda"]
    session._ARENAS["cuda"] = name, provider, {"nonsense": 1}
    try:
        session.renew_memory(execution, limits)
    except ORT_ERRORS as error:
        print(str(error).splitlines()[0])
"""


def _read_options(provider, every, driver=None):
    """What ONNX Runtime says of each of several options; empty where it says nothing.

    Where CUDA's provider can't be loaded even with a driver, what is missing.
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CODE), json.dumps([driver, provider, every])],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def _told(name, precision):
    """What our execution tells the provider itself."""
    return Execution(provider_named(name), precision).requests()[0][1]


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """A `libcuda.so.1` of two lines, so that CUDA's provider can be loaded."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("a libcuda.so.1 is made by `cc`, on Linux")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "cuda.c").write_text(DRIVER)
    words = ["cc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", "libcuda.so.1", "cuda.c"]
    subprocess.run(words, cwd=folder, check=True)
    return str(folder / "libcuda.so.1")


@pytest.fixture(scope="module")
def cuda(driver):
    """CUDA's name, where its provider can be loaded here."""
    name = "CUDAExecutionProvider"
    if name not in ort.get_available_providers():
        pytest.skip("this ONNX Runtime is built without CUDA")
    said = _read_options(name, [], driver)
    if said:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    return name


def test_an_option_that_cuda_does_not_know_is_refused(cuda, driver):
    """The wheel reads the options before it looks for a card: a wrong one is found here."""
    every = [{"nonsense": "1"}, {"cudnn_conv_algo_search": "FAST"}, {"use_tf32": "yes"}]
    unknown, search, word = _read_options(cuda, every, driver)
    assert 'Unknown provider option: "nonsense"' in unknown
    assert 'Failed to parse provider option "cudnn_conv_algo_search"' in search
    assert 'Failed to parse provider option "use_tf32"' in word


def test_what_cuda_is_told_is_read_as_far_as_the_missing_device(cuda, driver):
    """All options of each precision are known and read; the card is what is missing."""
    every = [_told("cuda", precision) for precision in provider_named("cuda").precisions]
    # which option is read first is not said: without the card's number all others are
    every += [{key: told[key] for key in told if key != "device_id"} for told in every]
    for said in _read_options(cuda, every, driver):
        assert "Unknown provider option" not in said
        assert "CUDA failure 35" in said  # no driver that this runtime can use


def test_one_arena_for_each_card_is_registered_by_the_wheel(cuda, driver):
    """As an evaluation does it, and anew after a group; the wheel reads what the arena is told."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ARENA), driver],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    registered, refused = done.stdout.splitlines()
    assert registered == "[(('cuda', 0), 1073741824), (('cuda', 1), 1073741824)]"
    assert "nonsense" in refused


@pytest.fixture(scope="module")
def tensorrt():
    """TensorRT's name, where this build has it: its options are read before it is loaded."""
    name = "TensorrtExecutionProvider"
    if name not in ort.get_available_providers():
        pytest.skip("this ONNX Runtime is built without TensorRT")
    return name


def test_an_option_that_tensorrt_does_not_know_is_refused(tensorrt):
    """Nor does it take 1 and 0 for True and False."""
    unknown, number = _read_options(tensorrt, [{"nonsense": "1"}, {"trt_fp16_enable": "1"}])
    assert "Invalid TensorRT EP option: nonsense" in unknown
    assert "should be 'True' or 'False'" in number


def test_what_tensorrt_is_told_is_read(tensorrt, tmp_path, monkeypatch):
    """In both precisions, with the places of its engines as sessions are opened."""
    from covidreport.inference import session
    from tests.onnx_models import write_brightness_model

    asked = []

    def create(model, execution, threads, extra, limits):
        asked.append(execution.requests(extra)[0])
        return ort.InferenceSession(TRIAL_MODEL, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(session, "_create", create)
    monkeypatch.setattr(session, "load_libraries", lambda provider: "")
    monkeypatch.setattr(session, "share_memory", lambda *_: None)
    path = write_brightness_model(tmp_path / "model.onnx")
    for precision in provider_named("tensorrt").precisions:
        execution = Execution(provider_named("tensorrt"), precision)
        with pytest.raises(ProviderError, match="was asked for"):  # the CPU plays its part
            session.open_session(path, execution, engines=tmp_path)
    every = [options for _, options in asked]
    assert all("trt_engine_cache_enable" in options for options in every)
    assert [options["trt_fp16_enable"] for options in every] == ["False", "True"]
    assert _read_options(tensorrt, every) == ["", ""]
