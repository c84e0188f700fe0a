"""Runs that are shared out over several cards, whose part several workers of the CPU play."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import onnxruntime as ort
import pytest
from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.evaluate import units
from covidreport.evaluate.decode import decode_chunk
from covidreport.evaluate.options import EvaluateOptions, merge_options
from covidreport.inference.device import DeviceFeed
from covidreport.inference.devices import share_out
from covidreport.inference.execution import Execution
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS, evaluate_folder, make_request
from tests.onnx_models import write_brightness_model
from tests.pretended import OUT_OF_MEMORY, PRETEND

NAMES = ("a", "b", "c", "d", "e")
KEY = Path("evaluations") / "data-validation"


@pytest.fixture
def project(tmp_path):
    """Six images, and five runs of one size."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    for i, name in enumerate(NAMES):
        write_brightness_model(tmp_path / "runs" / name / "model.onnx", offsets=(-8.0 - i, 10.0, 1))
    return manifest, tmp_path / "runs"


def _evaluate(project, *devices, force=True):
    manifest, runs = project
    execution = Execution(PRETEND, device_id=devices[0], devices=devices)
    request = make_request(manifest, force=force)
    request = replace(request, execution=execution, provider_option="pretend")
    return evaluate_folder(runs, request)


def _written(runs):
    """What stands of each run: the bytes of its scores, and all of its record but the times."""
    found = {}
    for name in NAMES:
        record = json.loads((runs / name / KEY / "evaluation.json").read_text())
        del record["timing"]
        found[name] = ((runs / name / KEY / "scores.parquet").read_bytes(), json.dumps(record))
    return found


@pytest.fixture
def placed(monkeypatch):
    """The numbers that the runtime was given for each run, as it is opened."""
    usual, numbers = ort.InferenceSession, {}

    def opened(model, *others, providers, **options):
        for told in providers:
            if not isinstance(told, str):  # not the CPU, with which it is compared
                numbers.setdefault(Path(model).parent.name, []).append(told[1]["device_id"])
        return usual(model, *others, providers=["CPUExecutionProvider"], **options)

    monkeypatch.setattr(ort, "InferenceSession", opened)
    return numbers


def test_two_workers_write_the_bytes_of_one(project):
    """Scores and records, but for their times; three workers too."""
    _, runs = project
    _evaluate(project, 0)
    wanted = _written(runs)
    for devices in ((0, 1), (2, 0, 5)):
        outcomes = _evaluate(project, *devices)
        assert not any(outcome.reused for outcome in outcomes.values())
        assert _written(runs) == wanted
    assert all(outcome.reused for outcome in _evaluate(project, 0, force=False).values())


def test_each_run_is_opened_on_its_card(project, placed):
    """Five of one size over cards 3 and 1: by turns, each opened once."""
    outcomes = _evaluate(project, 3, 1)
    assert not any(outcome.failure for outcome in outcomes.values())
    on_cards = {name: numbers for name, numbers in placed.items() if name in NAMES}
    assert on_cards == {"a": ["3"], "b": ["1"], "c": ["3"], "d": ["1"], "e": ["3"]}


def test_images_are_decoded_once_and_go_to_each_card_once(project, monkeypatch):
    """Two batches: each is decoded in one go over its images, and uploaded to either card."""
    decoded, uploads = Counter(), Counter()
    decode, upload = decode_chunk, DeviceFeed.upload

    def counted(paths, *others, **options):
        decoded.update(path.name for path in paths)
        return decode(paths, *others, **options)

    def uploaded(self, *pieces):
        uploads[self.execution.device_id, sum(map(len, pieces))] += 1
        return upload(self, *pieces)

    monkeypatch.setattr(units, "decode_chunk", counted)
    monkeypatch.setattr(DeviceFeed, "upload", uploaded)
    _evaluate(project, 0, 1)
    assert set(decoded.values()) == {1}
    assert len(decoded) == 6
    assert uploads == {(number, size): 1 for number in (0, 1) for size in (4, 2)}


def test_where_one_card_is_full_the_others_go_on(project, monkeypatch):
    """Run d does not fit beside b on its card: it is loaded after them, and nothing is lost."""
    usual, calls = ort.InferenceSession.run_with_iobinding, []

    def failing(session, *arguments):
        name = Path(session._model_path).parent.name
        if name == "d" and not calls:
            calls.append(name)
            raise RuntimeError(OUT_OF_MEMORY)
        return usual(session, *arguments)

    _evaluate(project, 0)
    wanted = _written(project[1])
    monkeypatch.setattr(ort.InferenceSession, "run_with_iobinding", failing)
    outcomes = _evaluate(project, 0, 1)
    assert calls == ["d"]
    assert not any(outcome.failure for outcome in outcomes.values())
    assert _written(project[1]) == wanted


def test_models_are_shared_out_by_their_size():
    """By hand: 9 to the first, 7 to the second, 5 and 4 to the second and first: 13 and 12; equal
    ones by turns."""
    sizes = {Path(name): size for name, size in (("v", 4), ("w", 9), ("x", 7), ("y", 5))}
    placed = share_out(sizes, (0, 1))
    assert {path.name: number for path, number in placed.items()} == {
        "w": 0,
        "x": 1,
        "y": 1,
        "v": 0,
    }
    equal = share_out({Path(name): 3 for name in "abcde"}, (4, 2, 0))
    assert list(equal.values()) == [4, 2, 0, 4, 2]
    assert list(share_out({Path(name): 0 for name in "abc"}, (0, 1)).values()) == [0, 1, 0]


def test_a_card_by_its_number_alone_is_that_card():
    """`device_id` in Python; what is stated goes before what lies beneath."""
    assert EvaluateOptions(device_id=3).devices == (3,)
    both = merge_options(EvaluateOptions(device_id=1), EvaluateOptions(devices=(0, 2)))
    assert both.devices == (1,)
    assert merge_options(EvaluateOptions(), EvaluateOptions(devices="auto")).devices == "auto"
    with pytest.raises(UsageError, match="card 2 is named twice"):
        EvaluateOptions(devices=(2, 2))
