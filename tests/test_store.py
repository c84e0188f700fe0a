"""Files of a run folder: what is written is read back, and what is broken is refused by name."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from covidreport.errors import StoreError, WriteError
from covidreport.records import (
    UNKNOWN,
    Counts,
    Epoch,
    Estimate,
    Evaluation,
    Failure,
    Finding,
    Scores,
    ThresholdFit,
    TunedThresholds,
)
from covidreport.storage.history import read_history
from covidreport.store import (
    check_scores,
    clear_failure,
    evaluation_folder,
    read_evaluation,
    read_failure,
    read_json,
    read_scores,
    read_thresholds,
    write_atomic,
    write_evaluation,
    write_failure,
    write_history,
    write_json,
    write_scores,
    write_thresholds,
)
from tests.damage import DAMAGES, cut_off, flip_byte

EVALUATION = Evaluation(
    run="exp1",
    dataset="cxr",
    split="validation",
    variant=None,
    fingerprint="f" * 64,
    labels=("covid-19", "normal"),
    n_images=3,
    n_groups=2,
    thresholds={"covid-19": 0.5, "normal": 0.4},
    thresholds_from="option",
    counts={"covid-19": Counts(1, 0, 0, 1, failed_positive=1), "normal": Counts(1, 1, 0, 1)},
    estimates={"covid-19": {"sensitivity": Estimate(0.5, 0.1, 0.9, 1, 2, "wilson")}, "": {}},
    findings=(Finding("note", "x", "what", "evidence", "remedy", ("exp1",)),),
    failures=(Failure("b.png", "decode", "is truncated"),),
    provenance={"batch": 32},
    timing={"finished": "2020-05-01T00:00:00+00:00"},
)
SCORES = Scores(
    sample_ids=("a.png", "b.png", "c.png"),
    labels=("covid-19", "normal"),
    truth=np.array([[1, 0], [0, 1], [0, UNKNOWN]], np.int8),
    scores=np.array([[1.5, -2], [np.nan, np.nan], [0, 3]], np.float32),
    activation="logit",
    reasons=(None, "is truncated", None),
    groups=("p1", "p1", "p2"),
)


def test_an_evaluation_is_read_back_whole(tmp_path):
    """Every field of every record survives the file, types included."""
    path = write_evaluation(tmp_path, EVALUATION)
    assert path == tmp_path / "evaluations" / "cxr-validation" / "evaluation.json"
    assert read_evaluation(path) == EVALUATION
    assert read_evaluation(path.parent) == EVALUATION


def test_a_variant_has_a_folder_of_its_own():
    """Another precision does not overwrite the default's figures."""
    assert replace(EVALUATION, variant="cuda-fp16").key == "cxr-validation-cuda-fp16"


def test_scores_are_read_back_and_nothing_undefined_is_a_number(tmp_path):
    """Failed rows and unknown truth are null in the file, and NaN and -1 in the record."""
    path = tmp_path / "scores.parquet"
    write_scores(path, SCORES)
    table = pq.read_table(path)
    assert table["score.covid-19"].to_pylist() == [1.5, None, 0.0]
    assert table["truth.normal"].to_pylist() == [0, 1, None]
    assert table["failure"].to_pylist() == [None, "is truncated", None]
    back = read_scores(path)
    assert (back.sample_ids, back.labels, back.reasons, back.groups, back.activation) == (
        SCORES.sample_ids, SCORES.labels, SCORES.reasons, SCORES.groups, SCORES.activation,
    )  # fmt: skip
    np.testing.assert_array_equal(back.scores, SCORES.scores)
    np.testing.assert_array_equal(back.truth, SCORES.truth)
    assert back.failed.tolist() == [False, True, False]


def _store(folder):
    """Scores and the evaluation of them, as they stand in a run folder; the scores' file."""
    path = evaluation_folder(folder, EVALUATION.key) / "scores.parquet"
    write_scores(path, SCORES)
    write_evaluation(folder, EVALUATION)
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_scores_are_refused(tmp_path, damage):
    """By the sha256 that evaluation.json states of them."""
    path = _store(tmp_path)
    read_scores(path)
    damage(path)
    with pytest.raises(StoreError, match="damaged"):
        read_scores(path)


def test_no_byte_of_the_scores_may_be_another(tmp_path):
    """Data, columns' names, statistics, footer: every eleventh byte, one by one."""
    path = _store(tmp_path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 11):
        flip_byte(path, place)
        with pytest.raises(StoreError):
            check_scores(path)
        path.write_bytes(whole)


def test_another_evaluation_s_scores_are_refused(tmp_path):
    """They are whole, and not those that the figures are of."""
    path, other = _store(tmp_path / "a"), tmp_path / "other.parquet"
    write_scores(other, replace(SCORES, scores=-SCORES.scores))
    other.replace(path)
    with pytest.raises(StoreError, match=r"exchanged .* is not the one in evaluation\.json"):
        read_scores(path)


def test_scores_that_an_earlier_version_left_are_read(tmp_path):
    """Nothing states their digest; that they were cut off is seen all the same."""
    path = _store(tmp_path)
    evaluation = path.with_name("evaluation.json")
    value = json.loads(evaluation.read_text())
    del value["scores_sha256"]
    evaluation.write_text(json.dumps(value))
    assert read_scores(path).sample_ids == SCORES.sample_ids
    cut_off(path)
    with pytest.raises(StoreError, match="cut off"):
        check_scores(path)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_scores_keep_the_type_that_they_were_given_in(tmp_path, kind):
    """A double of 0.3 is no float32, and a float32 of 0.3 no double."""
    values = np.array([[0.3, 1 / 3, 0.1], [np.nan] * 3], kind)
    scores = Scores(
        ("a", "b"), ("x", "y", "z"), np.zeros((2, 3), np.int8), values, "sigmoid", (None, "lost")
    )
    write_scores(tmp_path / "scores.parquet", scores)
    read = read_scores(tmp_path / "scores.parquet").scores
    assert read.dtype == kind
    np.testing.assert_array_equal(read, values)


def test_no_thread_is_left_that_needs_python_while_the_process_ends(tmp_path):
    """Arrow's own threads let go of what was read after the call: one in five quick commands was
    aborted by that. Without them there are as many threads after reading as before."""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("the threads of a process are counted on Linux")
    write_scores(tmp_path / "scores.parquet", SCORES)
    code = (
        "import os, sys; from pathlib import Path; import pyarrow.parquet; "
        "from covidreport.store import read_scores; "
        "count = lambda: len(os.listdir('/proc/self/task')); before = count(); "
        "read_scores(Path(sys.argv[1])); print(count() - before)"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "scores.parquet")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_scores_are_written_without_pandas(tmp_path):
    """`pyarrow.array` imports it, whatever it is given: half a second of every evaluation."""
    code = (
        "import sys; from pathlib import Path; from covidreport.store import write_scores; "
        "from tests.test_store import SCORES; sys.modules.pop('pandas', None); "
        "write_scores(Path(sys.argv[1]), SCORES); print('pandas' in sys.modules)"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "scores.parquet")]
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert done.stdout == "False\n"


def test_equal_scores_are_equal_bytes(tmp_path):
    """Nothing in the file depends on when or where it was written."""
    write_scores(tmp_path / "one.parquet", SCORES)
    write_scores(tmp_path / "two.parquet", SCORES)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_never_written(tmp_path, value):
    """JSON has no NaN: the writer refuses, and leaves no file behind."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"value": value})
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    """Where the disk is full, the old content stays, no part is left, and the error says where."""
    path = tmp_path / "x.json"
    write_atomic(path, b"old")

    def stop(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", stop)
    with pytest.raises(WriteError, match=r"x\.json: can't be written \(No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_files_are_readable_as_the_umask_says(tmp_path):
    """A report that was written atomically is not private to its writer."""
    ordinary = tmp_path / "ordinary"
    ordinary.write_bytes(b"")
    write_atomic(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == ordinary.stat().st_mode


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "holds list"),
        ('{"schema": "covidreport.evaluation/99"}', "its schema is 'covidreport.evaluation/99'"),
        ('{"schema": "covidreport.evaluation/1"}', "not a whole evaluation"),
    ],
)
def test_a_broken_evaluation_is_refused_by_name(tmp_path, text, message):
    """The error says which file, what is wrong with it and what to do."""
    file = tmp_path / "evaluation.json"
    file.write_text(text)
    with pytest.raises(StoreError, match=message) as caught:
        read_evaluation(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_a_store_error(tmp_path):
    """No traceback for a file that isn't there."""
    with pytest.raises(StoreError, match="No such file"):
        read_json(tmp_path / "none.json")


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
def test_broken_scores_are_refused_by_name(tmp_path, content):
    """A chopped Parquet file says which file it is."""
    path = tmp_path / "scores.parquet"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"scores\.parquet"):
        read_scores(path)


def test_history_keeps_gaps_and_every_digit(tmp_path):
    """An undefined cell is empty in the file and None in the record; floats are read back equal."""
    epochs = (Epoch(1, {"train_loss": 0.1 + 0.2, "x": None}), Epoch(2, {"x": -1e-9}))
    write_history(tmp_path, epochs)
    first, second = read_history(tmp_path / "history.csv")
    assert first.values == {"train_loss": 0.1 + 0.2, "x": None}
    assert second.values == {"train_loss": None, "x": -1e-9}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train_loss\n0.1\n", "line 1: no column `epoch`"),
        ("epoch,train_loss\n1,0.5\n2,low\n", "line 3: could not convert"),
    ],
)
def test_a_broken_history_names_the_line(tmp_path, text, message):
    """The line at fault is said, counted from 1."""
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(StoreError, match=message):
        read_history(tmp_path / "history.csv")


def test_a_failure_is_kept_until_it_is_cleared(tmp_path):
    """failure.json says why the last attempt failed, and is gone after one that succeeds."""
    failure = Failure("exp1", "infer", "the model fails on a batch")
    write_failure(tmp_path, "cxr-validation", failure)
    folder = evaluation_folder(tmp_path, "cxr-validation")
    assert read_failure(folder) == failure
    clear_failure(folder)
    assert read_failure(folder) is None


@pytest.mark.parametrize(
    "change", [{"reason": 5}, {"stage": "lunch"}, {"subject": None}, {"remedy": ["mend"]}]
)
def test_a_broken_failure_is_refused_by_name(tmp_path, change):
    """A failure.json may be anybody's."""
    path = write_failure(tmp_path, "cxr-validation", Failure("exp1", "infer", "it fails"))
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(StoreError, match=r"failure\.json.*at `\$\.\w+`.*covidreport evaluate"):
        read_failure(path.parent)


def test_evaluation_json_has_no_surprises(tmp_path):
    """Its first key is the schema, and time stamps stand under `timing` alone."""
    value = json.loads(write_evaluation(tmp_path, EVALUATION).read_text())
    assert next(iter(value)) == "schema"
    rest = json.dumps({key: item for key, item in value.items() if key != "timing"})
    assert "2020-05-01" not in rest


TUNED = TunedThresholds(
    run="exp1",
    dataset="cxr",
    split="tuning",
    evaluation="cxr-tuning",
    fingerprint="f" * 64,
    n_images=628,
    n_groups=None,
    model_sha256="a" * 64,
    fits={
        "covid-19": ThresholdFit(
            threshold=0.31,
            metric="sensitivity",
            target=0.95,
            method="plain",
            cases=28,
            sensitivity=Estimate(27 / 28, None, None, 27, 28),
            specificity=Estimate(0.7, 0.66, 0.74, 420, 600, "wilson"),
            bound=0.841,
            confidence=0.95,
            guaranteed_threshold=None,
            cases_needed=59,
        )
    },
    timing={"finished": "2020-05-01T00:00:00+00:00"},
)


def test_tuned_thresholds_are_read_back_whole(tmp_path):
    """Every field of every record survives the file; a run without one has none."""
    assert read_thresholds(tmp_path) is None
    assert write_thresholds(tmp_path, TUNED) == tmp_path / "thresholds.json"
    assert read_thresholds(tmp_path) == TUNED


def test_the_date_of_tuned_thresholds_stands_in_one_place(tmp_path):
    """Two equal tunings differ under `timing` alone."""
    one = write_thresholds(tmp_path / "one", TUNED)
    two = write_thresholds(tmp_path / "two", replace(TUNED, timing={"finished": "later"}))
    values = [json.loads(path.read_text()) for path in (one, two)]
    assert values[0].pop("timing") != values[1].pop("timing")
    assert values[0] == values[1]


FIT = to_builtins(TUNED.fits["covid-19"])


@pytest.mark.parametrize(
    "change",
    [
        {"fits": {"covid-19": {}}},
        {"split": None, "more": 1},
        {"fits": {"covid-19": {**FIT, "threshold": "0.31"}}},
        {"fits": {"covid-19": {**FIT, "threshold": None}}},
        {"fits": {"covid-19": {**FIT, "threshold": math.inf}}},
        {"fits": {"covid-19": {**FIT, "metric": "luck"}}},
        {"fits": {"covid-19": {**FIT, "bound": [0.8]}}},
        {"n_images": "628"},
        {"model_sha256": 7},
    ],
)
def test_broken_tuned_thresholds_are_refused_by_name(tmp_path, change):
    """The message says which file and what to do."""
    path = write_thresholds(tmp_path, TUNED)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(StoreError, match=r"thresholds\.json.*run `covidreport tune` again"):
        read_thresholds(tmp_path)


def test_tuned_thresholds_of_another_schema_are_refused(tmp_path):
    """A newer file is not half understood."""
    write_json(tmp_path / "thresholds.json", {"schema": "covidreport.thresholds/9"})
    with pytest.raises(StoreError, match=r"covidreport\.thresholds/9"):
        read_thresholds(tmp_path)


def test_a_link_is_followed_and_stays(tmp_path):
    """What it points to gets the bytes, as with any other program."""
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    real.write_text("old")
    link.symlink_to(real)

    write_atomic(link, b"new")

    assert link.is_symlink()
    assert real.read_text() == "new"


def test_what_is_no_file_is_written_to_and_never_replaced(tmp_path):
    """A pipe gets the bytes and is still a pipe, as /dev/null would be."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()

    write_atomic(pipe, b"through")
    reader.join(10)

    assert got == [b"through"]
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
