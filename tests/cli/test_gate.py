"""`covidreport gate` and `baseline set` on stored evidence: exit codes, tables, JSON."""

from __future__ import annotations

import json
import re

import pytest

from covidreport.integrations import OUTPUTS
from tests.cli.command import ROOT, run_command
from tests.gate.runs import write_run_missing


def _flat(text):
    """What was printed, as if the terminal had no end."""
    return " ".join(text.split())


@pytest.fixture
def runs(tmp_path):
    """A baseline that misses 2 of 10, and runs that miss 1, 2 and 3."""
    for name, missed in (("base", 2), ("better", 1), ("equal", 2), ("worse", 3)):
        write_run_missing(tmp_path / "runs" / name, missed)
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("gate", "runs/better", "--baseline", "runs/base"), 0),
        (("gate", "runs/worse", "--baseline", "runs/base"), 1),
        (("gate", "runs/better", "--limit", "sensitivty>=0.7"), 2),
        (("gate", "runs/none", "--baseline", "runs/base", "--split", "test"), 2),
        (("gate", "runs/better", "--baseline", "runs/base", "--split", "test"), 3),
        (("gate", "runs/equal", "--baseline", "runs/base", "--require-evidence"), 4),
    ],
)
def test_each_outcome_has_its_exit_code(runs, words, code):
    """Through the real command: 0 pass, 1 fail, 2 usage, 3 not judged, 4 inconclusive."""
    done = run_command(runs.parent, *words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_defect_is_no_failed_limit(runs):
    """An unexpected exception ends with 3 and leaves a verdict that says so; its traceback is shown
    where it is asked for."""
    before = (
        "import covidreport.gate.gating as gating\n"
        "def judge_run(*_): raise ZeroDivisionError('a defect')\n"
        "gating.judge_run = judge_run"
    )
    done = run_command(
        runs.parent, "gate", "runs/better", "--baseline", "runs/base", "--output-dir", "out",
        before=before,
    )  # fmt: skip
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    verdict = json.loads((runs.parent / "out" / "verdict.json").read_text())["verdicts"][0]
    assert verdict["error"]["stage"] == "read"
    assert (
        "a defect of covidreport: ZeroDivisionError at covidreport/gate/gating.py"
        in (verdict["error"]["reason"])
    )
    loud = run_command(
        runs.parent, "gate", "runs/better", "--baseline", "runs/base", "--verbose", before=before
    )
    assert loud.returncode == 3
    assert "ZeroDivisionError: a defect" in loud.stderr


def test_a_defect_before_any_judgment_is_no_failed_limit(runs):
    """Also where there are no runs yet that could have a verdict."""
    before = (
        "import covidreport.storage.runs as module\n"
        "def discover_runs(*_): raise RuntimeError('a defect')\n"
        "module.discover_runs = discover_runs"
    )
    words = ("gate", "runs", "--baseline", "runs/base")
    done = run_command(runs.parent, *words, before=before, fresh=True)
    assert done.returncode == 3
    assert "RuntimeError: a defect" in done.stderr


def test_several_runs_end_with_the_gravest(covidreport, runs):
    """One that fails among others that pass is a fail; four make an overview."""
    done = covidreport("gate", "runs", "--baseline", "runs/base")
    assert done.code == 1
    lines = [line.split() for line in done.out.splitlines()]
    assert ["PASS", "better", *["1", "of", "10", "0", "of", "20", "2", "of", "2"]] in lines
    assert ["FAIL", "worse", *["3", "of", "10", "0", "of", "20", "1", "of", "2"]] in lines


def test_the_table_shows_figure_baseline_and_bound(covidreport, runs):
    """A row for each limit, the sentence of what is not kept, and the cases behind it."""
    done = covidreport(
        "gate", "runs/worse", "--baseline", "runs/base", "--warn", "sensitivity.low>=0.7"
    )
    rows = [line.split("  ") for line in done.out.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["covid-19 missed", "3", "2", "≤ 2", "fail", "built in"] in cells
    assert ["covid-19 sensitivity.low", "0.397", "0.490", "≥ 0.700", "warn", "option"] in cells
    assert "covid-19 missed is 3; at most 2 is allowed (the baseline's 2)." in done.out
    assert re.search(r"Newly missed: [0-9a-f]{12}\n", done.out)


def test_ids_are_shown_only_where_asked_for(covidreport, runs):
    """By digest in table, JSON and files; by id with --show-ids."""
    words = ("gate", "runs/worse", "--baseline", "runs/base", "--output-dir", "out")
    hidden = covidreport(*words)
    written = "".join(file.read_text() for file in runs.parent.glob("out/*") if file.is_file())
    assert "10 20-002.png" not in hidden.out + covidreport(*words, "--json").out + written
    assert "10 20-002.png" in covidreport(*words, "--show-ids").out


def test_json_on_stdout_is_the_file(covidreport, runs):
    """--json prints what verdict.json holds, and nothing else on stdout."""
    words = ("gate", "runs/worse", "--baseline", "runs/base", "--json", "--output-dir", "out")
    printed = json.loads(covidreport(*words).out)
    written = json.loads((runs.parent / "out" / "verdict.json").read_text())
    assert printed == written
    assert (printed["outcome"], printed["exit_code"]) == ("fail", 1)


def test_an_old_verdict_does_not_outlive_a_new_attempt(covidreport, runs):
    """Wrong usage leaves no verdict.json of the run before."""
    words = ("gate", "runs/better", "--baseline", "runs/base", "--output-dir", "out")
    assert covidreport(*words).code == 0
    assert (runs.parent / "out" / "verdict.json").exists()
    assert covidreport(*words, "--limit", "nonsense").code == 2
    assert not (runs.parent / "out" / "verdict.json").exists()


def test_the_baseline_is_found_where_nothing_is_said(covidreport, runs):
    """baseline.json here; before it, what the configuration names; before both, the option."""
    (runs.parent / "covidreport.toml").write_text("")
    assert covidreport("gate", "runs/better").code == 2
    assert covidreport("baseline", "set", "runs/equal").code == 0
    document = json.loads(covidreport("gate", "runs/better", "--json").out)
    assert document["verdicts"][0]["baseline"]["run"] == "equal"
    (runs.parent / "covidreport.toml").write_text('baseline = "base"')
    document = json.loads(covidreport("gate", "runs/better", "--json").out)
    assert document["verdicts"][0]["baseline"]["run"] == "base"
    done = covidreport("gate", "runs/better", "--json", "--baseline", "runs/worse")
    assert json.loads(done.out)["verdicts"][0]["baseline"]["run"] == "worse"


def test_configured_limits_hold_beside_options(covidreport, runs):
    """The configuration's are committed: an option adds to them and takes none away."""
    (runs.parent / "covidreport.toml").write_text('[[limits]]\nmetric = "roc_auc"\nmin = 1.0\n')
    words = ("gate", "runs/better", "--baseline", "runs/base", "--limit", "f1>=0.5", "--json")
    (verdict,) = json.loads(covidreport(*words).out)["verdicts"]
    told = [(each["limit"]["metric"], each["limit"]["origin"]) for each in verdict["results"]]
    assert told == [
        ("missed", "default"), ("specificity", "default"), ("roc_auc", "covidreport.toml"),
        ("f1", "option"),
    ]  # fmt: skip


def test_a_margin_without_a_baseline_is_refused(covidreport, runs):
    """It would change nothing, and look as if it did; with one it is that of the odds."""
    words = ("gate", "runs/better", "--margin", "0.1")
    done = covidreport(*words, "--limit", "missed<=5")
    assert done.code == 2
    assert "--margin 0.1 is a loss compared with a baseline" in done.err
    assert "one 0.1 less sensitive passes" in _flat(
        covidreport(*words, "--baseline", "runs/base").out
    )


@pytest.fixture
def study(tmp_path):
    """A baseline that misses 4 of 28, another run, and new ones that miss 4 and 8."""
    for name, missed in (("base", 4), ("other", 5), ("new/equal", 4), ("new/worse", 8)):
        write_run_missing(tmp_path / "runs" / name, missed, positives=28, model=name)
    return tmp_path


def test_policies_decide_on_missed_cases_alone(covidreport, study):
    """By option and by the settings, which the option goes before; the floor stays."""
    words = ("gate", "runs/new/worse", "--baseline", "runs/base")
    codes = {"strict": 1, "evidence": 4, "tolerant": 0}
    for policy, code in codes.items():
        done = covidreport(*words, "--policy", policy)
        assert (done.code, "specificity" in done.out) == (code, True), done.out
    settings = study / "covidreport.toml"
    settings.write_text('policy = "tolerant"\n')
    assert covidreport(*words).code == 0
    assert covidreport(*words, "--policy", "strict").code == 1
    settings.write_text('policy = "tolerant"\nfalse_failure_share = 0.2\n')
    assert covidreport(*words).code == 1  # two cases more, and no four
    settings.write_text('policy = "lenient"\nfalse_failure_share = 1\n')
    done = covidreport(*words)
    assert done.code == 2
    assert "`policy` is 'lenient'; 'strict', 'evidence', 'tolerant' are the policies" in _flat(
        done.err
    )
    assert "`false_failure_share` is 1" in done.err


def test_what_a_policy_contradicts_is_refused(covidreport, study):
    """Evidence with --require-evidence, a limit on missed cases, no baseline, no such policy."""
    words = ("gate", "runs/new/equal", "--baseline", "runs/base", "--policy")
    for more, said in (
        (("evidence", "--require-evidence"), "leave one out"),
        (("tolerant", "--limit", "missed<=baseline+1"), "both decide on missed cases"),
        (("lenient",), "strict, evidence, tolerant are the policies"),
    ):
        done = covidreport(*words, *more)
        assert (done.code, said in _flat(done.err)) == (2, True), done.err
    assert covidreport(*words, "tolerant", "--require-evidence").code == 4


def test_odds_and_tries_are_said_wherever_a_verdict_is(covidreport, study):
    """In the terminal, the comment and verdict.json; the baseline remembers who was judged."""
    done = covidreport("baseline", "set", "runs/base", "--known", "runs")
    assert done.code == 0, done.err
    words = ("gate", "runs/new/equal", "runs/new/worse", "--output-dir", "out")
    done = covidreport(*words)
    assert done.code == 1
    assert _flat(done.out).count("a run as sensitive as the baseline fails about") == 1
    assert "2 models were judged on these images" in _flat(done.out)
    assert "2 models were judged on these images" in (study / "out" / "comment.md").read_text()
    document = json.loads((study / "out" / "verdict.json").read_text())
    for verdict in document["verdicts"]:
        assert verdict["judged"] == ["new/equal", "new/worse"]
        assert (verdict["odds"]["tries"], verdict["odds"]["reference_runs"]) == (2, 3)

    done = covidreport("baseline", "set", "runs/base", "--judged", "out/verdict.json")
    assert "2 models judged on these images" in _flat(done.err)
    write_run_missing(study / "runs" / "next", 4, positives=28, model="next")
    assert "3 models were judged" in _flat(covidreport("gate", "runs/next").out)
    assert covidreport("baseline", "set", "runs/base").code == 0  # what was counted is kept
    assert "3 models were judged" in _flat(covidreport("gate", "runs/next").out)

    write_run_missing(study / "other", 4, positives=30, model="other")
    done = covidreport("baseline", "set", "other", "--judged", "out/verdict.json")
    assert "no verdict in it is on these images, so none is counted" in _flat(done.err)
    assert "judged" not in json.loads((study / "baseline.json").read_text())


def test_what_counts_no_models_is_no_verdict(covidreport, study):
    """Another file is refused; a verdict.json from before models were listed counts its own."""
    (study / "x.json").write_text("{}")
    done = covidreport("baseline", "set", "runs/base", "--judged", "x.json")
    assert (done.code, "is no verdict.json" in _flat(done.err)) == (2, True)
    covidreport("gate", "runs/new/equal", "--baseline", "runs/base", "--output-dir", "out")
    document = json.loads((study / "out" / "verdict.json").read_text())
    for verdict in document["verdicts"]:
        del verdict["judged"], verdict["odds"]
    (study / "x.json").write_text(json.dumps(document))
    (study / "baseline.json").write_text("{")
    done = covidreport("baseline", "set", "runs/base", "--judged", "x.json")
    assert (done.code, "counted as judged are lost" in _flat(done.err)) == (0, True)
    assert json.loads((study / "baseline.json").read_text())["judged"] == ["new/equal"]


def test_a_run_that_can_be_no_baseline_writes_no_file(covidreport, runs):
    """The reason is said, with the exit code of what can't be judged."""
    write_run_missing(runs / "all", 0, alarms=20)
    done = covidreport("baseline", "set", "runs/all")
    assert done.code == 3
    assert "could not be ranked" in done.err
    assert not (runs.parent / "baseline.json").exists()


def test_the_exit_codes_are_documented(covidreport):
    """In the help of both commands, in the README and in docs/gate.md."""
    for name in ("gate", "ci"):
        text = " ".join(covidreport(name, "--help").out.split())
        assert re.search(r"Exit code: 0 pass, 1 .*, 2 .*, 3 .*, 4 inconclusive", text)
    table = (ROOT / "docs" / "gate.md").read_text()
    for code, word in ((0, "pass"), (1, "fail"), (3, "error"), (4, "inconclusive")):
        assert f"| {code} | {word} |" in table


def test_docs_name_every_figure():
    """docs/gate.md and the page that it names list what a limit can name."""
    from covidreport.gate.metrics import FAILED
    from covidreport.metrics import ALL_METRICS, COUNTS, SCORE_METRICS

    text = "".join((ROOT / "docs" / page).read_text() for page in ("gate.md", "metrics.md"))
    for name in (*COUNTS, *ALL_METRICS, *SCORE_METRICS, FAILED):
        assert f"`{name}`" in text, name


def test_every_output_is_written(covidreport, runs):
    """Each entry of the table has its file in --output-dir."""
    covidreport("gate", "runs/better", "--baseline", "runs/base", "--output-dir", "out")
    names = {file.name for file in (runs.parent / "out").iterdir()}
    assert names >= {output.file_name for output in OUTPUTS.values()}
