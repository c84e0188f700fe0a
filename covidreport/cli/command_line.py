"""The command as it was called, for the record: what a reader types to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import Any

import typer


def format_command(context: typer.Context, leave_out: Collection[str] = ()) -> str:
    """The command that runs in this context with what was given to it, quoted for a shell.

    Options stand by their long names in the order of the help, arguments last; what a default, the
    environment or the configuration decided is not in it, nor are the parameters of `leave_out`.
    """
    options: list[str] = []
    arguments: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE" or name in leave_out:
            continue
        value = context.params[name]
        values = value if isinstance(value, list | tuple) else [value]
        if parameter.param_type_name == "argument":
            arguments += [str(one) for one in values]
        else:
            for one in values:
                options += _format_option(parameter, one)
    names: list[str] = []
    current: Any = context
    while (
        current is not None and current.parent is not None
    ):  # however the program itself was started
        names.insert(0, str(current.info_name))
        current = current.parent
    return shlex.join(["covidreport", *names, *options, *arguments])


def _format_option(option: Any, value: object) -> list[str]:
    """An option with its value, `--cache`, or `--no-cache`."""
    if isinstance(value, bool):
        names = option.opts if value else option.secondary_opts
        return [max(names, key=len)]
    return [max(option.opts, key=len), str(value)]
