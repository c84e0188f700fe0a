"""The Python API from its docstrings: what `dir(covidreport)` shows."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

import covidreport
from covidreport.report.notebook import Report
from pages.commands import escape

HEAD = """# The Python API

Written from the docstrings. [python.md](../python.md) has examples of each function,
[notebook.md](../notebook.md) the frames of a `Report` by their columns.
"""


def write_python() -> str:
    """The page of the API: functions, records, the report."""
    names = [name for name in covidreport.__all__ if not name.startswith("_")]
    things = [(name, getattr(covidreport, name)) for name in names]
    parts = [HEAD, "## Functions\n"]
    for name, each in things:
        if not inspect.isclass(each):
            parts += _write_function(f"covidreport.{name}", each)
    parts.append("## Records\n")
    for name, each in things:
        if inspect.isclass(each):
            parts += _write_class(f"covidreport.{name}", each)
    parts += _write_class("Report", Report)
    return "\n".join(parts)


def _write_function(name: str, function: Callable[..., Any]) -> Iterator[str]:
    yield f"### {name}\n"
    yield f"```python\n{name.rpartition('.')[2]}{_sign(function)}\n```\n"
    yield f"{escape(inspect.getdoc(function) or '')}\n"


def _sign(function: Callable[..., Any]) -> str:
    """A signature, one parameter a line where it is long; of a record, its fields."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    words = [_write_parameter(each) for each in parameters]
    kinds = [each.kind for each in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        words.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    returned = signature.return_annotation
    given = "" if returned is inspect.Signature.empty else f" -> {returned}"
    line = f"({', '.join(words)}){given}"
    if len(line) < 90:
        return line
    return "(\n" + "".join(f"    {word},\n" for word in words) + f"){given}"


def _write_parameter(each: inspect.Parameter) -> str:
    """Such as `options: GateOptions | None = None`; of a function that is a default, its name."""
    star = "*" if each.kind is each.VAR_POSITIONAL else ""
    default = "" if each.default is each.empty else (
        f" = {getattr(each.default, '__name__', None) or repr(each.default)}"
    )  # fmt: skip
    return f"{star}{each.name}: {each.annotation}{default}"


def _write_class(name: str, thing: type) -> Iterator[str]:
    yield f"### {name}\n"
    yield f"{escape(inspect.getdoc(thing) or '')}\n"
    rows = list(_list_fields(thing) if issubclass(thing, Struct) else _list_members(thing))
    if rows:
        head = "| field | is | says |" if issubclass(thing, Struct) else "| member | is | says |"
        yield "\n".join([head, "| --- | --- | --- |", *rows, ""])


def _list_fields(thing: type) -> Iterator[str]:
    """Each field with its type and default as the source states them, and what stands below it."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    assert isinstance(body, ast.ClassDef)
    for each, after in zip(body.body, [*body.body[1:], None], strict=True):
        if not isinstance(each, ast.AnnAssign):
            continue
        said = after.value.value if _is_text(after) else ""  # type: ignore[union-attr]
        default = "" if each.value is None else f" = {ast.unparse(each.value)}"
        kind = escape(f"`{ast.unparse(each.annotation)}{default}`")
        yield f"| `{ast.unparse(each.target)}` | {kind} | {escape(' '.join(said.split()))} |"


def _is_text(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _list_members(thing: type) -> Iterator[str]:
    """Its methods and properties that have a docstring."""
    for name, member in vars(thing).items():
        function = getattr(member, "func", None) or getattr(member, "fget", None) or member
        said = inspect.getdoc(function) if callable(function) else None
        if said and not name.startswith("_"):
            kind = "method" if function is member else "property"
            yield f"| `{name}` | {kind} | {escape(' '.join(said.split()))} |"
