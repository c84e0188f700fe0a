"""The comparer of drawn reports: seeded changes to a small report are all found, and told where."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

import pytest

from benchmarks.drawn_reports.__main__ import main
from benchmarks.drawn_reports.compare import compare_reports
from benchmarks.drawn_reports.draw import add_counts_alone, draw_reports
from benchmarks.drawn_reports.match import match
from benchmarks.drawn_reports.read import read_html, read_markdown, read_page
from benchmarks.drawn_reports.records import Section, Table
from benchmarks.drawn_reports.tree import read_elements
from tests.report.scored_runs import write_runs
from tests.report.tree import classes_of

SEEDS = range(2)


@dataclass(frozen=True)
class Drawn:
    """A report of three runs with scores and one of counts alone, as it was drawn and as read."""

    folder: Path
    said: list[str]
    tree: Element
    text: str
    html: Section
    markdown: Section


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Drawn:
    folder = tmp_path_factory.mktemp("drawn")
    runs = folder / "runs"
    first, *_ = write_runs(runs / "demo", runs=3, images=80)
    add_counts_alone(first.folder, runs / "demo" / "counts")
    shutil.copytree(runs / "demo", runs / "sixty-runs")  # as if both had been made already
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVIDREPORT_CXR", raising=False)
        said = list(draw_reports(folder, runs, None))
    tree = read_elements((folder / "sixty-runs.html").read_text())
    text = (folder / "sixty-runs.whole.md").read_text()
    return Drawn(folder, said, tree, text, read_page(tree), read_markdown(text))


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - picks what is changed


# Changes of a page: each takes its tree and a source of chance


class Page:
    """A page's tree, in which parts are picked by chance and changed."""

    def __init__(self, tree: Element, seed: int) -> None:
        self.tree, self.chance = tree, _chance(seed)
        self.parents = {child: parent for parent in tree.iter() for child in parent}

    def all(self, tag: str, test: Callable[[Element], object] = bool) -> list[Element]:
        return [each for each in self.tree.iter(tag) if test is bool or test(each)]

    def pick(self, tag: str, test: Callable[[Element], object] = bool) -> Element:
        return self.chance.choice(self.all(tag, test))

    def section(self, name: str) -> Element:
        return next(each for each in self.tree.iter("section") if each.get("id") == name)

    def remove(self, element: Element) -> None:
        parent = self.parents[element]
        at = list(parent).index(element)
        tail = element.tail or ""
        if at:
            parent[at - 1].tail = (parent[at - 1].tail or "") + tail
        else:
            parent.text = (parent.text or "") + tail
        parent.remove(element)

    def swap(self, one: Element, other: Element) -> None:
        for name in ("tag", "text", "attrib"):
            ours, theirs = getattr(one, name), getattr(other, name)
            setattr(one, name, theirs)
            setattr(other, name, ours)
        one[:], other[:] = list(other), list(one)


def _rows(page: Page, table: str) -> list[Element]:
    found = page.pick("table", lambda each: table in classes_of(each))
    return list(next(found.iter("tbody")))


def _digit(page: Page) -> None:
    value = page.pick("b", lambda e: re.search(r"\d", e.text or ""))
    value.text = re.sub(
        r"\d", lambda found: str((int(found[0]) + 1) % 10), value.text or "", count=1
    )


def _lost_row(page: Page) -> None:
    body = page.pick("tbody", lambda each: len(each) > 1)
    page.remove(page.chance.choice(list(body)))


def _swapped_cells(page: Page) -> None:
    row = page.pick("tr", lambda e: len({_text(cell) for cell in e.findall("td")}) > 1)
    cells = row.findall("td")
    one = page.chance.choice(cells)
    page.swap(one, page.chance.choice([each for each in cells if _text(each) != _text(one)]))


def _swapped_rows(page: Page) -> None:
    rows = _rows(page, page.chance.choice(["ranked", "pairs", "sides"]))
    at = page.chance.randrange(len(rows) - 1)
    page.swap(rows[at], rows[at + 1])


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _has(name: str) -> Callable[[Element], object]:
    return lambda each: name in classes_of(each)


def _lost_note(page: Page) -> None:
    page.remove(page.pick("i", lambda e: _text(e)))


def _lost_sentence(page: Page) -> None:
    page.remove(page.pick("p", lambda e: classes_of(e) & {"lead", "remark", "doubt", "key"}))


def _reworded_sentence(page: Page) -> None:
    sentence = page.pick("p", lambda e: len(_text(e).split()) > 8 and not len(e))
    words = (sentence.text or "").split()
    words[page.chance.randrange(len(words))] = "never"
    sentence.text = " ".join(words)


def _caption(page: Page) -> None:
    caption = page.pick("caption")
    caption[0].text = f"{caption[0].text} on other images"


def _moved_section(page: Page) -> None:
    main = next(page.tree.iter("main"))
    section = page.chance.choice(list(main)[:-1])
    main.remove(section)
    main.append(section)


def _lost_section(page: Page) -> None:
    main = next(page.tree.iter("main"))
    main.remove(page.chance.choice(list(main)))


def _lost_link(page: Page) -> None:
    link = page.pick("a", lambda e: page.parents[e].tag in ("th", "li", "td"))
    link.tag = "span"
    link.attrib.clear()


def _other_link(page: Page) -> None:
    link = page.pick("a", lambda e: e.get("href", "").startswith("#run-"))
    others = {e.get("href", "") for e in page.all("a") if e.get("href", "").startswith("#run-")}
    link.set("href", page.chance.choice(sorted(others - {link.get("href", "")})))


def _link_to_nowhere(page: Page) -> None:
    page.pick("a", lambda e: e.get("href", "").startswith("#")).set("href", "#gone")


def _lost_mark(page: Page) -> None:
    row = page.pick("tr", _has("alike"))
    row.set("class", " ".join(sorted(classes_of(row) - {"alike"})))


def _other_mark(page: Page) -> None:
    row = page.pick("tr", lambda e: "alike" in classes_of(e) and "best" not in classes_of(e))
    row.set("class", "best")


def _hidden_row(page: Page) -> None:
    page.chance.choice(_rows(page, "ranked")).set("hidden", "")


def _lost_item(page: Page) -> None:
    page.remove(page.pick("li"))


def _lost_fact(page: Page) -> None:
    page.remove(page.parents[page.pick("dd", lambda e: page.parents[e].tag == "div")])


def _lost_column(page: Page) -> None:
    table = page.pick("table", _has("ranked"))
    at = page.chance.randrange(3, 8)
    for row in list(table.iter("tr")):
        page.remove(list(row)[at])


def _head(page: Page) -> None:
    head = page.pick("th", lambda e: e.get("scope") == "col" and len(e) and e[0].text)
    head[0].text = f"{head[0].text} too"


def _figure_caption(page: Page) -> None:
    caption = page.pick("figcaption")
    caption.text = f"{caption.text} of others"


def _alternative(page: Page) -> None:
    drawing = page.pick("div", _has("drawing"))
    label = drawing.get("aria-label", "")
    drawing.set("aria-label", re.sub(r"\d(?=\D*$)", lambda m: str((int(m[0]) + 1) % 10), label))


def _label_of_a_chart(page: Page) -> None:
    text = page.pick("text", lambda e: e.text)
    text.text = f"{text.text}9"


def _point_of_a_chart(page: Page) -> None:
    dot = page.pick("circle")
    dot.set("cx", str(float(dot.get("cx", "0")) + 1))


def _kind_of_a_dot(page: Page) -> None:
    tally = page.pick("figure", _has("tally"))
    page.chance.choice(list(tally.iter("circle"))[1:]).set("class", "another")


def _lost_table(page: Page) -> None:
    page.remove(page.pick("div", lambda e: "scroll" in classes_of(e)))


def _lost_chart(page: Page) -> None:
    page.remove(page.pick("div", _has("drawing")))


def _value_of_the_script(page: Page) -> None:
    data = next(each for each in page.all("script") if each.get("type") == "application/json")
    places = [found.start(1) for found in re.finditer(r"[\[,](\d)\.\d+[,\]]", data.text or "")]
    at, text = page.chance.choice(places), data.text or ""
    data.text = f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1 :]}"


def _unfolded(page: Page) -> None:
    fold = page.pick("details", lambda e: e.get("open") is None)
    fold.set("open", "")


def _emphasis(page: Page) -> None:
    page.pick("strong").tag = "span"


def _span(page: Page) -> None:
    cell = page.pick("th", lambda e: e.get("colspan", "1") > "1")
    cell.set("colspan", str(int(cell.get("colspan", "1")) - 1))


def _doubled_row(page: Page) -> None:
    rows = _rows(page, "ranked")
    page.parents[rows[0]].append(page.chance.choice(rows))


def _heading(page: Page) -> None:
    heading = page.pick("h2")
    heading.text = f"{heading.text} once more"


def _added_sentence(page: Page) -> None:
    SubElement(page.section("methods"), "p").text = "Nobody wrote this."


HTML_CHANGES: dict[Callable[[Page], None], str] = {
    _digit: "cell",
    _lost_row: "row lost",
    _swapped_cells: "cell",
    _swapped_rows: "row moved",
    _lost_note: "cell|sentence|caption",
    _lost_sentence: "lost",
    _reworded_sentence: "sentence",
    _caption: "caption",
    _moved_section: "moved",
    _lost_section: "lost",
    _lost_link: "links",
    _other_link: "links",
    _link_to_nowhere: "links",
    _lost_mark: "mark",
    _other_mark: "mark",
    _hidden_row: "mark",
    _lost_item: "lost",
    _lost_fact: "lost",
    _lost_column: "column lost",
    _head: "cell",
    _figure_caption: "caption",
    _alternative: "alternative",
    _label_of_a_chart: "texts|drawing",
    _point_of_a_chart: "shapes|drawing",
    _kind_of_a_dot: "shapes",
    _lost_table: "lost",
    _lost_chart: "lost",
    _value_of_the_script: "value",
    _unfolded: "kind of section",
    _emphasis: "sentence|cell",
    _span: "cell|column|row",
    _doubled_row: "row added",
    _heading: "heading",
    _added_sentence: "added",
}
"""Each change with what it is told as."""


@pytest.mark.parametrize("change", HTML_CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_a_change_of_a_page_is_found(drawn, change):
    """At two places picked by chance each, and in few words."""
    for seed in SEEDS:
        tree = deepcopy(drawn.tree)
        change(Page(tree, seed))
        found = compare_reports(drawn.html, read_page(tree))
        assert [each for each in found if re.search(HTML_CHANGES[change], each.what)]
        # A head that goes over fewer columns moves all that follow; the heading of the cases stands
        # in every link to one of them.
        assert len(found) <= 100


def _write(tree: Element) -> str:
    return tostring(tree, encoding="unicode", method="html")


# Changes of Markdown: each takes its lines


Lines = list[str]


def _table_rows(lines: Lines) -> list[int]:
    """The places of rows in the bodies of tables."""
    heads = {at for at, line in enumerate(lines) if re.fullmatch(r"\|( -+:? \|)+", line)}
    heads |= {at - 1 for at in heads}
    return [at for at, line in enumerate(lines) if line.startswith("|") and at not in heads]


def _in_row(lines: Lines, chance: random.Random, change: Callable[[Lines], None]) -> None:
    """Change the cells of one row."""
    wide = [at for at in _table_rows(lines) if lines[at].count(" | ") > 3]
    at = chance.choice(wide)
    cells = lines[at].strip("| ").split(" | ")
    change(cells)
    lines[at] = f"| {' | '.join(cells)} |"


def _md_digit(lines: Lines, chance: random.Random) -> None:
    rows = [at for at in _table_rows(lines) if re.search(r"\| \d", lines[at])]
    at = chance.choice(rows)
    lines[at] = re.sub(
        r"(?<=\| )\d", lambda found: str((int(found[0]) + 1) % 10), lines[at], count=1
    )


def _md_lost_row(lines: Lines, chance: random.Random) -> None:
    del lines[chance.choice(_table_rows(lines))]


def _md_swapped_cells(lines: Lines, chance: random.Random) -> None:
    def swap(cells: Lines) -> None:
        one = chance.randrange(len(cells))
        others = [at for at, cell in enumerate(cells) if cell != cells[one]]
        other = chance.choice(others)
        cells[one], cells[other] = cells[other], cells[one]

    _in_row(lines, chance, swap)


def _md_swapped_rows(lines: Lines, chance: random.Random) -> None:
    rows = set(_table_rows(lines))
    at = chance.choice([at for at in rows if at + 1 in rows and lines[at] != lines[at + 1]])
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def _md_lost_sentence(lines: Lines, chance: random.Random) -> None:
    del lines[
        chance.choice([at for at, line in enumerate(lines) if re.match(r"[A-Z][a-z]+ ", line)])
    ]


def _md_lost_item(lines: Lines, chance: random.Random) -> None:
    del lines[chance.choice([at for at, line in enumerate(lines) if line.startswith("- ")])]


def _md_caption(lines: Lines, chance: random.Random) -> None:
    captions = [
        at for at, line in enumerate(lines) if line.startswith("**") and line.endswith("**")
    ]
    at = chance.choice([at for at in captions if lines[at + 2].startswith("|")])
    lines[at] = f"{lines[at][:-2]} of others**"


def _md_moved_section(lines: Lines, chance: random.Random) -> None:
    heads = [at for at, line in enumerate(lines) if line.startswith("## ")]
    number = chance.randrange(len(heads) - 2)
    start, stop = heads[number], heads[number + 1]
    lines[:] = lines[:start] + lines[stop : heads[-1]] + lines[start:stop] + lines[heads[-1] :]


def _md_lost_bold(lines: Lines, chance: random.Random) -> None:
    rows = [at for at in _table_rows(lines) if "**" in lines[at]]
    at = chance.choice(rows)
    lines[at] = lines[at].replace("**", "")


def _md_lost_cell(lines: Lines, chance: random.Random) -> None:
    def clear(cells: Lines) -> None:
        cells[chance.choice([at for at, cell in enumerate(cells) if cell.strip()])] = ""

    _in_row(lines, chance, clear)


def _md_heading(lines: Lines, chance: random.Random) -> None:
    at = chance.choice([at for at, line in enumerate(lines) if line.startswith("## ")])
    lines[at] += " once more"


def _md_level(lines: Lines, chance: random.Random) -> None:
    at = chance.choice([at for at, line in enumerate(lines) if line.startswith("### ")])
    lines[at] = f"#{lines[at]}"


def _md_summary(lines: Lines, chance: random.Random) -> None:
    at = chance.choice([at for at, line in enumerate(lines) if line.startswith("<summary>")])
    lines[at] = lines[at].replace("</summary>", " and more</summary>")


MARKDOWN_CHANGES: dict[Callable[[Lines, random.Random], None], str] = {
    _md_digit: "cell",
    _md_lost_row: "row lost",
    _md_swapped_cells: "cell",
    _md_swapped_rows: "row moved|head",
    _md_lost_sentence: "lost",
    _md_lost_item: "lost",
    _md_caption: "caption",
    _md_moved_section: "moved",
    _md_lost_bold: "cell",
    _md_lost_cell: "cell",
    _md_heading: "heading",
    _md_level: "kind of section|lost",
    _md_summary: "heading",
}


@pytest.mark.parametrize("change", MARKDOWN_CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_a_change_of_markdown_is_found(drawn, change):
    """At two places picked by chance each, and in few words."""
    for seed in SEEDS:
        lines = drawn.text.split("\n")
        change(lines, _chance(seed))
        found = compare_reports(drawn.markdown, read_markdown("\n".join(lines)))
        assert [each for each in found if re.search(MARKDOWN_CHANGES[change], each.what)]
        assert len(found) <= 20


def test_what_only_looks_different_is_no_difference(drawn):
    """Classes but for marks, ids with the links to them, styles, scripts, white space, wrappers."""
    tree = deepcopy(drawn.tree)
    for each in list(tree.iter()):
        if each.tag not in ("tr", "script", "meta"):
            each.set("class", " ".join(f"new-{name}" for name in sorted(classes_of(each))))
        if each.get("id") and each.tag != "script":
            each.set("id", f"new-{each.get('id')}")
        if each.get("href", "").startswith("#"):
            each.set("href", f"#new-{each.get('href', '')[1:]}")
        if each.tag == "style" or (each.tag == "script" and each.get("type") is None):
            each.text = "/* other */"
        if each.tag == "section":
            each.tag = "div"
        if each.tag in ("tr", "ul", "div") and not (each.text or "").strip():
            each.text = "\n   "
    named = r'"((?:run|case|alarm)-\d+|(?<="anchor":")[a-z-]+)"'
    page = re.sub(named, r'"new-\1"', _write(tree))
    assert compare_reports(drawn.html, read_html(page)) == []


def test_equal_reports_give_nothing_and_other_folders_a_word(drawn, tmp_path, capsys):
    """Exit code 0 where all are equal, 1 where one differs or is missing, 2 without reports."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in drawn.folder.glob("demo.*"):
        (copy / path.name).write_text(path.read_text())
    assert main([str(copy), str(copy)]) == 0
    assert capsys.readouterr().out == "3 reports, no differences\n"
    other = tmp_path / "other"
    other.mkdir()
    text = (copy / "demo.md").read_text()
    (other / "demo.md").write_text(text.replace("\n## Ranking", "\n## Order"))
    (copy / "demo.whole.md").unlink()
    assert main([str(copy), str(other)]) == 1
    said = capsys.readouterr().out
    assert f"demo.html: only in {copy}" in said
    assert (
        "demo.md: 1 difference\n  drawn, validation › Ranking\n"
        "    heading: “Ranking” -> “Order”\n2 reports, 2 differences\n"
    ) in said
    files = [str(folder / "demo.md") for folder in (copy, other)]
    assert main([*files, "--leave-out", "Ranking", "--leave-out", "Order"]) == 0
    with pytest.raises(SystemExit) as ended:
        main([str(copy), str(tmp_path)])
    assert ended.value.code == 2
    assert "there is no report in HTML or Markdown" in capsys.readouterr().err


def test_each_report_is_drawn_and_what_is_left_out_is_said(drawn):
    """The study, the demo and many runs; real radiographs only where their folder is named."""
    assert [line.partition(":")[0] for line in drawn.said] == [
        "study-2020", "demo", "sixty-runs", "radiographs",
    ]  # fmt: skip
    assert "18 runs drawn as study-2020.html, study-2020.md, study-2020.whole.md" in drawn.said[0]
    assert "left out, since COVIDREPORT_CXR names no folder" in drawn.said[3]
    assert len(list(drawn.folder.glob("*.*"))) == 9


def test_another_embedded_picture_is_another_picture():
    """By its bytes, in a paragraph and in a cell; and by its words."""
    page = '<h2>Cases</h2><p><img src="data:image/png;base64,AAAA" alt="One"></p>'
    page += '<table><tbody><tr><td><img src="data:image/png;base64,BBBB" alt=""></td></tr></table>'
    for old, new in (("AAAA", "AAAB"), ("BBBB", "BBBA"), ("One", "Two")):
        assert len(compare_reports(read_html(page), read_html(page.replace(old, new)))) == 1


@pytest.mark.parametrize("broken", ["</details>", "<summary>", "</strong>"])
def test_markup_that_is_broken_can_be_read(drawn, broken):
    """An element that is not closed, or never opened, is a difference as soon as it shows."""
    text = drawn.text.replace(broken, broken.replace("<", "<x"), 1)
    head, main = _write(drawn.tree).split("<main", 1)  # the contents are not compared
    page = f"{head}<main{main.replace(broken, '', 1)}"
    assert compare_reports(drawn.html, read_html(page))
    assert broken not in drawn.text or compare_reports(drawn.markdown, read_markdown(text))


def test_a_cell_is_told_with_its_table_its_row_and_its_column():
    """Spans of several rows and columns keep the columns' names."""
    page = (
        "<h2>Ranking</h2><table><caption>All</caption><thead><tr><th rowspan=2>Run</th>"
        "<th colspan=2>Missed</th></tr><tr><th>train</th><th>test</th></tr></thead>"
        "<tbody><tr><th>exp1</th><td>1</td><td>2</td></tr></tbody></table>"
    )
    (found,) = compare_reports(read_html(page), read_html(page.replace(">2<", ">3<")))
    place = ("Ranking", "table “All”", "row 1 “exp1”", "column “Missed, test”")
    assert (found.place, found.what, found.before, found.after) == (place, "cell", "2", "3")
    (ranking,) = read_html(page).parts
    assert isinstance(ranking, Section)
    (table,) = ranking.parts
    assert isinstance(table, Table)
    assert table.columns == ("Run", "Missed, train", "Missed, test")


def test_the_fewest_moves_explain_another_order():
    """One item taken to the end has moved, and no other."""
    matched = match("abcde", "bcdea", (str,), str, lambda _, __: 0.0)
    assert matched.moved == {0}
    assert not matched.lost
    assert match("abc", "abd", (str,), str, lambda _, __: 0.0).lost == (2,)
