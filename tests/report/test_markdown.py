"""The Markdown file: what GitHub shows is what the data say."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from covidreport.report.blocks import Column, Count, Room, Row, Table
from covidreport.report.first_look import MOST_COLUMNS, MOST_ROWS, describe_whole, take_first
from covidreport.report.formats import render_comment, render_markdown
from covidreport.report.markdown import COMMENT_LIMIT, MARKDOWN, escape_markdown
from covidreport.report.view import view_report
from tests.report.blocks import list_tables, read_lines
from tests.report.reading import read_markdown, show_markdown
from tests.report.study import many_runs


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("exp15-vgg16-bce-frozen", "exp15-vgg16-bce-frozen"),
        ("0.714 (20 of 28; 95 % CI 0.529 to 0.847)", "0.714 (20 of 28; 95 % CI 0.529 to 0.847)"),
        ("a|b", "a\\|b"),
        ("<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"),
        ("`code` *b* _i_ ~s~ $m$", "\\`code\\` \\*b\\* \\_i\\_ \\~s\\~ \\$m\\$"),
        ("[x](y)", "\\[x\\](y)"),
        ("back\\slash", "back\\\\slash"),
        ("# title", "\\# title"),
        ("- item", "\\- item"),
        ("1. first", "1\\. first"),
        ("1.5 is a number", "1.5 is a number"),
        ("&lt;", "\\&lt;"),
        ("R&D", "R\\&D"),
        ("two\nlines", "two lines"),
        ("http://evil.example", "http\\://evil.example"),
        ("www.evil.example", "www\\.evil.example"),
    ],
)
def test_text_is_escaped_where_it_could_be_markup(text, escaped):
    """Plain names stay readable; a backslash goes before what Markdown would take as its own."""
    assert escape_markdown(text) == escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tp / (tp + fn)", "`tp / (tp + fn)`"),
        ("a_b*c", "`a_b*c`"),
        ("a | b", escape_markdown("a | b")),
        ("a ` b", escape_markdown("a ` b")),
        ("", ""),
    ],
)
def test_code_stands_between_backticks_where_they_can_hold_it(text, shown):
    """A pipe would end the cell of a table, a backtick the code: then it is plain."""
    assert MARKDOWN.write_code(text) == shown


@given(st.text())
def test_escaped_text_never_breaks_a_table(text):
    """Whatever a name holds: one line, no bare pipe, no tag, no code, no link."""
    escaped = escape_markdown(text)
    bare = re.sub(r"\\.", "", escaped)

    assert len(escaped.splitlines()) <= 1
    assert not set(bare) & set("|<>`*_[]")


def test_a_table_has_as_many_cells_in_each_row(study, hostile, everything):
    """A pipe in a name would add a column and shift every figure behind it."""
    for data in (study, hostile, everything):
        blocks = re.findall(r"(?:^\|.*\n)+", render_markdown(data), re.M)

        assert len(blocks) > 10
        for block in blocks:
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(widths) == 1


def test_the_ranking_reads_as_it_should(study):
    """The first rows of the ranking, asserted to the letter: at once, and whole."""
    text = render_markdown(study)

    assert (
        "| Rank | Run | Block | Missed (of 28) | False alarms (of 600) | Sensitivity (95 % CI) | "
        "Specificity (95 % CI) |\n"
        "| ---: | --- | --- | ---: | ---: | ---: | ---: |\n"
        "| 1 | **exp15-vgg16-bce-frozen** | 4b | 8 | 195 | "
        "0.714 (0.529 to 0.847) | 0.675 (0.636 to 0.711) |\n"
        "| 2 | exp3-resnet18-bce | 1 | 10 | 204 | "
        "0.643 (0.458 to 0.793) | 0.660 (0.621 to 0.697) |\n"
    ) in text
    assert (
        "| Rank | Run | Block | Missed (of 28) | Found (of 28) | False alarms (of 600) | "
        "Sensitivity (95 % CI) | Specificity (95 % CI) | F1 (COVID-19) | Micro F1 (all labels) | "
        "Label accuracy (all labels) | Exact match (all labels) |\n"
        "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| 1 | **exp15-vgg16-bce-frozen** | 4b | 8 | 20 | 195 | "
        "0.714 (20 of 28; 95 % CI 0.529 to 0.847) | 0.675 (405 of 600; 95 % CI 0.636 to 0.711) | "
        "0.165 | 0.806 | 0.850 | – |\n"
        "| 2 | exp3-resnet18-bce | 1 | 10 | 18 | 204 | "
        "0.643 (18 of 28; 95 % CI 0.458 to 0.793) | 0.660 (396 of 600; 95 % CI 0.621 to 0.697) | "
        "– | 0.806 | 0.850 | – |\n"
    ) in text


def test_runs_without_a_rank_or_without_figures_have_their_reasons(study):
    """Nothing is dropped without a word."""
    text = render_markdown(study)

    assert "| exp9-vgg16-focal | 28 | 0 | 0 | Calls 628 of 628 images negative |" in text
    assert "| exp99-broken | load | there is no model.onnx in runs/99 |" in text


def test_matrices_have_actual_in_rows_and_predicted_in_columns(study):
    """The layout of the reference study: no before yes."""
    text = render_markdown(study)

    assert (
        "| Label | actual | predicted no | predicted yes |\n"
        "| --- | --- | ---: | ---: |\n"
        "| COVID-19 | no | 405 (true negatives 0.675) | 195 (false positives 0.325) |\n"
        "| COVID-19 | yes | 8 (false negatives 0.286) | 20 (true positives 0.714) |\n"
        "| normal | no | 200 (true negatives 0.877) | 28 (false positives 0.123) |\n"
        "| normal | yes | 13 (false negatives 0.032) | 387 (true positives 0.968) |\n"
    ) in text
    assert "| COVID-19 | no | 3,832 (true negatives 0.958) | 168 (false positives 0.042) |" in text


def test_no_html_but_folds_and_the_marker(hostile):
    """Names give no tag; ours are those that GitHub and GitLab both let through."""
    text = re.sub(r"\\.", "", render_markdown(hostile))
    marker, rest = text.split("\n", 1)

    assert marker == "<!-- covidreport:report -->"
    assert set(re.findall(r"<[^>]*>?", rest)) == {
        "<details>", "</details>", "<summary>", "</summary>"
    }  # fmt: skip


def _walk(page: str) -> list[str]:
    """The folds of a page in order: each summary, and each end of a fold."""
    return re.findall(r"<summary>.*?</summary>|</details>", page, re.S)


@pytest.mark.parametrize("name", ["study", "hostile", "compared", "detailed", "everything"])
def test_what_stands_in_a_fold_is_read_as_markdown(request, name):
    """Every fold closes, its summary is escaped as HTML, and tables in it are tables."""
    text = render_markdown(request.getfixturevalue(name))
    page = show_markdown(text)

    folds = _walk(page)
    assert page.count("<details>") == page.count("</details>") == len(folds) / 2 > 4
    depth = 0
    for one in folds:
        depth += 1 if one.startswith("<summary>") else -1
        assert depth >= 0
    assert all(re.match(r"<summary>[^<]+</summary>$", one) for one in folds if "<summary" in one)
    assert page.count("<table>") == len(re.findall(r"^\| (?:---:?|---) \|", text, re.M)) > 10
    assert "| ---" not in page


def test_a_table_is_shown_cell_by_cell_as_the_view_has_it(hostile):
    """The parser that stands for GitHub's gives back every cell, whatever the names hold."""
    table = list_tables(view_report(hostile).sections["ranking"][0])[0]
    page = show_markdown(render_markdown(hostile))
    shown = next(
        part
        for part in re.findall(r"<table>.*?</table>", page, re.S)
        if "Sensitivity" in part and "Found" in part
    )
    rows = [
        [unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<td.*?</td>", row, re.S)]
        for row in re.findall(r"<tr>.*?</tr>", shown, re.S)
    ]

    assert rows[1:] == read_lines(table)


def test_the_best_run_stands_above_all_folds_and_long_parts_are_folded(study):
    """Who opens the comment sees the answer and the ranking at once."""
    text = render_markdown(study)
    before, rest = text.split("| 1 | **exp15-vgg16-bce-frozen** |", 1)

    assert "misses the fewest" in before.split("<details>", 1)[0]
    assert before.count("<details>") == before.count("</details>")
    assert "<summary>exp15-vgg16-bce-frozen: rank 1 · experiment 15 · block 4b" in rest
    assert "<summary>How figures were made, and what each means</summary>" in rest


@pytest.mark.parametrize("runs", [18, 60, 500])
def test_a_long_report_fits_a_comment_and_says_what_is_missing(study, runs):
    """What matters most stays: the answer, the first ranks, the findings."""
    text = render_comment(many_runs(study, runs))

    assert 58_000 < len(text) <= COMMENT_LIMIT
    (sentence,) = re.findall(r"^Left out to stay under 65,000 characters: .*$", text, re.M)
    assert "of Runs" in sentence
    assert text.index(sentence) > text.rindex("\n## ")
    assert sentence.endswith("`report.md` and the HTML report of the same runs have them.")
    assert "exp001" in text
    assert "The splits differ" in text
    assert "Runs are ordered by the fewest missed" in text
    assert show_markdown(text).count("<details>") == text.count("</details>")
    ranks = [int(rank) for rank in re.findall(r"^\| (\d+) \| \**exp", text, re.M)]
    left = re.search(r"of Ranking (\d+) (?:of 440 )?rows", sentence)
    shown = min(runs, 60)
    assert ranks[:MOST_ROWS] == list(range(1, MOST_ROWS + 1))
    assert ranks[MOST_ROWS : MOST_ROWS + shown] == list(range(1, shown + 1))
    assert (left is not None) == (runs == 500)
    if left:
        assert len(set(ranks)) == 500 - int(left[1])


def test_a_long_report_of_scores_keeps_what_matters_most(everything):
    """Sections of all runs stay before the details of each, and what is gone is named."""
    whole, text = render_markdown(everything), render_comment(everything)
    shown = show_markdown(text)

    assert len(whole) > 80_000
    assert 58_000 < len(text) <= COMMENT_LIMIT
    (sentence,) = re.findall(r"^Left out to stay under 65,000 characters: .*$", text, re.M)
    assert "of At the same specificity" in sentence
    titles = re.findall(r"<h2>(.*?)</h2>", show_markdown(whole))
    kept = re.findall(r"<h2>(.*?)</h2>", shown)
    assert kept == titles[: len(kept)]
    # the first of the appendix: all of the evidence stands
    assert "At the same specificity" in kept
    assert [title for title in titles[len(kept) :] if title not in sentence] == []
    assert shown.count("<details>") == shown.count("</details>")
    assert shown.count("<table>") == len(re.findall(r"^\| (?:---:?|---) \|", text, re.M)) > 20


def test_runs_that_can_not_be_told_from_the_best_are_set_off(compared):
    """As the page does, by a line between two rows of the ranking."""
    ranked = list_tables(view_report(compared).sections["ranking"][0])[0]
    (place,) = (i for i, row in enumerate(ranked.rows) if row.divide)
    lines = [line for line in render_markdown(compared).splitlines() if line.startswith("| ")]
    line = next(i for i, line in enumerate(lines) if "*Above: " in line)

    assert lines[line].startswith(f"| | *{ranked.rows[place].divide}* | |")
    assert lines[line + 1].startswith(f"| {read_lines(ranked)[place][0]} | ")


def test_a_report_that_fits_is_whole_and_says_nothing_of_a_limit(study):
    """The sentence stands where something is missing, and there alone."""
    text = render_comment(study)

    assert text == render_markdown(study)
    assert "Left out" not in text


def test_a_file_is_whole_however_long_it_is(study):
    """Each of 60 runs stands in the ranking and in its own section, far beyond a comment."""
    text = render_markdown(many_runs(study, 60))

    assert len(text) > COMMENT_LIMIT
    assert "Left out" not in text
    for number in range(1, 60):
        assert len(re.findall(rf"exp{number:03}", text)) >= 2


def test_twelve_rows_stand_at_once_and_the_baselines(study):
    """The rest is folded with all columns; in a fold nothing is folded again for its length."""
    text = render_markdown(many_runs(study, 60))
    shown = show_markdown(text)
    outside = re.sub(r"<details>.*?</details>", "", _unnest(shown), flags=re.S)
    tables = re.findall(r"<table>.*?</table>", outside, re.S)

    assert len(tables) >= 1
    assert max(table.count("<tr>") - 1 for table in tables) == MOST_ROWS
    assert max(len(re.findall("<th[ >]", table)) for table in tables) <= MOST_COLUMNS
    (fold,) = re.findall(r"<summary>The whole table: 60 rows, also [^<]+</summary>", shown)
    assert "Found" in fold
    whole = shown[shown.index(fold) :].split("</table>")[0]
    assert whole.count("<tr>") - 1 == 60


def _unnest(page: str) -> str:
    """The page without what is folded in a fold."""
    inner = r"<details>((?:(?!</?details>).)*)</details>"
    while re.search(inner, page, re.S):
        page = re.sub(inner, "", page, flags=re.S)
    return page


def _table(rows: int, baseline: int) -> Table:
    columns = (Column("Run", kind="name"), Column("Missed", kind="count"))
    return Table(
        "Runs", columns, tuple(Row((f"run-{at}", Count(at)), baseline=at == baseline)
                               for at in range(rows)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "baseline", "shown"),
    [
        (12, 3, [*range(12)]),
        (13, 3, [*range(12)]),
        (30, 25, [*range(12), 25]),
        (13, 12, [*range(13)]),
    ],
)
def test_the_baseline_stands_wherever_it_is(rows, baseline, shown):
    """Behind the first twelve where it is none of them; a table that is all there is itself."""
    table = _table(rows, baseline)
    first = take_first(table)

    assert [row.cells[0] for row in first.rows] == [f"run-{at}" for at in shown]
    assert (first is table) == (len(shown) == rows)


def test_columns_go_as_a_page_leaves_them_out():
    """Of nine those first that are asked for, then what is wide; seven stand, all that must do."""
    rooms: tuple[Room, ...] = (
        "always",
        "wide",
        "asked",
        "medium",
        "always",
        "always",
        "medium",
        "always",
        "always",
    )
    columns = tuple(Column(f"c{at}", room=room) for at, room in enumerate(rooms))
    table = Table("Many", columns, (Row(tuple(map(str, range(9)))),))
    first = take_first(table)

    assert [column.title for column in first.columns] == ["c0", "c3", "c4", "c5", "c6", "c7", "c8"]
    assert first.rows[0].cells == ("0", "3", "4", "5", "6", "7", "8")
    assert describe_whole(table) == "The whole table: 1 row, also c1 and c2"


def test_names_that_speak_to_a_forge_are_only_names(study):
    """Nobody is called by an @name, and a line that begins with / is no command to GitLab."""
    run = replace(study.runs[1].run, name="@octo/team", settings={"description": "/merge now"})
    text = render_markdown(replace(study, runs=(replace(study.runs[1], run=run),), rankings=()))

    assert not re.search(r"@\w", text)
    assert not re.search(r"^/", text, re.M)
    assert "@octo/team" in read_markdown(text)
    assert "/merge now" in read_markdown(text)
