"""Cases from stored scores: who missed which image, in which order, and under which name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.compare.ranking import rank_runs
from covidreport.errors import StoreError
from covidreport.metrics import estimate_scores
from covidreport.records import CaseTable, Evaluation, ReportedRun, Run, Scores
from covidreport.report import cases
from covidreport.report.cases import collect_cases
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
    name_thumbnail,
    thumbnail_file,
    write_atomic,
    write_scores,
)
from covidreport.text import digest_case
from tests.metrics.study import make_evaluation

FINGERPRINT = "f1"
"""Of the data set that `make_evaluation` names."""
TRUTH = [1, 1, 1, 1, 0, 0, 0, 0]
RUNS = {
    # found at 0.5:  a, b, -, -  |  alarms: e
    "first": [0.9, 0.8, 0.3, 0.2, 0.6, 0.1, 0.1, 0.2],
    # found:         a, -, c, -  |  alarms: e, f
    "second": [0.7, 0.4, 0.9, 0.1, 0.9, 0.8, 0.2, 0.1],
    # found:         a, -, -, -  |  alarms: f
    "third": [0.6, 0.3, 0.1, 0.4, 0.2, 0.9, 0.1, 0.1],
}


def _store(
    folder: Path,
    name: str,
    values: list[float],
    *,
    failed: tuple[int, ...] = (),
    logit: bool = False,
    tuned: float | None = None,
) -> ReportedRun:
    """A run with these scores of the images `a` to `h`, of the patients 0 to 3 in pairs."""
    threshold = 0.5 if tuned is None else tuned
    scores = np.array(values, np.float32)
    if logit:
        scores = np.log(scores / (1 - scores))
    scores[list(failed)] = np.nan
    stored = Scores(
        sample_ids=tuple("abcdefgh"),
        labels=("covid-19",),
        truth=np.array(TRUTH, np.int8)[:, np.newaxis],
        scores=scores[:, np.newaxis],
        activation="logit" if logit else "sigmoid",
        reasons=tuple("broken" if i in failed else None for i in range(8)),
        groups=tuple("00112233"),
        attributes={"sex": ("F", "M", "", "F", "M", "M", "F", "F")},
    )
    counts, figures = estimate_scores(stored, [threshold])
    evaluation = replace(
        make_evaluation(name, dict(counts), n_groups=4),
        estimates=figures,
        thresholds={"covid-19": threshold},
        thresholds_from="default" if tuned is None else "tuned on tuning",
    )
    write_scores(evaluation_folder(folder / name, evaluation.key) / SCORES_FILE, stored)
    return ReportedRun(Run(name, folder / name, None), evaluation)


def _collect(reported: list[ReportedRun], *, show_ids: bool = True) -> CaseTable:
    evaluations = [each.evaluation for each in reported if isinstance(each.evaluation, Evaluation)]
    (ranking,) = rank_runs(evaluations, "covid-19")
    table = collect_cases(ranking, reported, show_ids=show_ids)
    assert table is not None
    return table


@pytest.fixture
def reported(tmp_path: Path) -> list[ReportedRun]:
    """The three runs above, each in a folder."""
    return [_store(tmp_path, name, values) for name, values in RUNS.items()]


def test_cases_that_most_runs_missed_stand_first(reported: list[ReportedRun]) -> None:
    """All three missed d; two missed c and two b, of which the best missed c; nobody missed a."""
    table = _collect(reported)

    assert table.runs == ("first", "second", "third")
    assert [case.name for case in table.positives] == ["d", "c", "b", "a"]
    assert [case.answers for case in table.positives] == [
        ("no", "no", "no"), ("no", "yes", "no"), ("yes", "no", "no"), ("yes", "yes", "yes"),
    ]  # fmt: skip
    assert table.positives_omitted == table.false_alarms_omitted == 0


def _order_alarms(folder: Path, *runs: list[float]) -> list[str]:
    """The false alarms of runs that answer the positives alike and the negatives like this."""
    stored = [
        _store(folder, f"run-{i}", [0.9, 0.9, 0.9, 0.9, *values]) for i, values in enumerate(runs)
    ]
    return [case.name for case in _collect(stored).false_alarms]


def test_false_alarms_that_a_run_was_surest_of_stand_first(tmp_path: Path) -> None:
    """g has 0.95 of one run, f 0.7 and 0.8 of both and so the higher mean; h alarms nobody."""
    found = _order_alarms(tmp_path, [0.6, 0.7, 0.1, 0.2], [0.3, 0.8, 0.95, 0.4])
    assert found == ["g", "f", "e"]


def test_of_equally_sure_false_alarms_that_of_more_runs_stands_first(tmp_path: Path) -> None:
    """All have 0.9 at most; f of two runs. e and g go by the names of their pictures' files."""
    found = _order_alarms(tmp_path, [0.9, 0.9, 0.1, 0.2], [0.3, 0.6, 0.9, 0.4])
    assert found == ["f", *sorted("eg", key=lambda name: digest_case(name, FINGERPRINT))]


def test_only_the_score_of_a_run_that_raised_the_alarm_counts(tmp_path: Path) -> None:
    """e has 0.94 of a run that raises alarms from 0.95 on; of the others e has 0.6 and f 0.7."""
    values = {"first": [0.9] * 4 + [0.6, 0.1, 0.1, 0.1], "third": [0.9] * 4 + [0.2, 0.7, 0.1, 0.1]}
    stored = [_store(tmp_path, name, each, tuned=0.5) for name, each in values.items()]
    strict = _store(tmp_path, "strict", [0.99] * 4 + [0.94, 0.2, 0.94, 0.1], tuned=0.95)
    assert [case.name for case in _collect([*stored, strict]).false_alarms] == ["f", "e"]


def test_scores_are_probabilities_whatever_the_model_gave(tmp_path: Path) -> None:
    """The same answers as logits and as probabilities show the same figures."""
    plain = _collect([_store(tmp_path / "p", "first", RUNS["first"])])
    logits = _collect([_store(tmp_path / "l", "first", RUNS["first"], logit=True)])

    for one, other in zip(plain.positives, logits.positives, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-6)


def test_a_positive_that_failed_counts_as_missed_and_has_no_score(tmp_path: Path) -> None:
    """Image a failed in one run of two: it stands before b, which that run found."""
    table = _collect(
        [
            _store(tmp_path, "first", RUNS["first"], failed=(0,)),
            _store(tmp_path, "second", RUNS["first"]),
        ]
    )

    case = next(each for each in table.positives if each.name == "a")
    place = table.runs.index("first")
    assert case.answers[place] == "failed"
    assert case.scores[place] is None
    assert [each.name for each in table.positives] == ["c", "d", "a", "b"]


def test_cases_go_by_digests_unless_ids_are_asked_for(reported: list[ReportedRun]) -> None:
    """No id of an image and none of a patient stands in the record; equal patients stay equal."""
    hidden = _collect(reported, show_ids=False)
    shown = _collect(reported)

    assert not {case.name for case in hidden.positives} & set("abcdefgh")
    assert hidden.positives[0].name == digest_case("d", FINGERPRINT)
    groups = {case.name: case.group for case in shown.positives}
    assert groups == {"a": "0", "b": "0", "c": "1", "d": "1"}
    assert hidden.positives[0].group == hidden.positives[1].group
    assert hidden.positives[0].group not in ("0", "1")
    assert shown.positives[0].attributes == {"sex": "F"}
    assert shown.positives[1].attributes == {}


@pytest.mark.made_anew
def test_what_is_too_much_is_counted(
    reported: list[ReportedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for two cases and one false alarm the rest is a number."""
    monkeypatch.setattr(cases, "FEWEST_CASES", 2)
    monkeypatch.setattr(cases, "MOST_CELLS", 6)
    monkeypatch.setattr(cases, "FALSE_ALARMS", 1)
    table = _collect(reported)

    assert [case.name for case in table.positives] == ["d", "c"]
    assert (table.positives_omitted, table.false_alarms_omitted) == (2, 1)


def test_runs_without_scores_are_named(reported: list[ReportedRun]) -> None:
    """A run whose scores are gone is left out with the reason; the others are shown."""
    (evaluation_folder(reported[1].run.folder, reported[1].evaluation.key) / SCORES_FILE).unlink()
    table = _collect(reported)

    assert table.runs == ("first", "third")
    assert [each.run for each in table.excluded] == ["second"]
    assert "scores are gone" in table.excluded[0].reason


def test_a_picture_is_taken_from_any_run_that_has_it(reported: list[ReportedRun]) -> None:
    """The second run's folder has the picture of d, and that is enough; a has none."""
    evaluation = reported[1].evaluation
    assert evaluation is not None
    folder = evaluation_folder(reported[1].run.folder, evaluation.key)
    digest = name_thumbnail("d", FINGERPRINT)
    write_atomic(thumbnail_file(folder, digest), b"\xff\xd8\xff-a picture")

    assert _collect(reported).pictures == {"d": b"\xff\xd8\xff-a picture"}
    assert _collect(reported, show_ids=False).pictures == {digest: b"\xff\xd8\xff-a picture"}


def test_a_file_that_is_no_picture_is_refused_by_name(reported: list[ReportedRun]) -> None:
    """What calls itself a thumbnail and is a script does not get into a report."""
    evaluation = reported[0].evaluation
    assert evaluation is not None
    folder = evaluation_folder(reported[0].run.folder, evaluation.key)
    write_atomic(thumbnail_file(folder, name_thumbnail("d", FINGERPRINT)), b"<script>")

    with pytest.raises(StoreError, match="is no small JPEG picture"):
        _collect(reported)


@pytest.mark.made_anew
def test_the_same_scores_are_read_once(
    reported: list[ReportedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept in the cache folder is what was read; other scores are read anew."""
    first = _collect(reported, show_ids=False)
    monkeypatch.setattr(cases, "read_answers", lambda *_: pytest.fail("scores were read again"))
    assert _collect(reported, show_ids=False) == first

    with pytest.raises(pytest.fail.Exception, match="read again"):
        _collect(reported, show_ids=True)


def test_a_secret_salt_changes_names_and_loses_no_picture(
    reported: list[ReportedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures that were kept without the secret are found with it, under the secret's names."""
    evaluation = reported[0].evaluation
    assert evaluation is not None
    folder = evaluation_folder(reported[0].run.folder, evaluation.key)
    write_atomic(thumbnail_file(folder, name_thumbnail("d", FINGERPRINT)), b"\xff\xd8\xff")
    before = _collect(reported, show_ids=False)
    monkeypatch.setenv("COVIDREPORT_SALT", "nobody knows")
    after = _collect(reported, show_ids=False)

    assert before.positives[0].name != after.positives[0].name == digest_case("d", "nobody knows")
    assert set(after.pictures) == {after.positives[0].name}
