"""A score belongs to its image: batches, jobs and the order of rows move it by rounding alone."""

from __future__ import annotations

import csv
import shutil
import signal
import textwrap

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from covidreport.dataset.unlabelled import find_images
from covidreport.evaluate.company import meet_company, pick_images
from covidreport.gate.limits import read_limit
from covidreport.inference.batch import prepare_batch
from covidreport.inference.execution import Execution
from covidreport.inference.session import open_session
from covidreport.inference.signs import Signs
from covidreport.predict import predict_images
from covidreport.storage.runs import read_run
from covidreport.store import SCORES_FILE, read_evaluation, read_scores
from tests.datasets import LABELS, write_flat_dataset
from tests.evaluate.cases import evaluate_folder, make_request
from tests.forking import run_python
from tests.gate.runs import TARGET, judge
from tests.mixing_models import MIXING, PIXELS, SCALED, STEADY, write_mixing_model
from tests.onnx_models import write_brightness_model
from tests.pretended import PRETEND

# brightness 93 to 107 by threes, which is where covid-19 is decided, and what shows something else
GREYS = (93, 96, 99, 101, 102, 105, 107, 40, 70, 98, 103, 20, 250, 110, 90, 100, 104, 30, 97, 106)
ROWS = [(grey, LABELS[i % 3], "validation") for i, grey in enumerate(GREYS)]
EVALUATION = "evaluations/data-validation"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_flat_dataset(tmp_path_factory.mktemp("mixed") / "data", ROWS)


def _evaluate(folder, manifest, **options):
    """The evaluation of the only run of a folder, with its scores by sample id."""
    (outcome,) = evaluate_folder(folder, make_request(manifest, **options)).values()
    assert outcome.failure is None, outcome.failure
    scores = read_scores(outcome.run.folder / EVALUATION / SCORES_FILE)
    return outcome.evaluation, dict(zip(scores.sample_ids, scores.scores, strict=True))


def _codes(evaluation):
    return [finding.code for finding in evaluation.findings]


def _reverse_rows(manifest):
    """The same data set with its rows the other way round, on the same files."""
    with manifest.open(newline="") as file:
        head, *rows = csv.reader(file)
    other = manifest.with_name("reversed.csv")
    with other.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows[::-1]])
    target = manifest.parent.parent / "other" / "data"
    shutil.copytree(manifest.parent, target, dirs_exist_ok=True)
    other.replace(target / "manifest.csv")
    return target / "manifest.csv"


@pytest.mark.parametrize("kind", MIXING)
def test_batches_of_every_size_give_the_same(tmp_path, manifest, kind):
    """However a graph mixes a batch: sizes 1, 3, 8 and 32, one job or two, rows reversed."""
    write_mixing_model(tmp_path / "runs" / "a" / "model.onnx", MIXING[kind])
    first, expected = _evaluate(tmp_path / "runs", manifest, batch=32, jobs=1)
    ways = [(manifest, 1, 1), (manifest, 3, 2), (manifest, 8, 2), (_reverse_rows(manifest), 8, 1)]
    for data, batch, jobs in ways:
        evaluation, scores = _evaluate(tmp_path / "runs", data, batch=batch, jobs=jobs, force=True)
        assert scores.keys() == expected.keys()
        for sample, row in scores.items():
            assert row == pytest.approx(expected[sample], abs=1e-5)
        assert evaluation.counts == first.counts
        assert _codes(evaluation) == ["depends-on-batch"]
        assert evaluation.provenance["company"] == first.provenance["company"]


@pytest.mark.parametrize("kind", [kind for kind in MIXING if kind != "shape of one image"])
def test_the_scores_are_those_of_each_image_alone(tmp_path, manifest, kind):
    """What is stored is what the model says of one image; in one batch it says something else."""
    path = write_mixing_model(tmp_path / "runs" / "a" / "model.onnx", MIXING[kind])
    _, scores = _evaluate(tmp_path / "runs", manifest, batch=32)
    session = open_session(path)
    pixels = np.stack([np.full((8, 8, 1), grey, np.uint8) for grey in GREYS])
    batch = prepare_batch(pixels, session.spec)
    alone = np.concatenate([session.run(batch[i : i + 1]) for i in range(len(batch))])
    stored = np.stack([scores[f"{i:03}.png"] for i in range(len(GREYS))])
    assert stored == pytest.approx(alone, abs=1e-5)
    assert np.abs(session.run(batch) - alone).max() > 1e-3  # there is something to be protected


@pytest.mark.parametrize("kind", ["dynamic quantisation", "mean over the batch", "the first image"])
def test_a_fixed_batch_is_filled_with_copies_of_one_image(tmp_path, manifest, kind):
    """Four places in every call: four times the same image, whatever --batch-size says."""
    write_mixing_model(tmp_path / "runs" / "a" / "model.onnx", MIXING[kind], batch=4)
    first, expected = _evaluate(tmp_path / "runs", manifest, batch=32, jobs=1)
    for batch, jobs in ((1, 1), (3, 2), (8, 2)):
        evaluation, scores = _evaluate(tmp_path / "runs", manifest, batch=batch, jobs=jobs)
        assert evaluation.counts == first.counts
        assert all((row == expected[sample]).all() for sample, row in scores.items())
    assert _codes(first) == ["depends-on-batch"]


@pytest.mark.parametrize("size", [None, 4])
def test_on_an_accelerator_each_image_is_alone_too(tmp_path, manifest, size):
    """Beside a steady run, which reads what was uploaded for both; the CPU answers alike."""
    write_mixing_model(tmp_path / "runs" / "a" / "model.onnx", MIXING["running sum"], batch=size)
    write_mixing_model(tmp_path / "runs" / "b" / "model.onnx", STEADY)
    for batch in (3, 32):
        request = replace(make_request(manifest, batch=batch), execution=Execution(PRETEND))
        outcomes = evaluate_folder(tmp_path / "runs", request)
        assert _codes(outcomes["a"].evaluation) == ["depends-on-batch"]
        assert outcomes["b"].evaluation.findings == ()
        assert outcomes["a"].evaluation.provenance["cpu_check"]["flipped"] == 0
        counts = outcomes["a"].evaluation.counts
    shutil.rmtree(tmp_path / "runs" / "b")
    assert _evaluate(tmp_path / "runs", manifest, batch=8)[0].counts == counts


def test_a_model_that_mixes_nothing_is_fed_in_batches(tmp_path, manifest):
    """It was asked, and answered alike."""
    write_mixing_model(tmp_path / "runs" / "a" / "model.onnx", STEADY)
    evaluation, _ = _evaluate(tmp_path / "runs", manifest)
    assert evaluation.findings == ()
    assert evaluation.provenance["company"] == {
        "images": 3, "difference": 0.0, "limit": 1e-4, "alone": False, "mixes": [], "may_mix": [],
    }  # fmt: skip


def test_the_finding_names_the_operator_the_figure_and_the_remedy(tmp_path, manifest):
    """What is certain by the graph, what may be, and where nothing in it says so."""
    found = {}
    for kind in ("dynamic quantisation", "batch statistics", "mean over the batch",
                 "the first image", "shape of one image"):  # fmt: skip
        write_mixing_model(tmp_path / "runs" / kind / "model.onnx", MIXING[kind])
    for name, outcome in evaluate_folder(tmp_path / "runs", make_request(manifest)).items():
        (found[name],) = outcome.evaluation.findings
    assert {finding.severity for finding in found.values()} == {"warning"}
    assert "1 DynamicQuantizeLinear" in found["dynamic quantisation"].evidence
    assert "Quantise it statically" in found["dynamic quantisation"].remedy
    assert "1 BatchNormalization" in found["batch statistics"].evidence
    assert "evaluation mode" in found["batch statistics"].remedy
    assert "along the first axis: 1 ReduceMean" in found["mean over the batch"].evidence
    assert found["the first image"].evidence.endswith("(0.0001 is rounding)")
    assert "can't be scored together" in found["shape of one image"].evidence


def test_a_model_gated_against_itself_passes_whatever_the_batches(tmp_path, manifest):
    """Evaluated at 32 and, a copy of it, at 3: not one case more is missed."""
    write_mixing_model(tmp_path / "runs" / "a" / "model.onnx", MIXING["dynamic quantisation"])
    shutil.copytree(tmp_path / "runs" / "a", tmp_path / "others" / "b")
    _evaluate(tmp_path / "runs", manifest, batch=32)
    _evaluate(tmp_path / "others", manifest, batch=3)
    limits = [read_limit(f"{name}<=baseline", TARGET) for name in ("missed", "false_alarms")]
    base = tmp_path / "runs" / "a"
    assert judge(read_run(tmp_path / "others" / "b"), base, *limits).outcome == "pass"


def test_a_model_quantised_by_onnx_runtime_itself_is_noticed(tmp_path, manifest):
    """As `quantize_dynamic` writes it, its weights in 8 bits and its scales found as it runs."""
    quantization = pytest.importorskip("onnxruntime.quantization")
    plain = write_mixing_model(tmp_path / "plain.onnx", STEADY)
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    _with_matmul(plain)
    quantization.quantize_dynamic(plain, folder / "model.onnx")
    first, expected = _evaluate(tmp_path / "runs", manifest, batch=32)
    second, scores = _evaluate(tmp_path / "runs", manifest, batch=3)
    assert _codes(first) == _codes(second) == ["depends-on-batch"]
    assert first.counts == second.counts
    assert all(row == pytest.approx(expected[key], abs=1e-5) for key, row in scores.items())


def _with_matmul(path):
    """The slopes as a matrix product, which is what is quantised."""
    import onnx

    model = onnx.load(path)
    (node,) = (each for each in model.graph.node if each.output[0] == "scaled")
    node.op_type = "MatMul"
    onnx.save(model, path)


def test_one_image_and_none_that_can_be_read_are_evaluated(tmp_path):
    """Where nobody else keeps it company, and where nobody is there at all."""
    manifest = write_flat_dataset(tmp_path / "one", ROWS[:1])
    write_mixing_model(tmp_path / "runs" / "a" / "model.onnx", MIXING["mean over the batch"])
    (outcome,) = evaluate_folder(tmp_path / "runs", make_request(manifest)).values()
    assert outcome.evaluation.provenance["company"]["images"] == 1
    assert _codes(outcome.evaluation) == ["depends-on-batch"]  # beside a faint copy of itself
    manifest = write_flat_dataset(tmp_path / "none", ROWS[:4])
    for file in manifest.parent.glob("*.png"):
        file.write_bytes(b"no image")
    (outcome,) = evaluate_folder(tmp_path / "runs", make_request(manifest)).values()
    assert outcome.evaluation.provenance["company"]["images"] == 0
    assert _codes(outcome.evaluation) == ["images-failed"]


def test_images_that_can_not_be_read_are_passed_over(tmp_path):
    """Of eleven images eight are broken; the other three are asked, whichever they are."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS[:11])
    for i in range(8):
        (manifest.parent / f"{i:03}.png").write_bytes(b"no image" * (i + 1))
    write_mixing_model(tmp_path / "runs" / "a" / "model.onnx", MIXING["the first image"])
    for batch in (1, 4, 32):
        request = make_request(manifest, batch=batch)
        (outcome,) = evaluate_folder(tmp_path / "runs", request).values()
        assert outcome.evaluation.provenance["company"]["images"] == 3
        assert "depends-on-batch" in _codes(outcome.evaluation)


def test_copies_of_one_image_are_no_company(tmp_path):
    """Five copies and two others: three different ones are asked."""
    manifest = write_flat_dataset(tmp_path / "data", [ROWS[0]] * 5 + ROWS[1:3])
    request = make_request(manifest)
    pixels = pick_images(request.dataset, request.digests, [PIXELS])[PIXELS]
    assert sorted(pixels[:, 0, 0, 0].tolist()) == sorted(GREYS[:3])


def test_a_graph_that_scales_by_the_brightest_pixel_is_noticed(tmp_path):
    """Three images that all reach from black to white do not show it; a faint one does."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS[:3])
    for i in range(3):
        picture = np.full((12, 20), 40 * i, np.uint8)
        picture[:6, :10] = 255
        Image.fromarray(picture).save(manifest.parent / f"{i:03}.png")
    write_mixing_model(tmp_path / "runs" / "a" / "model.onnx", SCALED, of_pixels=True)
    evaluation, _ = _evaluate(tmp_path / "runs", manifest)
    assert _codes(evaluation) == ["depends-on-batch"]
    assert "1 ReduceMax" in evaluation.findings[0].evidence


def test_the_order_of_rows_does_not_decide_who_is_asked(tmp_path, manifest):
    """The same three images, in the same order."""
    picked = []
    for data in (manifest, _reverse_rows(manifest)):
        request = make_request(data)
        picked.append(pick_images(request.dataset, request.digests, [PIXELS])[PIXELS])
    assert np.array_equal(picked[0], picked[1])


def test_a_run_whose_answer_to_one_image_varies_fails(tmp_path, manifest):
    """A graph that draws at random has no score of an image; the run beside it has."""
    write_brightness_model(tmp_path / "runs" / "random" / "model.onnx", noise=1.0)
    write_brightness_model(tmp_path / "runs" / "steady" / "model.onnx")
    outcomes = evaluate_folder(tmp_path / "runs", make_request(manifest))
    failure = outcomes["random"].failure
    assert failure.stage == "infer"
    assert "two answers" in failure.reason
    assert "evaluation mode" in failure.remedy
    assert outcomes["steady"].evaluation.counts["covid-19"].positives == 7


def test_an_interrupted_evaluation_goes_on_with_the_same_feeding(tmp_path, manifest):
    """Killed in the middle and begun again: the bytes are those of one go."""
    path = tmp_path / "runs" / "a" / "model.onnx"
    write_mixing_model(path, MIXING["mean over the batch"])
    code = """
        import os, signal, sys
        from pathlib import Path
        from covidreport.evaluate import units
        from tests.evaluate.cases import make_request, evaluate_folder
        original, calls = units.score_chunk, []
        def killing(chunk, opened, batch):
            calls.append(1)
            if len(calls) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(chunk, opened, batch)
        units.score_chunk = killing
        evaluate_folder(Path(sys.argv[1]), make_request(Path(sys.argv[2]), batch=4, jobs=1))
    """
    done = run_python("covidreport", "-c", textwrap.dedent(code), tmp_path / "runs", manifest)
    assert done.returncode == -signal.SIGKILL, done.stderr
    resumed, _ = _evaluate(tmp_path / "runs", manifest, batch=4, jobs=2)
    file = tmp_path / "runs" / "a" / EVALUATION / SCORES_FILE
    scores = file.read_bytes()
    whole, _ = _evaluate(tmp_path / "runs", manifest, batch=4, jobs=1, force=True)
    assert file.read_bytes() == scores
    assert resumed.provenance == whole.provenance


def test_predictions_do_not_depend_on_the_batch_either(tmp_path, manifest):
    """Images whose truth nobody knows are fed one by one as well."""
    session = open_session(
        write_mixing_model(tmp_path / "model.onnx", MIXING["mean over the batch"])
    )
    images = find_images([manifest.parent])
    (first, said), (second, _) = (
        predict_images(session, images, name="mixing", batch=size) for size in (3, 32)
    )
    assert first.scores == pytest.approx(second.scores, abs=1e-5)
    assert [(finding.code, finding.subjects) for finding in said] == [
        ("depends-on-batch", ("mixing",))
    ]


def test_stored_scores_of_a_graph_that_mixes_are_computed_again(tmp_path, manifest):
    """Of a covidreport that fed it in batches; those of a steady model are kept."""
    write_mixing_model(tmp_path / "runs" / "mixing" / "model.onnx", MIXING["batch statistics"])
    write_mixing_model(tmp_path / "runs" / "steady" / "model.onnx", STEADY)
    evaluate_folder(tmp_path / "runs", make_request(manifest))
    assert all(
        o.reused for o in evaluate_folder(tmp_path / "runs", make_request(manifest)).values()
    )
    for name in ("mixing", "steady"):
        _forget_company(tmp_path / "runs" / name)
    outcomes = evaluate_folder(tmp_path / "runs", make_request(manifest))
    assert {name: outcome.reused for name, outcome in outcomes.items()} == {
        "mixing": False,
        "steady": True,
    }


def _forget_company(folder):
    """The evaluation as an earlier version wrote it."""
    from covidreport.store import write_evaluation

    evaluation = read_evaluation(folder / EVALUATION)
    provenance = {k: v for k, v in evaluation.provenance.items() if k != "company"}
    write_evaluation(folder, replace(evaluation, provenance=provenance))


def test_rounding_is_more_in_half_precision(tmp_path, monkeypatch):
    """A difference of 1e-3 of a probability is rounding where weights are half, and not in fp32."""
    session = open_session(write_mixing_model(tmp_path / "model.onnx", STEADY))
    pixels = np.full((3, 8, 8, 1), 100, np.uint8)
    original = type(session).run
    monkeypatch.setattr(type(session), "run", lambda self, batch: original(self, batch) + 4e-3)
    assert meet_company(session, pixels).alone
    session.signs = Signs(half=True)
    assert not meet_company(session, pixels).alone
