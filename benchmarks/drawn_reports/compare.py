"""What differs between two drawn reports, by the place where a reader finds it."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence

from benchmarks.drawn_reports.match import match
from benchmarks.drawn_reports.records import (
    Cell,
    Chart,
    Data,
    Difference,
    Part,
    Picture,
    Row,
    Section,
    Table,
    Words,
)

Place = tuple[str, ...]


def compare_reports(before: Section, after: Section) -> list[Difference]:
    """Every difference; none if, and only if, both reports read the same."""
    if before == after:
        return []
    found = list(_compare_sections((), before, after))
    return found or [Difference((), "order", "the same parts", "in another order")]


def _compare_sections(place: Place, before: Section, after: Section) -> Iterator[Difference]:
    yield from _compare_texts(place, "heading", before.title, after.title)
    yield from _compare_texts(place, "kind of section", before.kind, after.kind)
    matched = match(before.parts, after.parts, (_itself, _label), _trait, _likeness)
    for at in matched.lost:
        yield Difference(
            (*place, *_where(before.parts[at])), "lost", _describe(before.parts[at]), None
        )
    for at in matched.added:
        yield Difference(
            (*place, *_where(after.parts[at])), "added", None, _describe(after.parts[at])
        )
    for a, b in matched.pairs:
        one, other = before.parts[a], after.parts[b]
        here = (*place, *_where(one))
        if a in matched.moved:
            yield Difference(here, "moved", _after(before.parts, a), _after(after.parts, b))
        if one != other:
            yield from _compare_parts(here, one, other)


def _compare_parts(place: Place, before: Part, after: Part) -> Iterator[Difference]:
    if isinstance(before, Section) and isinstance(after, Section):
        yield from _compare_sections(place, before, after)
    elif isinstance(before, Table) and isinstance(after, Table):
        yield from _compare_tables(place, before, after)
    elif isinstance(before, Words) and isinstance(after, Words):
        yield from _compare_texts(place, "kind", before.kind, after.kind)
        yield from _compare_texts(place, before.kind, before.text, after.text)
        yield from _compare_extras(place, before, after)
    elif isinstance(before, Chart) and isinstance(after, Chart):
        yield from _compare_texts(place, "alternative", before.alternative, after.alternative)
        yield from _compare_lists(place, "texts of the drawing", before.texts, after.texts)
        yield from _compare_lists(place, "shapes of the drawing", before.shapes, after.shapes)
    elif isinstance(before, Picture) and isinstance(after, Picture):
        yield from _compare_texts(place, "alternative", before.alternative, after.alternative)
        yield from _compare_texts(place, "picture", before.source, after.source)
    elif isinstance(before, Data) and isinstance(after, Data):
        yield from _compare_values(place, json.loads(before.json), json.loads(after.json))


def _compare_texts(place: Place, what: str, before: str, after: str) -> Iterator[Difference]:
    if before != after:
        yield Difference(place, what, before, after)


def _compare_extras(
    place: Place, before: Words | Cell, after: Words | Cell
) -> Iterator[Difference]:
    yield from _compare_lists(place, "links", before.links, after.links)
    yield from _compare_lists(place, "hints", before.hints, after.hints)
    yield from _compare_lists(place, "drawing", before.drawing, after.drawing)


def _compare_lists(
    place: Place, what: str, before: Sequence[str], after: Sequence[str]
) -> Iterator[Difference]:
    """One difference for two lists of short texts: how many differ, and the first of them."""
    if before == after:
        return
    if len(before) != len(after):
        lost, added = list(before), list(after)
        for text in before:
            if text in added:
                added.remove(text)
                lost.remove(text)
        counts = (f"{len(before)}", f"{len(after)}")
        shown = [
            f"{n}{f', with {each[0]}' if each else ''}"
            for n, each in zip(counts, (lost, added), strict=True)
        ]
        yield Difference(place, what, *shown)
        return
    changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
    yield Difference(place, what, changed[0][0], f"{changed[0][1]}{more}")


def _compare_values(place: Place, before: object, after: object) -> Iterator[Difference]:
    """Of the script's data: what is in both is compared, down to single values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before | after:
            here = (*place, str(key))
            if key not in after:
                yield Difference(here, "value lost", _show(before[key]), None)
            elif key not in before:
                yield Difference(here, "value added", None, _show(after[key]))
            else:
                yield from _compare_values(here, before[key], after[key])
    elif isinstance(before, list) and isinstance(after, list):
        matched = match(before, after, (_show,), _show, _no_likeness)
        if len(before) == len(after):
            for at, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from _compare_values((*place, f"[{at}]"), one, other)
            return
        for at in matched.lost:
            yield Difference((*place, f"[{at}]"), "value lost", _show(before[at]), None)
        for at in matched.added:
            yield Difference((*place, f"[{at}]"), "value added", None, _show(after[at]))
    elif (type(before), before) != (type(after), after):
        yield Difference(place, "value", _show(before), _show(after))


def _show(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _no_likeness(before: str, after: str) -> float:  # noqa: ARG001
    return 0.0


# Tables


def _compare_tables(place: Place, before: Table, after: Table) -> Iterator[Difference]:
    """Cells are compared by column, so that a new column is one difference."""
    yield from _compare_texts(place, "caption", before.caption, after.caption)
    columns = match(before.columns, after.columns, (_itself,), _words_of, _share)
    same_width = len(before.columns) == len(after.columns) and not columns.moved
    shared = columns.pairs
    if same_width:
        shared = tuple((at, at) for at in range(len(before.columns)))
    else:
        for at in columns.lost:
            yield Difference(place, "column lost", before.columns[at], None)
        for at in columns.added:
            yield Difference(place, "column added", None, after.columns[at])
        for at, to in columns.pairs:
            if at in columns.moved:
                yield Difference(
                    place, f"column “{before.columns[at]}” moved", f"{at + 1}", f"{to + 1}"
                )
    if before.head != after.head:
        yield from _compare_heads(place, before, after, shared)
    yield from _compare_rows(place, before, after, shared)


def _compare_heads(
    place: Place, before: Table, after: Table, shared: Sequence[tuple[int, int]]
) -> Iterator[Difference]:
    if len(before.head) != len(after.head):
        yield Difference(place, "rows of the head", f"{len(before.head)}", f"{len(after.head)}")
        return
    for one, other in zip(before.head, after.head, strict=True):
        yield from _compare_row((*place, "head"), before, (one, other), shared)


def _compare_rows(
    place: Place, before: Table, after: Table, shared: Sequence[tuple[int, int]]
) -> Iterator[Difference]:
    ours = [_choose(row, [a for a, _ in shared]) for row in before.rows]
    theirs = [_choose(row, [b for _, b in shared]) for row in after.rows]
    matched = match(
        ours, theirs, (_itself, _cells_of, _first_of, _name_of), _texts_of, _equal_cells
    )
    for at in matched.lost:
        yield Difference(
            (*place, f"row {at + 1}"), "row lost", _describe_row(before.rows[at]), None
        )
    for at in matched.added:
        yield Difference(
            (*place, f"row {at + 1}"), "row added", None, _describe_row(after.rows[at])
        )
    for a, b in matched.pairs:
        here = (*place, f"row {a + 1} “{before.rows[a].name}”")
        if a in matched.moved:
            yield Difference(here, "row moved", f"row {a + 1}", f"row {b + 1}")
        if ours[a] != theirs[b]:
            pair = (before.rows[a], after.rows[b])
            yield from _compare_row(here, before, pair, shared)


def _compare_row(
    place: Place, table: Table, rows: tuple[Row, Row], shared: Sequence[tuple[int, int]]
) -> Iterator[Difference]:
    one, other = rows
    yield from _compare_lists(place, "mark", one.marks or ("none",), other.marks or ("none",))
    for a, b in shared:
        ours, theirs = _cell(one, a), _cell(other, b)
        if ours == theirs or (ours.continued and theirs.continued):
            continue
        name = table.columns[a] or f"{a + 1}"
        here = (*place, f"column “{name}”")
        yield from _compare_texts(here, "cell", ours.text, theirs.text)
        yield from _compare_extras(here, ours, theirs)
        kinds = [_kind_of(cell) for cell in (ours, theirs)]
        yield from _compare_texts(here, "kind of cell", *kinds)


def _choose(row: Row, columns: Sequence[int]) -> Row:
    return Row(tuple(_cell(row, at) for at in columns), row.marks)


def _cell(row: Row, at: int) -> Cell:
    return row.cells[at] if at < len(row.cells) else Cell("")


def _kind_of(cell: Cell) -> str:
    return (
        "the rest of one that spans several" if cell.continued else "head" if cell.heads else "cell"
    )


# What is what


def _itself(part: Hashable) -> Hashable:
    return part


def _cells_of(row: Row) -> Hashable:
    return row.cells


def _first_of(row: Row) -> Hashable:
    return row.first


def _name_of(row: Row) -> Hashable:
    return row.name or None


def _label(part: Part) -> Hashable:
    """By what a reader would find it again, although it changed."""
    if isinstance(part, Section):
        return ("section", part.title)
    if isinstance(part, Table):
        return ("table", part.caption or part.columns)
    if isinstance(part, Chart | Picture):
        return (type(part).__name__, part.alternative) if part.alternative else None
    if isinstance(part, Data):
        return "data"
    name, colon, _ = part.text.partition(": ")
    return ("fact", name) if part.kind == "fact" and colon else ("words", part.text)


Trait = tuple[str, frozenset[str]]


def _trait(part: Part) -> Trait:
    return type(part).__name__, _words_in(part)


def _likeness(before: Trait, after: Trait) -> float:
    return _share(before[1], after[1]) if before[0] == after[0] else 0.0


def _words_in(part: Part) -> frozenset[str]:
    """The words of a part; of a section and a table, of what stands in it."""
    if isinstance(part, Words):
        return frozenset(part.text.split())
    if isinstance(part, Table):
        texts = [
            part.caption,
            *part.columns,
            *(cell.text for row in part.rows for cell in row.cells),
        ]
        return frozenset(word for text in texts for word in text.split())
    if isinstance(part, Section):
        return frozenset(part.title.split()).union(*(map(_words_in, part.parts)))
    if isinstance(part, Chart):
        return frozenset((*part.alternative.split(), *part.texts))
    if isinstance(part, Picture):
        return frozenset((part.source, *part.alternative.split()))
    return frozenset({"data"})


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _texts_of(row: Row) -> tuple[str, ...]:
    return tuple(cell.text for cell in row.cells)


def _equal_cells(before: tuple[str, ...], after: tuple[str, ...]) -> float:
    pairs = zip(before, after, strict=True)
    return sum(one == other for one, other in pairs) / max(len(before), 1)


def _share(before: frozenset[str], after: frozenset[str]) -> float:
    return len(before & after) / len(before | after) if before or after else 1.0


# In words


def _where(part: Part) -> Place:
    if isinstance(part, Section):
        return (part.title or "a fold without a title",)
    if isinstance(part, Table):
        return (f"table “{part.caption}”",)
    if isinstance(part, Chart | Picture):
        return (f"{type(part).__name__.lower()} “{part.alternative}”",)
    return ("the script's data",) if isinstance(part, Data) else ()


def _describe(part: Part) -> str:
    if isinstance(part, Words):
        return f"{part.kind} “{part.text}”"
    if isinstance(part, Table):
        return f"a table of {len(part.rows)} rows"
    if isinstance(part, Section):
        return f"a section of {len(part.parts)} parts ({part.kind})"
    if isinstance(part, Data):
        return part.json
    return f"a {type(part).__name__.lower()}"


def _describe_row(row: Row) -> str:
    return " | ".join(cell.text for cell in row.cells if not cell.continued)


def _after(parts: Sequence[Part], at: int) -> str:
    if at == 0:
        return "first"
    before = parts[at - 1]
    return "after " + (" ".join(_where(before)) or _describe(before))
