"""A comparison is made once; the next time it comes from the cache."""

from __future__ import annotations

import subprocess
import sys

import pytest
from msgspec.structs import replace

from covidreport.compare import Plan
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.formats import FORMATS
from covidreport.storage import cache_folder as cache
from covidreport.storage.cache import DATA_FILE
from covidreport.storage.runs import discover_runs, read_evaluations
from tests.compare.cases import compare, draw_scores, write_all, write_scored
from tests.damage import DAMAGES

pytestmark = pytest.mark.made_anew


def test_the_same_scores_are_compared_once(tmp_path, monkeypatch):
    """The second time comes from the cache, and is equal to the last digit."""
    truth, scores = draw_scores(4)
    evaluated = write_all(tmp_path, truth, scores)
    first = compare(evaluated, Plan("run-01", 0.1))
    assert [entry.kind for entry in cache.list_entries()] == ["comparisons"]
    monkeypatch.setattr("covidreport.compare.compare_answers_of", lambda *_: pytest.fail("again"))
    assert compare(evaluated, Plan("run-01", 0.1)) == first


@pytest.mark.parametrize("change", ["scores", "threshold", "baseline", "margin", "version"])
def test_whatever_matters_is_part_of_the_key(tmp_path, monkeypatch, change):
    """Other scores, thresholds, questions or another version are another entry."""
    truth, scores = draw_scores(3)
    evaluated = write_all(tmp_path, truth, scores)
    compare(evaluated)
    plan = Plan()
    if change == "scores":
        evaluated[1] = write_scored(tmp_path, "run-01", truth, scores[1] * 0.999)
    elif change == "threshold":
        evaluated = [(run, replace(e, thresholds={"covid-19": 0.5000001})) for run, e in evaluated]
    elif change == "version":
        monkeypatch.setattr("covidreport.compare.REVISION", "another")
    else:
        plan = Plan("run-01") if change == "baseline" else Plan(margin=0.1)
    compare(evaluated, plan)
    assert len(cache.list_entries()) == 2


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_memory_is_computed_again(tmp_path, damage):
    """A byte of it may be a digit of a p-value: it is counted as damaged, and made once more."""
    truth, scores = draw_scores(3)
    evaluated = write_all(tmp_path, truth, scores)
    first = compare(evaluated)
    (entry,) = cache.list_entries()
    damage(entry.path / DATA_FILE)

    assert compare(evaluated) == first
    assert cache.take_damage() == {"comparisons": 1}
    assert compare(evaluated) == first
    assert cache.take_damage() == {}


def test_without_a_cache_it_is_compared_all_the_same(tmp_path, monkeypatch):
    """COVIDREPORT_CACHE_BYTES=0 switches the cache off, and equal runs give equal records."""
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    truth, scores = draw_scores(3)
    evaluated = write_all(tmp_path, truth, scores)
    assert compare(evaluated) == compare(evaluated)
    assert cache.list_entries() == ()


def test_remembered_comparisons_load_nothing_heavy(tmp_path):
    """Rendering again is instant: neither SciPy nor pyarrow nor pandas is imported for it."""
    truth, scores = draw_scores(3)
    evaluated = write_all(tmp_path, truth, scores)
    for run, evaluation in evaluated:
        assert read_evaluations(run)[0] == (evaluation,)
    runs = discover_runs([tmp_path])
    for entry in FORMATS.values():
        entry.render(collect_report(runs, ReportChoices("covid-19", 0.5)))
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from covidreport.report.formats import FORMATS\n"
        "from covidreport.report.choices import ReportChoices\n"
        "from covidreport.report.collect import collect_report\n"
        "from covidreport.storage.runs import discover_runs\n"
        f"runs = discover_runs([Path({str(tmp_path)!r})])\n"
        "data = collect_report(runs, ReportChoices('covid-19', 0.5))\n"
        "assert data.rankings[0].comparisons.basis == 'scores'\n"
        "for entry in FORMATS.values(): entry.render(data)\n"
        "heavy = ('onnxruntime', 'pandas', 'scipy', 'pyarrow', 'torch')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
