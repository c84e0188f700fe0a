"""docs/formats.md promises what the code does, for every format that stands in a file."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from covidreport.audit.document import AUDIT
from covidreport.gate.evidence import BASELINE
from covidreport.integrations.verdict_json import VERDICT_SCHEMA
from covidreport.report.json import REPORT_SCHEMA
from covidreport.storage import codec, evaluation, kit, maps, parts, reference, scores, thumbnails
from covidreport.storage.migrate import KINDS
from covidreport.storage.words import RUN_SCHEMA
from tests.cli.command import run_command
from tests.storage.test_written import TODAY, WRITTEN

PAGE = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| `(covidreport\.[^`]+)` \| (.+?) \| ([\w ]+) \|$", PAGE, re.M)
FORMATS = (
    evaluation.EVALUATION, evaluation.FAILURE, evaluation.THRESHOLDS, reference.REFERENCE,
    maps.MAPS, parts.PART, kit.KIT, kit.ANSWER, BASELINE, AUDIT,
)  # fmt: skip


def test_every_format_has_its_row_with_todays_version():
    """Those of the codec, and the three that have none."""
    listed = {schema for _, schema, _, _ in ROWS}
    others = {VERDICT_SCHEMA, REPORT_SCHEMA, RUN_SCHEMA, scores.SCORES_SCHEMA,
              thumbnails.THUMBNAILS_SCHEMA}  # fmt: skip
    assert listed == {each.schema for each in FORMATS} | others
    assert all(isinstance(each, codec.FileFormat) for each in FORMATS)


def test_what_is_migrated_is_what_the_command_takes():
    """The files of a run folder, and two that are named."""
    migrated = {file.rsplit("/", 1)[-1] for file, _, _, how in ROWS if how == "yes"}
    assert migrated == {kind.rsplit("/", 1)[-1] for kind in KINDS} | {"baseline.json", "audit.json"}


def test_versions_that_were_left_are_read_and_stay_in_the_tests():
    """An earlier version has a step to the next, and a stored file of its own."""
    stored = {json.loads(file.read_text()).get("schema") for file in WRITTEN.rglob("*.json")}
    for each in FORMATS:
        name, _, number = each.schema.partition("/")
        earlier = {f"{name}/{n}" for n in range(1, int(number))}
        assert set(each.migrations) == earlier
        assert earlier <= stored


def test_the_columns_are_those_of_stored_scores():
    """Each column of a stored file is in the table, with its type."""
    rows = dict(
        re.findall(r"^\| `([\w.:]+)` \| ([\w ]+) \|", PAGE.split("## scores.parquet")[1], re.M)
    )
    schema = pq.read_schema(WRITTEN / TODAY / "scores.parquet")
    for column in schema:
        head, dot, _ = column.name.partition(".")
        (row,) = [name for name in rows if name.partition(".")[:2] == (head, dot)]
        assert str(column.type) in rows[row].split(" or "), column


def test_the_commands_of_the_page_run(tmp_path):
    """In a folder of runs of an earlier version."""
    shutil.copytree(WRITTEN / "2-details", tmp_path / "runs" / "a", ignore=_but_thresholds)
    (tmp_path / "runs" / "a" / "run.json").write_text('{"schema": "covidreport.run/1"}')
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    for line, verb in zip(block.splitlines(), ("would be written", "written"), strict=True):
        program, *words = line.split("#")[0].split()
        assert program == "covidreport"
        done = run_command(tmp_path, *words)
        assert done.returncode == 0, done.stderr
        said = f"{verb} anew: runs/a/thresholds.json\n1 of 1 file {verb} anew\n"
        assert done.stdout == said


def _but_thresholds(_, names):
    return [name for name in names if name != "thresholds.json"]
