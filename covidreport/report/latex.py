r"""What a paper takes from a report, as LaTeX: `booktabs` tables, prose, BibTeX of its sources.

One file: it writes its bibliography beside itself when it is compiled. Made for pdfLaTeX, XeLaTeX
and LuaLaTeX; a sign that pdfLaTeX has no font for is shown as its number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from covidreport.records import ReportData
from covidreport.report.blocks import (
    Block,
    Cell,
    Chart,
    Code,
    Column,
    Facts,
    Grid,
    Group,
    Inlines,
    Items,
    Note,
    Pictures,
    Prose,
    Row,
    Section,
    Strong,
    Table,
)
from covidreport.report.cells import Written, flatten_heads, flatten_rows, write_cell
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.paper import view_paper
from covidreport.report.prose import Writer
from covidreport.report.references import REFERENCES, Reference
from covidreport.report.view import ReportView

_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage{iftex}
\ifPDFTeX
  \usepackage[utf8]{inputenc}
  \usepackage[T1]{fontenc}
  \usepackage{lmodern}
  \usepackage{textcomp}
\else
  \usepackage{fontspec}
\fi
\usepackage[margin=2cm]{geometry}
\usepackage{array}
\usepackage{booktabs}
\usepackage{longtable}
\usepackage{pdflscape}
% a sign that the font of pdfLaTeX may not have: its number there, else the sign
\newcommand{\othersign}[2]{\ifPDFTeX[U+#1]\else#2\fi}
\setlength{\tabcolsep}{4pt}
"""
_SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}", "'": r"\textquotesingle{}", "-": "-{}", "[": "{[}", "]": "{]}",
    "–": r"\textendash{}", "—": r"\textemdash{}", "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}", "±": r"\ensuremath{\pm}", "≥": r"\ensuremath{\geq}",
    "≤": r"\ensuremath{\leq}", "≠": r"\ensuremath{\neq}", "√": r"\ensuremath{\surd}",
    "Σ": r"\ensuremath{\Sigma}", "χ": r"\ensuremath{\chi}", "²": r"\ensuremath{^2}",
    "′": r"\ensuremath{'}", "·": r"\textperiodcentered{}", "…": r"\ldots{}",
    "“": r"\textquotedblleft{}", "”": r"\textquotedblright{}", "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}", "\N{NO-BREAK SPACE}": "~",
}  # fmt: skip
_LETTERS = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿĂăĄąĆćČčĎďĐđĘęĚěĞğŁłŃńŇňŐőŒœŔŕŘřŚśŞş"
    "ŠšŢţŤťŮůŰűŸŹźŻżŽž"
)
"""Beside ASCII what every font of pdfLaTeX has."""
_NUMBERS = ("count", "missed", "figure", "rank")
_CHARACTER = 4.5
"""Points that a character of a table takes on average."""
_WIDTH, _LENGTH, _BETWEEN = 107, 162, 2
"""Characters of a line on an upright and on a turned page, and between two columns."""
_SHORT = 16
"""A column of text that is no wider is not wrapped."""
_CITED = {words: one for one in REFERENCES for words in one.cited}
_CITATIONS = re.compile("|".join(map(re.escape, sorted(_CITED, key=len, reverse=True))))


def escape_latex(text: str) -> str:
    r"""Text that LaTeX shows as it is: `50 % of_all` is `50 \% of\_all`.

    White space becomes one space; signs that can't be seen become U+FFFD.
    """
    return "".join(map(_escape_sign, re.sub(r"\s+", " ", text)))


def _escape_sign(sign: str) -> str:
    if sign in _SIGNS:
        return _SIGNS[sign]
    if " " <= sign <= "~" or sign in _LETTERS:
        return sign
    if unicodedata.category(sign) in ("Cc", "Cs"):
        sign = "\N{REPLACEMENT CHARACTER}"
    return rf"\othersign{{{ord(sign):04X}}}{{{sign}}}"


LATEX = Writer(escape_latex, lambda words: rf"\texttt{{{escape_latex(words)}}}")


def render_latex(data: ReportData, options: RenderOptions = PLAIN) -> str:
    """A document that can be compiled. The same data give the same bytes."""
    return draw_document(view_paper(data, options))


def draw_document(view: ReportView) -> str:
    """Every section of a view, and the BibTeX of what they cite."""
    sections = [one for found in view.sections.values() for one in found]
    drawn = "\n".join(_draw_section(section) for section in sections)
    cited = [one for one in REFERENCES if rf"\cite{{{one.key}}}" in drawn]
    facts = "\n".join(
        rf"\item[{{{escape_latex(fact.name)}}}] {_value(fact.value)}" for fact in view.facts
    )
    parts = [
        rf"% Made by {view.generator}; compile with latexmk, or with LaTeX, BibTeX, LaTeX, LaTeX.",
        _write_bibliography(cited),
        _PREAMBLE,
        rf"\title{{{escape_latex(view.title)}}}",
        r"\author{}\date{}",
        r"\begin{document}",
        r"\maketitle",
        rf"\begin{{description}}{chr(10)}{facts}{chr(10)}\end{{description}}",
        drawn,
        r"\bibliographystyle{unsrt}" + "\n" + r"\bibliography{\jobname}" if cited else "",
        r"\end{document}",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _write_bibliography(cited: Sequence[Reference]) -> str:
    """The file that LaTeX writes when it is compiled."""
    if not cited:
        return ""
    entries = "\n".join(map(write_bibtex, cited))
    return (
        r"\begin{filecontents*}[overwrite]{\jobname.bib}"
        + f"\n{entries}\n"
        + r"\end{filecontents*}"
    )


def write_bibtex(one: Reference) -> str:
    """One entry of a bibliography."""
    place = {"article": "journal", "book": "publisher", "misc": "howpublished"}[one.kind]
    fields = {
        "author": one.author, "title": f"{{{one.title}}}", place: one.published,
        "year": str(one.year), "volume": one.volume, "pages": one.pages,
    }  # fmt: skip
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{one.kind}{{{one.key},", *lines, "}"])


def _draw_section(section: Section) -> str:
    lines = [rf"\section{{{escape_latex(section.title)}}}"]
    return "\n\n".join([*lines, *_draw_blocks(section.blocks)])


def _draw_blocks(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        yield from _draw(block)


def _draw(block: Block) -> Iterator[str]:
    """A block's paragraphs; none for what takes a picture, which stands in a file of its own."""
    match block:
        case Prose(words):
            yield _inlines(words)
        case Items(items):
            yield _list("itemize", [rf"\item {_inlines(words)}" for words in items])
        case Facts(facts, title):
            if title:
                yield rf"\subsection{{{escape_latex(title)}}}"
            named = (rf"\item[{{{escape_latex(one.name)}}}] {_value(one.value)}" for one in facts)
            yield _list("description", named)
        case Note(_, what, evidence, remedy):
            yield " ".join(LATEX.write_prose(words) for words in (what, evidence, remedy) if words)
        case Table():
            yield _draw_table(block)
        case Grid():
            yield _draw_grid(block)
        case Group(inner, title):
            if title:
                yield rf"\subsection{{{escape_latex(title)}}}"
            yield from _draw_blocks(inner)
        case Chart() | Pictures():
            pass


def _list(kind: str, items: Iterable[str]) -> str:
    return "\n".join([rf"\begin{{{kind}}}", *items, rf"\end{{{kind}}}"])


def _inlines(words: Inlines) -> str:
    return _cite(words) if isinstance(words, str) else "".join(map(_value, words))


def _cite(sentence: str) -> str:
    """A sentence of ours, with a citation behind the words that cite a source."""
    written = []
    end = 0
    for found in _CITATIONS.finditer(sentence):
        written.append(LATEX.write_prose(sentence[end : found.end()]))
        written.append(rf"~\cite{{{_CITED[found[0]].key}}}")
        end = found.end()
    return "".join([*written, LATEX.write_prose(sentence[end:])])


def _value(cell: Cell) -> str:
    """A cell in a sentence, in one line."""
    match cell:
        case str():
            return _cite(cell)
        case Strong():
            return rf"\textbf{{{escape_latex(write_cell(cell).line)}}}"
        case Code():
            return LATEX.write_code(write_cell(cell).line)
        case _:
            return escape_latex(write_cell(cell).line)


def _draw_table(table: Table) -> str:
    written = [[write_cell(cell) for cell in row.cells] for row in table.rows]
    body: list[str] = []
    for row, cells in zip(table.rows, written, strict=True):
        body += _divide(row, len(table.columns))
        body.append(_row(row, cells, table.columns))
    return _set_table(table.caption, table.columns, written, body)


def _draw_grid(grid: Grid) -> str:
    """Its heads of all levels as one, each cell under its own."""
    heads = [*(column.title for column in grid.corner), *flatten_heads(grid)]
    rows = [[write_cell(cell) for cell in (*names, *cells)] for names, cells in flatten_rows(grid)]
    columns = [
        Column(head, kind="text" if place < len(grid.corner) else "count")
        for place, head in enumerate(heads)
    ]
    body = [_join(escape_latex(_in_cell(one)) for one in row) for row in rows]
    return _set_table(grid.caption, columns, rows, body)


def _set_table(
    caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Written]], body: Sequence[str]
) -> str:
    """A table that goes on over pages, with its heads on each; a wide one on pages that are turned.

    rows: what is as wide as its cells; body: the lines of the rows.
    """
    widths = [
        max([len(column.title), len(column.note), *(len(_in_cell(row[place])) for row in rows)])
        for place, column in enumerate(columns)
    ]
    upright = _fit(columns, widths, _WIDTH)
    fitted = upright or _fit(columns, widths, _LENGTH) or _fit(columns, widths, sum(widths) * 2)
    heads = _heads(columns)
    lines = [
        r"\begingroup\footnotesize",
        rf"\begin{{longtable}}{{@{{}}{fitted}@{{}}}}",
        rf"\caption{{{escape_latex(caption)}}}\\",
        r"\toprule", *heads, r"\midrule", r"\endfirsthead",
        r"\toprule", *heads, r"\midrule", r"\endhead",
        r"\bottomrule", r"\endlastfoot",
        *body,
        r"\end{longtable}",
        r"\endgroup",
    ]  # fmt: skip
    if upright is None:
        lines = [r"\begin{landscape}", *lines, r"\end{landscape}"]
    return "\n".join(lines)


def _heads(columns: Sequence[Column]) -> list[str]:
    """The titles, and beneath them the notes where there are any."""
    lines = [_join(escape_latex(column.title) for column in columns)]
    if any(column.note for column in columns):
        lines.append(_join(escape_latex(column.note) for column in columns))
    return lines


def _fit(columns: Sequence[Column], widths: Sequence[int], room: int) -> str | None:
    """Numbers stand right, texts left; the long ones are wrapped into the room that is left.

    widths, room: in characters. None where there is none left.
    """
    free = room - _BETWEEN * (len(columns) - 1) - sum(widths)
    wrapped = [
        place for place, column in enumerate(columns)
        if free < 0 and column.kind not in _NUMBERS and widths[place] > _SHORT
    ]  # fmt: skip
    of = sum(widths[place] for place in wrapped)
    if free + of < _SHORT * len(wrapped) or (free < 0 and not wrapped):
        return None
    return "".join(
        _wrap((free + of) * widths[place] / of) if place in wrapped
        else "r" if column.kind in _NUMBERS else "l"
        for place, column in enumerate(columns)
    )  # fmt: skip


def _wrap(width: float) -> str:
    return rf">{{\raggedright\arraybackslash}}p{{{_CHARACTER * width:.0f}pt}}"


def _divide(row: Row, columns: int) -> list[str]:
    if not row.divide:
        return []
    words = rf"\multicolumn{{{columns}}}{{@{{}}l}}{{\emph{{{escape_latex(row.divide)}}}}}"
    return [r"\midrule", rf"{words} \\"]


def _row(row: Row, cells: Sequence[Written], columns: Sequence[Column]) -> str:
    written = []
    for source, cell, column in zip(row.cells, cells, columns, strict=True):
        text = _in_cell(cell)
        shown = _cite(text) if isinstance(source, str) else escape_latex(text)
        written.append(rf"\textbf{{{shown}}}" if row.best and column.kind == "name" else shown)
    return _join(written)


def _in_cell(cell: Written) -> str:
    return f"{cell.value} ({cell.note})" if cell.note else cell.value


def _join(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
