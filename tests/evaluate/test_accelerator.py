"""The loop on an accelerator, played by the CPU's own memory and provider: one upload for all runs,
a comparison with the CPU for each, its findings, and folders of their own for other precisions."""

from __future__ import annotations

import json
import os
import threading
import time

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.errors import RunError
from covidreport.evaluate import cpu_check, loop, units
from covidreport.evaluate.cpu_check import compare_answers, pick_sample
from covidreport.evaluate.decode import decode_chunk
from covidreport.evaluate.loop import score_runs
from covidreport.evaluate.request import default_batch
from covidreport.evaluate.scored import OpenedRun
from covidreport.inference import device, session
from covidreport.inference.batch import prepare_batch
from covidreport.inference.device import DeviceFeed
from covidreport.inference.execution import Execution
from covidreport.inference.limits import LIMITS
from covidreport.inference.placement import Placement
from covidreport.inference.providers import CPU
from covidreport.inference.session import open_session
from covidreport.inference.signs import Signs
from covidreport.records import Failure
from covidreport.storage.runs import read_run
from covidreport.store import read_scores
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS, evaluate_folder, make_request
from tests.onnx_models import write_brightness_model
from tests.pretended import PRETEND


def _request(manifest, precision="fp32", provider=PRETEND, **options):
    request = make_request(manifest, **options)
    return replace(request, execution=Execution(provider, precision), provider_option="pretend")


def _write(tmp_path, *names, **options):
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    for name in names:
        write_brightness_model(tmp_path / "runs" / name / "model.onnx", **options)
    return manifest, tmp_path / "runs"


def _scores(runs, name, folder="data-validation"):
    return read_scores(runs / name / "evaluations" / folder / "scores.parquet").scores


def _codes(outcome):
    return [finding.code for finding in outcome.evaluation.findings]


@pytest.mark.parametrize("batch", [1, 4, 32])
def test_scores_and_counts_are_those_of_the_cpu(tmp_path, batch):
    """Three runs, one of a fixed batch of 3 and one of another size: scores as on the CPU."""
    manifest, runs = _write(tmp_path, "a", "b")
    write_brightness_model(runs / "fixed" / "model.onnx", batch=3)
    on_cpu = evaluate_folder(runs, make_request(manifest, batch=batch))
    wanted = {name: _scores(runs, name) for name in on_cpu}
    outcomes = evaluate_folder(runs, _request(manifest, batch=batch))
    for name, outcome in outcomes.items():
        assert not outcome.reused  # another provider is another evaluation
        np.testing.assert_allclose(_scores(runs, name), wanted[name], atol=1e-5)
        assert outcome.evaluation.counts == on_cpu[name].evaluation.counts


def test_pixels_are_uploaded_once_for_all_runs(tmp_path, monkeypatch):
    """Six images in two batches, three runs that want the same pixels: two uploads."""
    manifest, runs = _write(tmp_path, "a", "b", "c")
    uploads = []
    upload = DeviceFeed.upload

    def counted(self, *pieces):
        uploads.append(sum(map(len, pieces)))
        return upload(self, *pieces)

    monkeypatch.setattr(DeviceFeed, "upload", counted)
    evaluate_folder(runs, _request(manifest))
    assert sorted(uploads) == [2, 4]


def test_a_batch_is_decoded_and_prepared_in_units_by_the_pool(tmp_path, monkeypatch):
    """Two images a unit, the first the last to be ready: joined in order, off the main thread."""
    manifest, runs = _write(tmp_path, "a")
    on_cpu = evaluate_folder(runs, make_request(manifest))
    wanted = _scores(runs, "a")
    sizes, uploads, threads = [], [], set()
    decode, prepare, upload = decode_chunk, prepare_batch, DeviceFeed.upload

    def decoded(paths, start, *others, **options):
        sizes.append(len(paths))
        if start == 0:
            time.sleep(0.2)
        return decode(paths, start, *others, **options)

    def prepared(*given):
        threads.add(threading.current_thread())
        return prepare(*given)

    def uploaded(self, *pieces):
        uploads.append([len(piece) for piece in pieces])
        return upload(self, *pieces)

    monkeypatch.setattr(loop, "UNIT", 2)
    monkeypatch.setattr(units, "decode_chunk", decoded)
    monkeypatch.setattr(units, "prepare_batch", prepared)
    monkeypatch.setattr(DeviceFeed, "upload", uploaded)
    outcomes = evaluate_folder(runs, _request(manifest))
    assert sizes == [2, 2, 2]
    assert sorted(uploads) == [[2], [2, 2]]
    assert threading.main_thread() not in threads
    np.testing.assert_allclose(_scores(runs, "a"), wanted, atol=1e-6)
    assert outcomes["a"].evaluation.counts == on_cpu["a"].evaluation.counts


def test_on_the_cpu_a_batch_is_decoded_whole(tmp_path, monkeypatch):
    """There the cores are as well used by whole batches."""
    manifest, runs = _write(tmp_path, "a")
    sizes, decode = [], decode_chunk

    def decoded(paths, *others, **options):
        sizes.append(len(paths))
        return decode(paths, *others, **options)

    monkeypatch.setattr(loop, "UNIT", 2)
    monkeypatch.setattr(units, "decode_chunk", decoded)
    evaluate_folder(runs, make_request(manifest))
    assert sorted(sizes) == [2, 4]


@pytest.mark.parametrize(("cores", "jobs"), [(1, 1), (2, 1), (3, 1), (16, 14)])
def test_decoders_leave_two_cores_to_the_device(monkeypatch, cores, jobs):
    """One uploads and one runs the models; on the CPU all of them work."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert loop.count_jobs(Execution(PRETEND)) == jobs
    assert loop.count_jobs() == cores


def test_a_run_that_fails_on_the_device_leaves_the_rest_alone(tmp_path, monkeypatch):
    """One model breaks in the middle of the work: the other finishes with all its scores."""
    manifest, runs = _write(tmp_path, "bad", "good")
    answer = device.Bound.answer

    broken = []

    def breaking(self, slot, n):
        if not broken:
            broken.append(self.session)
        if self.session is broken[0]:
            raise RunError("the model fails on a batch: no such kernel")
        return answer(self, slot, n)

    monkeypatch.setattr(device.Bound, "answer", breaking)
    outcomes = evaluate_folder(runs, _request(manifest))
    failed = [o for o in outcomes.values() if o.failure]
    assert [o.failure.reason for o in failed] == ["the model fails on a batch: no such kernel"]
    (finished,) = [o for o in outcomes.values() if o.evaluation]
    assert np.isfinite(_scores(runs, finished.run.name)).all()


def test_no_room_for_the_buffers_fails_every_run_with_that_reason(tmp_path, monkeypatch):
    """Where not even the pixels fit on the device, each run says so."""
    manifest, runs = _write(tmp_path, "a", "b")

    def full(*_):
        raise session.OutOfMemoryError("the model fails on a batch: out of memory")

    monkeypatch.setattr(device, "DeviceFeed", full)
    outcomes = evaluate_folder(runs, _request(manifest))
    assert all("out of memory" in outcome.failure.reason for outcome in outcomes.values())


def test_the_comparison_with_the_cpu_stands_in_the_evaluation(tmp_path):
    """Equal answers: six images, 18 decisions, none flipped, no finding of a difference."""
    manifest, runs = _write(tmp_path, "a")
    outcome = evaluate_folder(runs, _request(manifest))["a"]
    check = outcome.evaluation.provenance["cpu_check"]
    assert check["images"] == 6
    assert check["decisions"] == 18
    assert check["flipped"] == 0
    assert check["largest_difference"] <= 1e-6
    assert "differs-from-cpu" not in _codes(outcome)
    facts = outcome.evaluation.provenance["device"]
    assert facts["nodes"]["CPUExecutionProvider"] > 0
    assert facts["batch"] == 4
    assert (
        evaluate_folder(runs, make_request(manifest))["a"].evaluation.provenance.get("cpu_check")
        is None
    )


def _answer_more(monkeypatch, logits):
    """A device whose answers lie so much higher than the CPU's."""
    monkeypatch.setattr(units, "read_answers", lambda *given: device.read_answers(*given) + logits)


@pytest.mark.parametrize(
    ("precision", "logits", "found"),
    # a logit of 1 is a probability of 0.731, whose slope is 0.197: the nearest to 0.5 of a score
    [("fp32", 3e-4, False), ("fp32", 1e-3, True), ("fp16", 1e-3, False), ("fp16", 2e-2, True)],
)
def test_answers_beyond_rounding_are_a_finding(tmp_path, monkeypatch, precision, logits, found):
    """1e-4 of a probability in fp32, 2e-3 in fp16; the scores stay, and the reader is told."""
    manifest, runs = _write(tmp_path, "a")
    _answer_more(monkeypatch, np.float32(logits))
    outcome = evaluate_folder(runs, _request(manifest, precision))["a"]
    findings = [f for f in outcome.evaluation.findings if f.code == "differs-from-cpu"]
    check = outcome.evaluation.provenance["cpu_check"]
    assert check["limit"] == {"fp32": 1e-4, "fp16": 2e-3}[precision]
    assert bool(findings) is found
    for finding in findings:
        assert f"{check['flipped']} of 18 decisions" in finding.evidence


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_run_with_other_answers_than_the_cpu_has_failed(tmp_path, monkeypatch, precision):
    """Beyond 2e-2 of a probability nothing is stored as if it were the model's answer."""
    manifest, runs = _write(tmp_path, "a")
    _answer_more(monkeypatch, np.float32(0.2))
    outcome = evaluate_folder(runs, _request(manifest, precision))["a"]
    assert outcome.evaluation is None
    assert "on 6 images probabilities differ by up to 0.0" in outcome.failure.reason
    assert "beyond 0.02" in outcome.failure.reason
    assert "--precision fp32" in outcome.failure.remedy


def test_a_model_of_half_weights_rounds_as_fp16_does(tmp_path, monkeypatch):
    """Whatever it was asked to run in: what its own numbers can't hold is no fault of the card."""
    manifest, runs = _write(tmp_path, "a")
    _answer_more(monkeypatch, np.float32(1e-3))
    monkeypatch.setattr(session, "read_signs", lambda *_: Signs(half=True))
    outcome = evaluate_folder(runs, _request(manifest))["a"]
    assert outcome.evaluation.provenance["cpu_check"]["limit"] == 2e-3
    assert "differs-from-cpu" not in _codes(outcome)


def test_a_model_that_the_cpu_can_not_run_is_a_failure(tmp_path, monkeypatch):
    """Scores that can't be compared are not reported as if they had been."""
    manifest, runs = _write(tmp_path, "a")

    def broken(*_, **__):
        raise RunError("no kernel for the CPU")

    monkeypatch.setattr(cpu_check, "open_session", broken)
    outcome = evaluate_folder(runs, _request(manifest))["a"]
    assert outcome.failure.reason == "can't be compared with the CPU: no kernel for the CPU"


def test_the_cpu_is_asked_while_the_device_scores(tmp_path, monkeypatch):
    """Each run once, in the loop's threads, before the device has answered to the last batch."""
    manifest, runs = _write(tmp_path, "a", "b")
    asked, answer = threading.Event(), device.Bound.answer
    threads = []
    monkeypatch.setattr(
        cpu_check.CpuReference,
        "_score",
        _noting(cpu_check.CpuReference._score, lambda: threads.append(threading.get_ident())),
    )

    def waiting(self, slot, n):
        assert asked.wait(30)
        return answer(self, slot, n)

    score = cpu_check.CpuReference.score

    def score_and_say(self, run):
        score(self, run)
        asked.set()

    monkeypatch.setattr(cpu_check.CpuReference, "score", score_and_say)
    monkeypatch.setattr(device.Bound, "answer", waiting)
    outcomes = evaluate_folder(runs, replace(_request(manifest), jobs=2))
    assert all(o.evaluation.provenance["cpu_check"]["images"] == 6 for o in outcomes.values())
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def _noting(function, note):
    def noted(*given):
        note()
        return function(*given)

    return noted


def test_a_large_model_is_compared_on_fewer_images(tmp_path, monkeypatch):
    """By the size of its files, never by a clock: 16 images over 200 MB, here 2 over a byte."""
    assert (cpu_check.SAMPLE, cpu_check.LARGE_BYTES, cpu_check.SAMPLE_OF_LARGE) == (64, 2e8, 16)
    manifest, runs = _write(tmp_path, "a")
    monkeypatch.setattr(cpu_check, "LARGE_BYTES", 1)
    monkeypatch.setattr(cpu_check, "SAMPLE_OF_LARGE", 2)
    check = evaluate_folder(runs, _request(manifest))["a"].evaluation.provenance["cpu_check"]
    assert (check["images"], check["decisions"]) == (2, 6)


def test_a_model_without_room_on_the_cpu_beside_others_is_asked_again_alone(tmp_path, monkeypatch):
    """That it did not fit at first is no news; that it does not fit alone is its failure."""
    manifest, runs = _write(tmp_path, "a", "b")
    score, alone = cpu_check.CpuReference._score, []

    def short(self, opened):
        if opened.run.name == "a" or threading.current_thread() is not threading.main_thread():
            raise session.OutOfMemoryError("needs more memory")
        alone.append(opened.run.name)
        return score(self, opened)

    monkeypatch.setattr(cpu_check.CpuReference, "_score", short)
    outcomes = evaluate_folder(runs, _request(manifest))
    assert outcomes["a"].failure.reason == "can't be compared with the CPU: needs more memory"
    assert outcomes["b"].evaluation.provenance["cpu_check"]["flipped"] == 0
    assert alone == ["b"]


def test_stopping_ends_the_sessions_on_the_cpu_too(tmp_path):
    """Ctrl-C ends the errands with the loop; what is asked of the CPU after it fails at once."""
    manifest, runs = _write(tmp_path, "a")
    opened = OpenedRun(read_run(runs / "a"), open_session(runs / "a" / "model.onnx"), (0, 1, 2))
    reference = cpu_check.CpuReference(make_request(manifest).dataset)

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_runs(reference.dataset, [opened], errands=[loop.Errand(interrupted, reference.stop)])
    reference.score(opened)
    assert isinstance(reference._answers[opened.run.folder], Failure)


def test_differences_are_measured_in_probabilities():
    """Logits 0 and 0.04 are 0.5 and 0.509999; at a threshold of 0.505 one decision flips."""
    here = np.array([[0.0], [5.0], [np.nan]], np.float32)
    cpu = np.array([[0.04], [5.0], [np.nan]], np.float32)
    check = compare_answers(here, cpu, [0.505], "logit", LIMITS["fp16"])
    assert check.images == 2
    assert check.largest_difference == pytest.approx(0.0099987, abs=1e-6)
    assert check.flipped == 1
    assert not check.within
    with pytest.raises(RunError, match=r"differ by up to 0\.0987, and beyond 0\.02"):
        compare_answers(here, here + 0.4, [0.55], "logit", LIMITS["fp16"])
    near = compare_answers(here, here + 3e-4, [0.55], "logit", LIMITS["fp32"])  # a quarter of it
    assert near.within
    assert near.limit == LIMITS["fp32"].rounding == 1e-4


def test_decisions_by_argmax_are_compared_with_what_competes():
    """Of labels alone: the last column is the highest of the other outputs. One image of two is
    decided otherwise, since an output without a name scores highest on the device."""
    cpu = np.array([[0.350, 0.30, 0.349], [0.5, 0.2, 0.3]], np.float32)
    here = np.array([[0.349, 0.30, 0.350], [0.5, 0.2, 0.3]], np.float32)
    check = compare_answers(here, cpu, "argmax", "softmax", LIMITS["fp16"], 2)
    assert (check.images, check.decisions, check.flipped) == (2, 4, 1)
    by_threshold = compare_answers(here, cpu, [0.3495, 0.5], "softmax", LIMITS["fp16"], 2)
    assert (by_threshold.decisions, by_threshold.flipped) == (4, 1)


def test_the_sample_has_the_rarest_label_in_it(tmp_path):
    """The only pneumonia of six images is in a sample of two; the same every time."""
    manifest, _ = _write(tmp_path)
    dataset = make_request(manifest).dataset
    picked = pick_sample(dataset, 2)
    assert len(picked) == 2
    assert 4 in picked
    picked = pick_sample(dataset, 4)
    np.testing.assert_array_equal(picked, pick_sample(dataset, 4))
    assert pick_sample(dataset, 100).tolist() == list(range(6))


def test_heavy_nodes_left_on_the_cpu_are_a_finding(tmp_path, monkeypatch):
    """A convolution that the provider did not take is named with its count."""
    manifest, runs = _write(tmp_path, "a")
    placement = Placement((("CPUExecutionProvider", 9),), (("Conv", 2),))
    monkeypatch.setattr(session, "read_placement", lambda inner: placement)
    outcome = evaluate_folder(runs, _request(manifest))["a"]
    (finding,) = [f for f in outcome.evaluation.findings if f.code == "nodes-on-cpu"]
    assert finding.evidence == "left on the CPU: 2 Conv"
    light = Placement((("CPUExecutionProvider", 9),), ())
    monkeypatch.setattr(session, "read_placement", lambda inner: light)
    outcome = evaluate_folder(runs, _request(manifest, force=True))["a"]
    assert "nodes-on-cpu" not in _codes(outcome)


def test_a_halved_batch_is_said(tmp_path, monkeypatch):
    """Two images at a time instead of four: the evaluation says so, with the scores of all."""
    manifest, runs = _write(tmp_path, "a")
    answer = device.Bound._answer

    def short_of_memory(self, slot, start, size):
        if size > 2:
            raise session.OutOfMemoryError("out of memory")
        return answer(self, slot, start, size)

    monkeypatch.setattr(device.Bound, "_answer", short_of_memory)
    outcome = evaluate_folder(runs, _request(manifest))["a"]
    (finding,) = [f for f in outcome.evaluation.findings if f.code == "batch-halved"]
    assert "2 images at a time" in finding.what
    assert np.isfinite(_scores(runs, "a")).all()


def test_a_stored_evaluation_that_names_graphs_stays_readable(tmp_path):
    """What an earlier version wrote of CUDA graphs is kept as it stands; nobody writes it now."""
    manifest, runs = _write(tmp_path, "a")
    evaluate_folder(runs, _request(manifest))
    file = runs / "a" / "evaluations" / "data-validation" / "evaluation.json"
    stored = json.loads(file.read_text())
    assert "graphs" not in stored["provenance"]["device"]
    stored["provenance"]["device"]["graphs"] = "recorded"
    file.write_text(json.dumps(stored))
    outcome = evaluate_folder(runs, _request(manifest))["a"]
    assert outcome.reused
    assert outcome.evaluation.provenance["device"]["graphs"] == "recorded"


def test_another_precision_is_an_evaluation_of_its_own(tmp_path):
    """fp16 stands beside fp32 in its own folder; both are kept the next time."""
    manifest, runs = _write(tmp_path, "a")
    full = evaluate_folder(runs, _request(manifest))["a"]
    half = evaluate_folder(runs, _request(manifest, "fp16"))["a"]
    assert full.evaluation.variant is None
    assert half.evaluation.variant == "fp16"
    assert half.evaluation.provenance["provider"]["precision"] == "fp16"
    assert _scores(runs, "a", "data-validation-fp16").shape == (6, 3)
    assert evaluate_folder(runs, _request(manifest))["a"].reused
    assert evaluate_folder(runs, _request(manifest, "fp16"))["a"].reused


def test_a_provider_that_nobody_has_verified_says_so(tmp_path):
    """Until it has been run by its authors, every evaluation carries the note."""
    manifest, runs = _write(tmp_path, "a")
    unverified = replace(PRETEND, verified=False)
    outcome = evaluate_folder(runs, _request(manifest, provider=unverified))["a"]
    assert "provider-unverified" in _codes(outcome)


def test_a_card_is_fed_larger_batches_unless_told_otherwise():
    """32 on the CPU, 256 on a card."""
    assert default_batch(CPU) == 32
    assert default_batch(Execution(PRETEND)) == 256
