"""A model is not trusted: what takes too long or too much memory fails, and stops nobody else."""

from __future__ import annotations

import platform
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from covidreport.evaluate import units
from covidreport.inference import trial
from covidreport.inference.session import OutOfMemoryError
from covidreport.inference.watch import run_watched
from covidreport.storage.cache_folder import list_entries
from covidreport.store import read_evaluation, read_failure
from tests.cli.command import run_command, start_command, write_model, write_project
from tests.cli.test_bad_days import SLOW

KEY = "data-validation"


def write_endless_model(path: Path, turns: int | None = None) -> Path:
    """The brightness model with a loop behind it that never ends, or after so many turns."""
    model = onnx.load(write_model(path, 85))
    (tail,) = (node for node in model.graph.node if "logits" in node.output)
    tail.output[0] = "answer"
    body = helper.make_graph(
        [helper.make_node("Identity", [a], [b]) for a, b in (("on", "goes"), ("seen", "given"))],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("seen", TensorProto.FLOAT, ["n", 3]),
        ],
        [
            helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
            helper.make_tensor_value_info("given", TensorProto.FLOAT, ["n", 3]),
        ],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "true"))
    if turns is not None:
        model.graph.initializer.append(numpy_helper.from_array(np.array(turns), "turns"))
    names = ["" if turns is None else "turns", "true", "answer"]
    model.graph.node.append(helper.make_node("Loop", names, ["logits"], body=body))
    file = path / "model.onnx"
    file.write_bytes(model.SerializeToString())
    return file


def write_greedy_model(path: Path, floats: int) -> Path:
    """The brightness model that fills so many floats on its way."""
    model = onnx.load(write_model(path, 85))
    (tail,) = (node for node in model.graph.node if "logits" in node.output)
    tail.output[0] = "answer"
    model.graph.initializer.append(numpy_helper.from_array(np.array([floats]), "many"))
    model.graph.node.extend(
        [
            helper.make_node("ReduceMax", ["answer"], ["most"], keepdims=0),
            helper.make_node("Expand", ["most", "many"], ["large"]),
            helper.make_node("ReduceMax", ["large"], ["again"], keepdims=0),
            helper.make_node("Sub", ["again", "most"], ["nothing"]),
            helper.make_node("Add", ["answer", "nothing"], ["logits"]),
        ]
    )
    file = path / "model.onnx"
    file.write_bytes(model.SerializeToString())
    return file


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Data, and a good run."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_project(tmp_path, base=100)
    return tmp_path


def _refused(project, done):
    assert done.code == 3, done.err
    stored = read_evaluation(project / "runs" / "base" / "evaluations" / KEY)
    assert (stored.counts["covid-19"].fn, stored.counts["covid-19"].tp) == (1, 2)
    return read_failure(project / "runs" / "bad" / "evaluations" / KEY)


def test_a_loop_without_an_end_is_ended(project, covidreport):
    """After the time that a batch may take, by option or configuration; the others go on."""
    write_endless_model(project / "runs" / "bad")
    failure = _refused(project, covidreport("evaluate", "runs", "--batch-timeout-s", "0.5"))
    assert "takes longer than 0.5 s for 1 image (batch_timeout_s)" in failure.reason
    assert "--batch-timeout-s" in failure.remedy
    with (project / "covidreport.toml").open("a") as file:
        file.write("batch_timeout_s = 0.25\n")
    assert covidreport("ci", "runs/bad", "--limit", "sensitivity>=0.5").code == 3
    done = covidreport("predict", "runs/bad", "data")
    assert done.code == 3
    assert "takes longer than 0.25 s" in done.err


def test_a_model_that_asks_for_16_gib_gets_none(project, covidreport):
    """The arena that all share has a limit, which is named; nothing of it is ever taken."""
    write_greedy_model(project / "runs" / "bad", 2**32)
    failure = _refused(project, covidreport("evaluate", "runs", "--memory-limit", "256MiB"))
    assert failure.reason == (
        "needs more memory than the 0.25 GiB that models may take together (memory_limit): "
        "16.0 GiB more was asked for"
    )
    assert "--memory-limit" in failure.remedy
    write_greedy_model(project / "runs" / "bad", 2**20)
    done = covidreport("evaluate", "runs", "--memory-limit", "256MiB")
    assert done.code == 0, done.err


def test_another_runs_greed_fails_nobody(project, covidreport, monkeypatch):
    """What did not fit beside the others is tried once more, alone."""
    write_model(project / "runs" / "bad", 85)
    usual, tried = units.score_chunk, []

    def short(chunk, opened, batch):
        if opened.run.name == "bad" and not tried:
            tried.append(True)
            raise OutOfMemoryError("needs more memory")
        return usual(chunk, opened, batch)

    monkeypatch.setattr(units, "score_chunk", short)
    done = covidreport("evaluate", "runs", "--jobs", "2")
    assert done.code == 0, done.err
    assert tried
    folder = project / "runs" / "bad" / "evaluations" / KEY
    assert read_evaluation(folder).counts["covid-19"].fn == 0
    assert read_failure(folder) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("batch_timeout_s = 0", "`batch_timeout_s` is 0; seconds are wanted"),
        ("batch_timeout_s = true", "`batch_timeout_s` is True"),
        ("memory_limit = 2", "`memory_limit` is 2; a fraction up to 1 or a size"),
        ('memory_limit = "12 apples"', "`memory_limit` is '12 apples'"),
        ('memory_limit = "1kB"', "`memory_limit` is '1kB'"),
    ],
)
def test_limits_that_are_none_are_refused(project, covidreport, line, words):
    """With what is wanted."""
    with (project / "covidreport.toml").open("a") as file:
        file.write(f"{line}\n")
    done = covidreport("evaluate", "runs")
    assert done.code == 2
    assert words in done.err


def test_what_takes_too_long_is_asked_to_end():
    """By the thread that looks after it, and only then is its error taken for that."""
    asked = []

    def work():
        end = time.monotonic() + 10
        while not asked and time.monotonic() < end:
            time.sleep(0.01)
        raise RuntimeError("ended")

    with pytest.raises(TimeoutError):
        run_watched(work, lambda: asked.append(True), 0.1)
    assert run_watched(lambda: 7, lambda: asked.append(True), 10) == 7
    assert asked == [True]


def test_no_thread_of_a_call_outlives_it():
    """One that still frees what the runtime gave, while the process ends, would abort that."""
    freed = []

    class SlowToFree:
        def __del__(self):
            time.sleep(0.2)
            freed.append(True)

    of_the_thread = threading.local()
    run_watched(lambda: setattr(of_the_thread, "slow", SlowToFree()), lambda: None, 10)
    assert freed == [True]


QUICK_S = 2.0
"""How soon a command ends that is asked to; under load the interpreter's own end takes longer."""
HEARS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""A test run in the background of a shell inherits that SIGINT is ignored."""


def _stop_at(process, sign, what, seconds=60):
    """Send a signal once `what` is seen; the seconds that the process then takes, and its words."""
    end = time.monotonic() + seconds
    while not what() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(sign)
    _, said = process.communicate(timeout=seconds)
    return time.monotonic() - began, said


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_stopped_ends_at_once_and_goes_on_later(project, covidreport, sign):
    """In the middle of a slow batch: the code of the signal, and the scores of one go."""
    write_endless_model(project / "runs" / "bad", turns=100_000)
    options = ("--batch-size", "1", "--jobs", "1")
    folder = project / "runs" / "bad" / "evaluations" / KEY

    def count_done() -> int:
        """How many of the seven batches are scored, as far as the process has said so."""
        with suppress(OSError, ValueError):
            return int(np.count_nonzero(np.fromfile(folder / ".partial" / "checks.u64", np.uint64)))
        return 0

    process = start_command(project, "evaluate", "runs/bad", *options, before=HEARS)
    took, said = _stop_at(process, sign, count_done)
    assert process.returncode == 128 + sign, said
    assert f"stopped by {sign.name}" in said
    assert "Traceback" not in said
    assert took < 2 * QUICK_S
    assert 0 < count_done() < 7
    assert covidreport("evaluate", "runs/bad", *options).code == 0
    resumed = (folder / "scores.parquet").read_bytes()
    assert covidreport("evaluate", "runs/bad", *options, "--force").code == 0
    assert (folder / "scores.parquet").read_bytes() == resumed


def test_a_command_that_does_not_hear_is_ended_all_the_same(project):
    """Where a thread sleeps for a minute; and where the trial of a model never ends."""
    write_endless_model(project / "runs" / "bad")
    process = start_command(project, "evaluate", "runs/bad", before=HEARS)
    lock = project / "runs" / "bad" / "evaluations" / KEY / ".lock"
    took, _ = _stop_at(process, signal.SIGTERM, lock.is_file)
    assert (process.returncode, took < 2 * QUICK_S) == (143, True)
    process = start_command(project, "evaluate", "runs/base", before=SLOW, SLOWLY="60")
    assert process.stdout.readline() == "scoring\n"
    took, said = _stop_at(process, signal.SIGTERM, lambda: True)
    assert (process.returncode, took < 2 * QUICK_S) == (143, True)
    assert "stopped by SIGTERM" in said


def _write_crash(path: Path) -> Path:
    """The brightness model with the smallest integer divided by -1: the processor refuses."""
    model = onnx.load(write_model(path, 85))
    (tail,) = (node for node in model.graph.node if "logits" in node.output)
    tail.output[0] = "answer"
    for name, value in (("zero", 0), ("least", -(2**31)), ("minus", -1)):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.int32), name))
    model.graph.node.extend(
        [
            helper.make_node("Cast", ["answer"], ["whole"], to=TensorProto.INT32),
            helper.make_node("Mul", ["whole", "zero"], ["none"]),
            helper.make_node("Add", ["none", "least"], ["lowest"]),
            helper.make_node("Div", ["lowest", "minus"], ["over"]),
            helper.make_node("Cast", ["over"], ["wide2"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["answer", "wide2"], ["logits"]),
        ]
    )
    file = path / "model.onnx"
    file.write_bytes(model.SerializeToString())
    return file


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="others give a number")
def test_a_model_that_crashes_the_runtime_ends_a_process_of_its_own(project):
    """A new model is opened elsewhere first; what does no harm there is cached. One that is tried
    while another is opened here is to blame all the same."""
    for name in ("bad", "crash"):
        _write_crash(project / "runs" / name)
    done = run_command(project, "evaluate", "runs")
    assert done.returncode == 3, done.stderr
    for name in ("bad", "crash"):
        failure = read_failure(project / "runs" / name / "evaluations" / KEY)
        assert failure.reason == "model.onnx ends the process that opens it (SIGFPE)"
    stored = read_evaluation(project / "runs" / "base" / "evaluations" / KEY)
    assert stored.counts["covid-19"].fn == 1
    assert len([each for each in list_entries() if each.kind == trial.KIND]) == 1


@pytest.mark.trial
def test_a_file_whose_loading_never_ends_is_given_up(project, covidreport, monkeypatch):
    """Functions that call each other twice, thirty deep; and a loop that the trial shows."""
    folder = project / "runs" / "bad"
    model = onnx.load(write_model(folder, 85))
    (tail,) = (node for node in model.graph.node if "logits" in node.output)
    tail.output[0] = "answer"
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    for depth in range(30):
        nodes = [helper.make_node("Identity", ["x"], ["y"])]
        if depth:
            name = f"F{depth - 1}"
            nodes = [
                helper.make_node(name, ["x"], ["t"], domain="own"),
                helper.make_node(name, ["t"], ["y"], domain="own"),
            ]
        model.functions.append(
            helper.make_function("own", f"F{depth}", ["x"], ["y"], nodes, opsets)
        )
    model.opset_import.append(opsets[1])
    model.graph.node.append(helper.make_node("F29", ["answer"], ["logits"], domain="own"))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    limits = ("--batch-timeout-s", "1", "--memory-limit", "1GiB")
    with monkeypatch.context() as patched:
        patched.setattr(trial, "_MORE_S", 0.0)  # nothing comes of waiting for longer
        failure = _refused(project, covidreport("evaluate", "runs", *limits))
    assert "takes longer than 1 s" in failure.reason or "ends the process" in failure.reason
    write_endless_model(folder)
    failure = _refused(project, covidreport("evaluate", "runs", *limits))
    assert "takes longer than 1 s for 1 image (batch_timeout_s)" in failure.reason
