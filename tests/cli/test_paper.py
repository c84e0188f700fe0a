"""What a paper needs, from the data to its files: Table 1, the flow of images, the checklists."""

from __future__ import annotations

import csv
import json

import pytest

from covidreport.store import SCORES_FILE, read_scores
from tests.cli.command import run_command, write_project

STUDY = '[study]\nsetting = "two hospitals"\nfunding = "none"\n'
EXTRA = {"patient_id": "aabbcccc", "age": ("34Y", "41", "", "95", "50", "61", "20", "70"),
         "sex": "FFMMFFMF"}  # fmt: skip


def _add_columns(folder, columns):
    """The manifest of `write_project` with more columns; in the order of its rows."""
    path = folder / "data" / "manifest.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    for place, row in enumerate(rows):
        row |= {name: cells[place] for name, cells in columns.items()}
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


@pytest.fixture
def study(tmp_path):
    """Seven images of four patients in the split, one more in another, and two runs."""
    folder = write_project(tmp_path, base=100, new=85)
    with (folder / "covidreport.toml").open("a") as file:
        file.write(STUDY)
    _add_columns(folder, EXTRA)
    return folder


def _call(folder, *words):
    done = run_command(folder, *words)
    assert done.returncode == 0, done.stderr
    return done


def _report(folder):
    _call(folder, "render", "--format", "json", "--output", "report.json")
    return json.loads((folder / "report.json").read_text())


def test_a_report_tells_whom_its_images_show_and_where_they_come_from(study):
    """By patient: ages are the lowest of a patient, in completed years, at most 90."""
    _call(study, "evaluate")
    report = _report(study)
    cohort = report["cohorts"][0]
    every, covid = cohort["columns"][:2]

    assert (every["label"], every["images"], every["patients"]) == ("", 7, 3)
    assert every["age"] == {"known": 3, "unknown": 0, "median": 34.0, "lower": 27.0, "upper": 62.0}
    assert (covid["label"], covid["images"], covid["patients"]) == ("covid-19", 3, 2)
    assert every["several"]["sex"] == 1  # c's images are of both
    assert report["flow"]["other_splits"] == {"train": 1}
    assert report["flow"]["left_out"] == {}
    assert report["flow"]["positive_patients"] == 2
    assert report["study"]["setting"] == "two hospitals"


def test_ages_that_are_stated_later_are_taken_in(study):
    """Stored scores are written again with them; the same once more writes nothing."""
    _add_columns(study, {"age": [""] * 8})
    _call(study, "evaluate")
    assert _report(study)["cohorts"][0]["columns"][0]["age"]["known"] == 0
    _add_columns(study, EXTRA)
    _call(study, "evaluate")
    assert _report(study)["cohorts"][0]["columns"][0]["age"]["known"] == 3
    file = next((study / "runs" / "base").glob(f"evaluations/*/{SCORES_FILE}"))
    ages = read_scores(file).ages
    assert ages is not None
    assert ages.tolist() == [34, 41, -1, 90, 50, 61, 20]
    before = file.read_bytes()
    _call(study, "evaluate")
    assert file.read_bytes() == before


def test_checklists_are_written_as_their_files_are_called(study):
    """Each by its suffix; without a name as Markdown, several at once."""
    _call(study, "evaluate")
    done = _call(study, "export", "--checklist", "stard", "--checklist", "claim")
    assert done.stdout.split() == ["stard.md", "claim.md"]
    assert (
        "| 30 | Funding, and the funders’ role | Study: Funding (#study-funding) |"
        in (study / "stard.md").read_text()
    )
    _call(study, "export", "runs", "--checklist", "tripod-ai", "--output", "t.json")
    items = {one["item"]: one for one in json.loads((study / "t.json").read_text())["items"]}
    assert items["18a"]["where"] == [{"anchor": "study-funding", "title": "Study: Funding"}]
    assert items["5b"]["reported"] is False
    assert items["20a"]["where"][0]["anchor"] == "flow"


def test_a_paper_s_files_are_written(study):
    """The document as LaTeX, and the charts in one folder."""
    _call(study, "evaluate")
    done = _call(study, "render", "--format", "latex", "--output", "paper.tex")
    assert done.stdout.split() == ["paper.tex"]
    text = (study / "paper.tex").read_text()
    assert r"\item[{Setting}] two hospitals" in text
    assert r"\begin{filecontents*}[overwrite]{\jobname.bib}" in text
    assert "onnxruntime" in text
    done = _call(study, "export", "--figures", "figures")
    assert {"figures/ranking.svg", "figures/ranking.pdf", "figures/flow.svg"} <= set(
        done.stdout.split()
    )
    assert {path.suffix for path in (study / "figures").iterdir()} == {".svg", ".pdf"}


def test_a_document_is_no_text(study):
    """It has no place on stdout; without pandoc it is said what to install."""
    done = run_command(study, "render", "--format", "docx", "--output", "-")
    assert done.returncode == 2
    assert "--format docx is no text: give --output a file" in done.stderr
    _call(study, "evaluate")
    done = run_command(study, "render", "--format", "docx", PATH="")
    assert done.returncode == 2
    assert "made by pandoc, which is not installed" in done.stderr
    assert not (study / "report.docx").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to write"),
        (("--checklist", "consort"), "no checklist is called 'consort'; one of stard, tripod-ai"),
        (("--checklist", "stard", "--output", "stard.pdf"), "a checklist is written as .md, .html"),
        (
            ("--checklist", "stard", "--checklist", "claim", "--output", "a.md"),
            "of one --checklist",
        ),
        (("--dvc", "dvc"), "--dvc and --model-card are of one run"),
    ],
)
def test_what_can_not_be_written_is_refused(study, words, said):
    """Before anything is read."""
    done = run_command(study, "export", *words)
    assert done.returncode == 2
    assert said in done.stderr
