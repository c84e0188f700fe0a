"""Every command and its options, as the command line itself describes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_group

from covidreport.cli.app import build_app

HEAD = """# Commands and options

Written from the command line: `covidreport COMMAND --help` says the same.
"""
KINDS = {Path: "PATH", int: "INTEGER", float: "NUMBER"}


def write_commands() -> str:
    """The page of all commands."""
    parts = [HEAD, *_write_group(get_group(build_app()), "covidreport")]
    return "\n".join(parts)


def _write_group(group: TyperGroup, prefix: str) -> Iterator[str]:
    for name, command in group.commands.items():
        path = f"{prefix} {name}"
        if isinstance(command, TyperGroup):
            yield from _write_group(command, path)
        elif isinstance(command, TyperCommand) and not command.hidden:
            yield from _write_command(command, path)


def _write_command(command: TyperCommand, path: str) -> Iterator[str]:
    yield f"## {path}\n"
    yield f"{escape(command.help or '')}\n"
    known = (each for each in command.params if isinstance(each, TyperArgument | TyperOption))
    rows = [row for each in known if (row := _describe(each))]
    if rows:
        yield "| argument or option | is | says |\n| --- | --- | --- |"
        yield "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
    epilog = (command.epilog or "").removeprefix("Example: ")
    if epilog:
        yield f"```sh\n{epilog}\n```\n"


def _describe(parameter: TyperArgument | TyperOption) -> tuple[str, str, str] | tuple[()]:
    """Its names, its kind, its words; nothing of what is hidden."""
    if parameter.hidden:
        return ()
    words = " ".join((parameter.help or "").split())
    if isinstance(parameter, TyperArgument):
        name = parameter.metavar or (parameter.name or "").upper()
        return f"`{name}`", "argument", escape(words)
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.is_flag:
        return names, "flag", escape(words)
    if parameter.default not in (None, "", [], ()) and "[default:" not in words:
        words = f"{words}  [default: {parameter.default}]"
    return names, _name_kind(parameter), escape(words)


def _name_kind(parameter: TyperOption) -> str:
    """Such as `PATH`, or `TEXT`, repeatable."""
    annotation = parameter.type_descriptor.annotation
    inner = (*get_args(annotation), annotation)[0]
    name = parameter.metavar or KINDS.get(inner, "TEXT")
    return f"`{name}`, repeatable" if parameter.multiple else f"`{name}`"


def escape(text: str) -> str:
    """A text for a page: nothing in it is markup of HTML, or ends the cell of a table."""
    parts = re.split(r"(`[^`]*`)", text)
    plain = (
        part.replace("|", "\\|") if part.startswith("`")
        else part.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
        .replace("*", "\\*").replace("[default", "\\[default")
        for part in parts
    )  # fmt: skip
    return "".join(plain)
