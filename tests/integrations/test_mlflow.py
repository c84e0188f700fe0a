"""Runs pushed to a real MLflow server, updated there, and pulled back."""

from __future__ import annotations

import getpass
import json
import math
import shutil
import sys
import time

import pytest

from covidreport.errors import StoreError, UsageError
from covidreport.evaluate.reference import keep_reference
from covidreport.inference.session import open_session
from covidreport.integrations.mlflow.facts import FOLDER_TAG, gather_facts, name_key
from covidreport.integrations.mlflow.files import LIST_FILE, LIST_SCHEMA, read_list
from covidreport.integrations.mlflow.server import MlflowServer, hide_password
from covidreport.records import Failure
from covidreport.storage.model import identify_model
from covidreport.storage.runs import read_evaluations, read_run
from covidreport.store import read_reference, write_failure
from tests.integrations.mlflow_server import MISSING, run_server
from tests.integrations.run_folders import GOOD, POOR, write_scored_run
from tests.onnx_models import move_weights_out, write_brightness_model

needs_server = pytest.mark.skipif(
    bool(MISSING), reason=f"mlflow's server is not installed here: no {', '.join(MISSING)}"
)
LIMIT = '[[limits]]\nmetric = "specificity"\nmin = 0.8\n'
SENSITIVITY = "tiny-validation/covid-19/sensitivity"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server that is empty at first."""
    with run_server(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


def _list(address, experiment):
    server = MlflowServer(address)
    found = server.find_experiment(experiment)
    return [] if found is None else list(server.list_runs(found))


@needs_server
def test_a_pushed_run_carries_its_figures_and_files(covidreport, server, tmp_path):
    """4 of 4 found, 1 of 6 false alarms: counts, rate and bound (Wilson: 0.510) are on the server;
    scores, which name images, are not."""
    write_scored_run(tmp_path / "runs" / "good")
    file = tmp_path / "runs" / "good" / "run.json"
    data = {"name": "cxr", "train_split": "train", "source": "cxr.csv",
            "fingerprints": {"train": "a" * 64}}  # fmt: skip
    timing = {"started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T02:30:00+01:00"}
    own = {"git_revision": "b" * 40 + "-modified", "data": data, "timing": timing}
    file.write_text(json.dumps({**json.loads(file.read_text()), **own}))
    done = covidreport("push", "--mlflow", server, "--experiment", "one")
    assert done.code == 0, done.err
    assert done.out.startswith("new        good")
    (run,) = _list(server, "one")
    assert (run.ended_ms - run.started_ms, run.started_ms) == (5_400_000, 1_767_225_600_000)
    assert run.tags["mlflow.user"] == getpass.getuser()
    assert run.tags["mlflow.source.git.commit"] == "b" * 40
    assert run.tags["mlflow.source.name"] == "covidreport"
    assert abs(run.pushed_ms / 1000 - time.time()) < 120
    _check_inputs(server, run.id)
    assert (run.name, run.status) == ("good", "FINISHED")
    assert run.parameters == {"architecture": "tiny", "loss": "bce", "seed": "0"}
    assert run.metrics["tiny-validation/covid-19/fp"] == 1
    assert run.metrics["tiny-validation/covid-19/missed"] == 0
    assert run.metrics[SENSITIVITY] == 1
    assert run.metrics[f"{SENSITIVITY}_low"] == pytest.approx(0.510, abs=5e-4)
    assert run.metrics["train_loss"] == 0.25
    files = json.loads(
        MlflowServer(server).receive(run.id, "covidreport.json", tmp_path).read_text()
    )
    assert set(files["files"]) == {
        "run.json", "history.csv", "evaluations/tiny-validation/evaluation.json"
    }  # fmt: skip
    page = MlflowServer(server).receive(run.id, "report.html", tmp_path).read_text()
    assert page.startswith("<!doctype html>")


def _check_inputs(server, run):
    """The data that it was trained and evaluated on, as MLflow itself gives them back."""
    from mlflow import MlflowClient

    inputs = MlflowClient(server).get_run(run).inputs.dataset_inputs
    found = {each.dataset.name: (each.dataset, each.tags[0].value) for each in inputs}
    assert set(found) == {"cxr, train", "tiny, validation"}
    assert (found["cxr, train"][0].digest, found["cxr, train"][1]) == ("a" * 36, "training")
    assert json.loads(found["cxr, train"][0].source) == {"uri": "cxr.csv"}
    evaluated, context = found["tiny, validation"]
    assert (evaluated.digest, context) == ("f" * 36, "evaluation")
    assert json.loads(evaluated.profile) == {
        "images": 10, "positives": {"covid-19": 4, "normal": 5}
    }  # fmt: skip


@needs_server
def test_a_run_that_is_pushed_again_is_updated_and_not_doubled(covidreport, server, tmp_path):
    """Unchanged, nothing is sent; other figures take the place of the old ones; another seed is
    another run, since MLflow never changes a parameter."""
    folder = tmp_path / "runs" / "good"
    words = ("push", "--mlflow", server, "--experiment", "again")
    write_scored_run(folder)
    assert covidreport(*words).code == 0
    assert covidreport(*words).out.startswith("unchanged")
    write_scored_run(folder, covid=POOR)
    assert covidreport(*words).out.startswith("updated")
    (run,) = _list(server, "again")
    assert run.metrics[SENSITIVITY] == 0.5
    assert run.metrics["tiny-validation/covid-19/fn"] == 2
    write_scored_run(folder, seed=1)
    assert covidreport(*words).out.startswith("new")
    assert len(_list(server, "again")) == 2


@needs_server
def test_a_report_by_site_is_pushed_as_it_is_rendered(covidreport, server, tmp_path):
    """A run that is pushed again with a site has its report sent anew, and with none once more;
    sections that the settings hide are not in it."""
    write_scored_run(tmp_path / "runs" / "good")
    words = ("push", "--mlflow", server, "--experiment", "by-site")

    def read_page() -> str:
        (run,) = _list(server, "by-site")
        return MlflowServer(server).receive(run.id, "report.html", tmp_path).read_text()

    assert covidreport(*words).code == 0
    assert "Nothing is said by site" not in read_page()
    assert 'id="methods"' in read_page()
    done = covidreport(*words, "--site", "ward")
    assert done.out.startswith("updated"), done.err
    assert "Nothing is said by site" in read_page()  # these images state no ward
    assert covidreport(*words, "--site", "ward").out.startswith("unchanged")
    (tmp_path / "covidreport.toml").write_text('site = "ward"\n[report]\nhide = ["methods"]\n')
    assert covidreport(*words).out.startswith("updated")
    assert 'id="methods"' not in read_page()
    refused = covidreport(*words, "--rank-sites", "best")
    assert refused.code == 2
    assert "--rank-sites best: one of pooled, worst is wanted" in refused.err


@needs_server
def test_what_is_no_longer_defined_does_not_keep_its_old_value(covidreport, server, tmp_path):
    """MLflow forgets no metric; without its evaluation a run's figures there become NaN."""
    words = ("push", "--mlflow", server, "--experiment", "undefined")
    write_scored_run(tmp_path / "runs" / "good")
    assert covidreport(*words).code == 0
    shutil.rmtree(tmp_path / "runs" / "good" / "evaluations")
    assert covidreport(*words).out.startswith("updated")
    (run,) = _list(server, "undefined")
    assert math.isnan(run.metrics[SENSITIVITY])
    assert run.metrics["train_loss"] == 0.25


@needs_server
def test_pulled_runs_are_ranked_as_they_were(covidreport, server, tmp_path):
    """With scores, the report on what came back is the report on what was pushed; a second pull
    replaces it, and a folder that was not pulled is never touched."""
    write_scored_run(tmp_path / "runs" / "good")
    write_scored_run(tmp_path / "runs" / "poor", covid=POOR)
    where = ("--mlflow", server, "--experiment", "back")
    assert covidreport("push", *where, "--scores").code == 0
    done = covidreport("pull", *where, "--output", "pulled")
    assert (done.code, sorted(done.out.split())) == (0, ["pulled/good", "pulled/poor"])
    show = ("--format", "markdown", "--output", "-")
    again = covidreport("render", "pulled", *show).out
    assert "covidreport render pulled" in again
    again = again.replace("covidreport render pulled", "covidreport render runs")
    assert again == covidreport("render", "runs", *show).out
    assert covidreport("pull", *where, "--output", "pulled").code == 0
    refused = covidreport("pull", *where, "--output", "runs")
    assert refused.code == 2
    assert "holds a run that was not pulled" in refused.err


@needs_server
def test_a_run_that_the_server_has_otherwise_stops_no_other(covidreport, server, tmp_path):
    """One whose name is no folder's, and one that broke off, are named; the third comes back."""
    for name in ("good", "odd", "torn"):
        write_scored_run(tmp_path / "runs" / name)
    where = ("--mlflow", server, "--experiment", "stops-no-other")
    assert covidreport("push", *where).code == 0
    there = MlflowServer(server)
    by_name = {run.tags[FOLDER_TAG]: run.id for run in _list(server, "stops-no-other")}
    there.log(by_name["odd"], {}, [], {FOLDER_TAG: "../odd"})
    there.send_text(by_name["torn"], "{}", LIST_FILE)
    done = covidreport("pull", *where, "--output", "pulled")
    assert done.code == 3
    assert done.out.split() == ["pulled/good"]
    assert "run ../odd was not pulled" in done.err
    assert "run torn was not pulled" in done.err
    assert [path.name for path in (tmp_path / "pulled").iterdir()] == ["good"]


@needs_server
def test_of_a_model_that_was_trained_again_the_last_push_comes_back(covidreport, server, tmp_path):
    """Both stay on the server, the folder holds the second, and the first is told of."""
    where = ("--mlflow", server, "--experiment", "trained-again")
    for seed in (1, 2):
        write_scored_run(tmp_path / "runs" / "good", seed=seed)
        assert covidreport("push", *where).code == 0
    done = covidreport("pull", *where, "--output", "pulled")
    assert "1 older run of this name was left there" in done.err
    assert read_run(tmp_path / "pulled" / "good").settings["seed"] == 2


@needs_server
def test_hostile_names_and_a_failure_go_through(covidreport, server, tmp_path):
    """Quotes, pipes, line breaks and markup in a name; the failed run is FAILED there."""
    name = "a|b \"c\" 'd'\n<script>e</script>"
    write_scored_run(tmp_path / "runs" / "odd", name)
    failure = Failure(name, "load", "it is half written")
    write_failure(tmp_path / "runs" / "odd", "tiny-validation", failure)
    done = covidreport("push", "--mlflow", server, "--experiment", "hostile")
    assert done.code == 0, done.err
    (run,) = _list(server, "hostile")
    assert (run.name, run.status) == (name, "FAILED")
    assert run.tags["covidreport.failure"] == "it is half written"
    assert covidreport("push", "--mlflow", server, "--experiment", "hostile").out.startswith("unch")


@needs_server
def test_models_go_along_where_asked_for_and_a_changed_one_is_refused(
    covidreport, server, tmp_path
):
    """A model that is not the one that was evaluated would stand beside figures of another; its
    reference answers go with it."""
    good = tmp_path / "runs" / "good"
    keep_reference(read_run(good), open_session(write_brightness_model(good / "model.onnx")))
    evaluation = write_scored_run(tmp_path / "runs" / "good")
    where = ("--mlflow", server, "--experiment", "models")
    assert covidreport("push", *where, "--models").code == 0
    assert covidreport("pull", *where, "--output", "pulled").code == 0
    sent, back = (tmp_path / name / "good" / "model.onnx" for name in ("runs", "pulled"))
    assert back.read_bytes() == sent.read_bytes()
    assert read_reference(back.parent) == read_reference(sent.parent) is not None
    file = tmp_path / "runs" / "good" / "evaluations" / evaluation.key / "evaluation.json"
    file.write_text(file.read_text().replace('"versions"', '"model": {"sha256": "0"}, "versions"'))
    refused = covidreport("push", *where)
    assert refused.code == 3
    assert "its model is not the one that tiny-validation was evaluated with" in refused.err


@needs_server
def test_all_files_of_a_model_go_along(covidreport, server, tmp_path):
    """What comes back is the same model; one whose weights are not there is not pushed."""
    model = write_brightness_model(tmp_path / "runs" / "good" / "model.onnx")
    weights = move_weights_out(model, "weights/0.bin")
    write_scored_run(tmp_path / "runs" / "good")
    where = ("--mlflow", server, "--experiment", "external")
    assert covidreport("push", *where, "--models").code == 0
    assert covidreport("pull", *where, "--output", "pulled").code == 0
    back = identify_model(tmp_path / "pulled" / "good" / "model.onnx")
    assert back.sha256 == identify_model(model).sha256
    assert [file.path for file in back.files] == ["model.onnx", "weights/0.bin"]
    weights.unlink()
    refused = covidreport("push", *where, "--models")
    assert refused.code == 3
    assert "is not there" in refused.err


@pytest.mark.skipif("mlflow" in MISSING, reason="mlflow is not installed here")
def test_a_server_that_is_not_there_is_said_at_once(covidreport, tmp_path):
    """No waiting for minutes, no traceback, exit code 3; a password in the address is not shown."""
    write_scored_run(tmp_path / "runs" / "good")
    done = covidreport("push", "--mlflow", "http://me:secret@127.0.0.1:1")
    assert done.code == 3
    assert "http://127.0.0.1:1: no MLflow server answers there" in done.err
    assert "secret" not in done.err


def test_without_mlflow_the_error_says_what_to_install(covidreport, tmp_path, monkeypatch):
    """The command that installs it, and exit code 2."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    write_scored_run(tmp_path / "runs" / "good")
    done = covidreport("push", "--mlflow", "http://127.0.0.1:1")
    assert done.code == 2
    assert "pip install 'covidreport[mlflow]'" in done.err


@pytest.mark.skipif("mlflow" in MISSING, reason="mlflow is not installed here")
@pytest.mark.parametrize(
    ("uri", "said"),
    [("", "address of a server is wanted"), ("mlruns", "maintenance mode"), ("no://x", "unsupp")],
)
def test_an_address_that_mlflow_does_not_take_is_refused(uri, said, tmp_path, monkeypatch):
    """In MLflow's own words, of a folder too; exit code 2 is that of a UsageError."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"--mlflow.*{said}"):
        MlflowServer(uri)


@needs_server
@pytest.mark.filterwarnings("ignore:The ``noload`` loader:DeprecationWarning")  # in mlflow itself
def test_a_database_without_a_server_takes_runs_and_gives_them_back(covidreport, tmp_path):
    """It is written by the client; what is named is the database and the run's id in it."""
    write_scored_run(tmp_path / "runs" / "good")
    where = ("--mlflow", "sqlite:///mlflow.db")
    done = covidreport("push", *where)
    assert done.code == 0, done.err
    (run,) = _list(f"sqlite:///{tmp_path}/mlflow.db", "covidreport")
    assert done.out.split(maxsplit=2)[2] == f"sqlite:///mlflow.db (run {run.id})\n"
    assert run.metrics[SENSITIVITY] == 1
    assert covidreport("push", *where).out.startswith("unchanged")
    assert covidreport("pull", *where, "--output", "pulled").code == 0
    sent, back = (tmp_path / name / "good" / "run.json" for name in ("runs", "pulled"))
    assert back.read_bytes() == sent.read_bytes()


@needs_server
def test_a_plain_push_takes_nothing_back(covidreport, server, tmp_path):
    """Scores and model of an earlier push stay, until they are others here: then they would not
    be of the evaluation that stands there."""
    folder = tmp_path / "runs" / "good"
    write_brightness_model(folder / "model.onnx")
    evaluation = write_scored_run(folder)
    where = ("--mlflow", server, "--experiment", "kept")
    done = covidreport("push", *where, "--scores", "--models")
    assert done.out.strip().endswith("?workflowType=machine_learning")
    assert covidreport("push", *where).out.startswith("unchanged")
    (folder / "history.csv").unlink()
    assert covidreport("push", *where).out.startswith("updated")
    scores = f"evaluations/{evaluation.key}/scores.parquet"
    assert {scores, "model.onnx"} <= _pull_names(covidreport, where, tmp_path)
    write_scored_run(folder, covid=POOR)
    assert covidreport("push", *where).out.startswith("updated")
    names = _pull_names(covidreport, where, tmp_path)
    assert scores not in names
    assert "model.onnx" in names


def _pull_names(covidreport, where, tmp_path):
    assert covidreport("pull", *where, "--output", "pulled").code == 0
    back = tmp_path / "pulled" / "good"
    return {file.relative_to(back).as_posix() for file in back.rglob("*") if file.is_file()}


def _write_judged(folder, covid):
    """A run whose evaluation is of the model that stands beside it."""
    model = write_brightness_model(folder / "model.onnx")
    evaluation = write_scored_run(folder, covid=covid)
    file = folder / "evaluations" / evaluation.key / "evaluation.json"
    of_model = f'"model": {{"sha256": "{identify_model(model).sha256}"}}, "versions"'
    file.write_text(file.read_text().replace('"versions"', of_model))


@needs_server
def test_a_registered_model_is_the_baseline_and_only_a_pass_takes_its_alias(
    covidreport, server, tmp_path, monkeypatch
):
    """By hand: `poor` misses 2 of 4 that `good` finds. Both become versions, each with its verdict;
    the alias stays with the first, which is what `gate` compares with."""
    from mlflow import MlflowClient

    for name, covid in (("good", GOOD), ("poor", POOR)):
        _write_judged(tmp_path / "runs" / name, covid)
    words = ("--mlflow", server, "--experiment", "registry", "--register", "net", "--scores")
    done = covidreport("push", "runs/good", *words, "--alias", "champion")
    assert (done.code, done.out) == (2, "")
    assert "there is nothing to judge by" in done.err
    (tmp_path / "covidreport.toml").write_text(LIMIT)
    done = covidreport("push", "runs/good", *words, "--alias", "champion")
    assert (done.code, done.out.splitlines()[-1:]) == (0, ["registered net, version 1: pass"])

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    champion = "models:/net@champion"
    asked = ("gate", "runs/poor", "--baseline", champion, "--json")
    done = covidreport(*asked)
    (verdict,) = json.loads(done.out)["verdicts"]
    assert (done.code, verdict["outcome"]) == (1, "fail")
    assert (verdict["baseline"]["source"], verdict["baseline"]["run"]) == (champion, "good")
    assert [each["difference"] for each in verdict["comparisons"]] == [-0.5, 0]

    (tmp_path / "covidreport.toml").write_text(f'baseline = "{champion}"\n{LIMIT}')
    done = covidreport("push", "runs/poor", *words, "--alias", "champion")
    assert (done.code, done.out.splitlines()[-1:]) == (1, ["registered net, version 2: fail"])
    assert "the alias stays where it is" in done.err
    client = MlflowClient(server)
    assert client.get_model_version_by_alias("net", "champion").version in (1, "1")
    tags = client.get_model_version("net", "2").tags
    assert (tags["covidreport.verdict"], tags["covidreport.missed"]) == ("fail", "2")
    assert tags["covidreport.baseline"] == "good"
    assert covidreport("push", "runs/poor", *words).code == 0
    assert len(client.search_model_versions("name = 'net'")) == 2  # it is a version already

    done = covidreport("gate", "runs/poor", "--baseline", "models:/net@nobody")
    assert done.code == 3
    assert "looking for 'net', nobody" in done.err
    write_scored_run(tmp_path / "runs" / "bare")
    done = covidreport("push", "runs/bare", *words)
    assert (done.code, "there is no model to register" in done.err) == (3, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("gate", "runs", "--baseline", "models:/net"), "models:/NAME@ALIAS or models:/NAME/VERS"),
        (("gate", "runs", "--baseline", "models:/net@a"), "set MLFLOW_TRACKING_URI"),
        (("push", "--mlflow", "x", "--alias", "a"), "--alias names a registered version: give --r"),
        (("push", "--hub", "a/b", "--register", "a"), "--register is MLflow's: leave --hub out"),
        (("push", "--mlflow", "x", "--register", "a", "--alias", "b"), "--alias is of one run"),
    ],
)
def test_what_can_not_be_registered_or_fetched_is_said(
    covidreport, tmp_path, monkeypatch, words, message
):
    """With what would make sense, before a server is asked."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("good", "poor"):
        write_scored_run(tmp_path / "runs" / name)
    done = covidreport(*words)
    assert (done.code, message in done.err) == (2, True), done.err


def test_passwords_are_hidden():
    """User and password go; the rest stays."""
    assert hide_password("https://me:x@host:8/a") == "https://host:8/a"
    assert hide_password("http://host:8") == "http://host:8"


@pytest.mark.parametrize("text", ["a|b", "../up", "a//b", "x" * 300, "/", "ä", "a\nb"])
def test_keys_are_what_mlflow_takes_and_stay_apart(text):
    """Allowed characters, a plain path, at most 250; two keys never become one."""
    key = name_key(text)
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-. :/")
    assert len(key) <= 250
    assert not key.startswith("/")
    assert ".." not in key.split("/")
    assert key != name_key(f"{text}!")
    assert name_key("cxr-validation/covid-19/fn") == "cxr-validation/covid-19/fn"


def test_the_identity_is_of_name_model_and_parameters(tmp_path):
    """Figures don't change it; a model trained again, or another seed, does."""
    identities = []
    for seed, covid, model in ((0, POOR, "m"), (0, POOR, "n"), (1, POOR, "m")):
        write_scored_run(tmp_path / "good", covid=covid, seed=seed)
        run = read_run(tmp_path / "good")
        identities.append(gather_facts(run, read_evaluations(run)[0], model).identity)
    write_scored_run(tmp_path / "good")
    run = read_run(tmp_path / "good")
    assert gather_facts(run, read_evaluations(run)[0], "m").identity == identities[0]
    assert len(set(identities)) == 3


@pytest.mark.parametrize(
    ("folder", "path"),
    [("good", "../up"), ("good", "/etc/x"), ("..", "run.json"), ("good", "a\\b"), (".ssh", "x")],
)
def test_a_list_that_leads_out_of_the_folder_is_refused(folder, path):
    """What a server says is not believed."""
    rows = {path: {"sha256": "0", "bytes": 1}}
    text = json.dumps({"schema": LIST_SCHEMA, "folder": folder, "files": rows})
    with pytest.raises(StoreError, match="no place in a run folder"):
        read_list(text, "there")
