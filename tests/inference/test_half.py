"""fp16: the graph is converted, what goes in and comes out stays, and the answers stay close."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from covidreport.errors import RunError
from covidreport.inference import half
from covidreport.inference.half import convert_to_half, half_model
from covidreport.inference.placement import Placement, read_placement
from covidreport.inference.providers import TRIAL_MODEL
from covidreport.records import ModelLimits
from covidreport.storage.cache import DATA_FILE
from covidreport.storage.cache_folder import locate_cache, take_damage
from covidreport.storage.model import identify_model
from tests.damage import DAMAGES
from tests.onnx_models import move_weights_out, write_brightness_model


def _run(model, pixels):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: pixels})[0]


def test_weights_are_halved_and_inputs_outputs_and_contract_stay(tmp_path):
    """uint8 in, float32 out, the same metadata; the arithmetic in between is float16."""
    path = write_brightness_model(tmp_path / "model.onnx")
    plain, halved = onnx.load(path), onnx.load_from_string(convert_to_half(path))

    def ends(model):
        return [
            value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)
        ]

    assert ends(halved) == ends(plain) == [onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT]
    assert {p.key: p.value for p in halved.metadata_props} == {
        p.key: p.value for p in plain.metadata_props
    }
    kinds = {tensor.data_type for tensor in halved.graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds
    assert onnx.TensorProto.FLOAT not in kinds


def test_the_answers_of_the_converted_graph_stay_close(tmp_path):
    """fp16 has 11 bits: scores of about 10 lie within 0.02 of those in fp32."""
    path = write_brightness_model(tmp_path / "model.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)
    plain, halved = _run(path, pixels), _run(convert_to_half(path), pixels)
    assert halved.dtype == np.float32
    np.testing.assert_allclose(halved, plain, atol=0.02)
    assert not np.array_equal(halved, plain)


def test_a_conversion_is_made_once_for_the_same_bytes(tmp_path, monkeypatch):
    """The second time the cache has it; another model, or no room, is converted anew."""
    path = write_brightness_model(tmp_path / "model.onnx")
    made = []

    convert = half._convert_in_child

    def counted(file, *given):
        made.append(file)
        return convert(file, *given)

    monkeypatch.setattr(half, "_convert_in_child", counted)
    first = half_model(path, "aa")
    assert first == half_model(path, "aa")
    assert len(made) == 1
    assert half_model(path, "bb") == first
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    assert half_model(path, "cc") == first
    assert len(made) == 3


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_conversion_is_made_again(tmp_path, damage):
    """A byte of its weights is another model."""
    path = write_brightness_model(tmp_path / "model.onnx")
    first = half_model(path, "aa")
    (file,) = (locate_cache() / half.KIND).glob(f"*/{DATA_FILE}")
    damage(file)
    assert half_model(path, "aa") == first
    assert take_damage() == {half.KIND: 1}


def test_what_is_no_model_is_a_run_error(tmp_path):
    """A broken file fails with its name."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(RunError, match=r"model\.onnx can't be converted"):
        convert_to_half(path)


def test_several_models_are_converted_side_by_side(tmp_path, monkeypatch):
    """Each in a process of its own, both at once; those that are kept are not converted again."""
    paths = [write_brightness_model(tmp_path / name / "model.onnx") for name in "abc"]
    wanted = [(path, f"{name}" * 2) for path, name in zip(paths, "abc", strict=True)]
    first = half_model(*wanted[0])
    both, convert = threading.Barrier(2), half._convert_in_child

    def meeting(*given):
        both.wait(60)
        return convert(*given)

    monkeypatch.setattr(half, "_convert_in_child", meeting)
    monkeypatch.setattr(half, "_count_side_by_side", lambda paths: len(paths))
    half.half_ahead(wanted, ModelLimits())
    monkeypatch.setattr(half, "_convert_in_child", None)
    assert half_model(*wanted[1]) == half_model(*wanted[2]) == first


def test_as_many_are_converted_at_once_as_memory_and_cores_allow(tmp_path, monkeypatch):
    """Five times a model's files, and half a GiB: 3 of 100 MB in 3.2 GB, never more than cores."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"")
    monkeypatch.setattr(half, "measure_model", lambda _: 100 * 10**6)
    for memory, cores, wanted in ((3.2e9, 16, 3), (3.2e9, 2, 2), (1e8, 16, 1), (1e12, 16, 16)):
        monkeypatch.setattr(half, "available_bytes", lambda memory=memory: int(memory))
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert half._count_side_by_side([path]) == wanted


def test_what_ends_or_stops_the_conversion_is_a_run_error(tmp_path, monkeypatch):
    """A converter that crashes ends its own process; one that takes for ever is ended."""
    path = write_brightness_model(tmp_path / "model.onnx")
    with monkeypatch.context() as patch:
        patch.setattr(half, "_CODE", "import os; os.abort()")
        with pytest.raises(RunError, match=r"ends the process that converts .* \(SIGABRT\)"):
            half_model(path, "aa")
        patch.setattr(half, "_CODE", "import time; time.sleep(600)")
        with pytest.raises(RunError, match=r"takes longer than 0\.5 s to be converted to fp16"):
            half_model(path, "aa", ModelLimits(batch_timeout_s=0.5))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(RunError, match=r"broken\.onnx can't be converted to fp16: "):
        half_model(broken, "bb")
    half.half_ahead([(broken, "bb")], ModelLimits())  # whoever opens it says why


def test_ctrl_c_ends_the_conversions(tmp_path, monkeypatch):
    """No process is left behind that goes on for a result that nobody wants."""
    path = write_brightness_model(tmp_path / "model.onnx")
    monkeypatch.setattr(half, "_CODE", "import time; time.sleep(600)")
    started, interrupted, popen = [], [], subprocess.Popen

    def start(*given, **more):
        started.append(popen(*given, **more))
        return started[-1]

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            if wait and not interrupted:
                interrupted.append(True)
                while not started:
                    time.sleep(0.01)
                raise KeyboardInterrupt
            super().shutdown(wait, cancel_futures=cancel_futures)

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(half, "ThreadPoolExecutor", Pool)
    with pytest.raises(KeyboardInterrupt):
        half.half_ahead([(path, "aa")], ModelLimits())
    assert started[0].wait(30) == -signal.SIGKILL


def test_nodes_are_counted_by_the_provider_that_took_them():
    """A convolution or a matrix product on the CPU is a heavy node, a Relu is none."""
    options = ort.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    providers = ["CPUExecutionProvider"]
    conv = ort.InferenceSession(TRIAL_MODEL, options, providers=providers)
    assert read_placement(conv).heavy_on_cpu == (("Conv", 1),)
    weights = onnx.numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")
    ends = [onnx.helper.make_tensor_value_info(n, 1, ["n", 4]) for n in ("x", "y")]
    opset = onnx.helper.make_opsetid("", 18)

    def place(node, *initializers):
        graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:], initializers)
        content = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
        session = ort.InferenceSession(content.SerializeToString(), options, providers=providers)
        return read_placement(session)

    assert place(onnx.helper.make_node("MatMul", ["x", "w"], ["y"]), weights).heavy_on_cpu == (
        ("MatMul", 1),
    )
    relu = place(onnx.helper.make_node("Relu", ["x"], ["y"]))
    assert relu == Placement((("CPUExecutionProvider", 1),), ())


def test_weights_with_hard_links_are_refused_with_what_to_do(tmp_path):
    """DVC's cache makes hard links, and the package onnx reads no weights from one."""
    path = write_brightness_model(tmp_path / "model.onnx")
    weights = move_weights_out(path)
    convert_to_half(path)
    (tmp_path / "cached").hardlink_to(weights)
    with pytest.raises(RunError, match=r"hard link.*`cp FILE new && mv new FILE`"):
        convert_to_half(path)


def test_a_copy_in_fp16_is_of_all_files_of_a_model(tmp_path):
    """Other weights beside the same graph give another copy."""
    path = write_brightness_model(tmp_path / "model.onnx")
    weights = move_weights_out(path)
    pixels = np.full((1, 1, 8, 8), 200, np.uint8)
    first = _run(half_model(path, identify_model(path).sha256), pixels)
    weights.write_bytes(bytes(len(weights.read_bytes())))
    second = _run(half_model(path, identify_model(path).sha256), pixels)
    assert not np.array_equal(first, second)
