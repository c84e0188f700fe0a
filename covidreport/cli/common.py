"""What every command takes: how much it is to say, paths that are none elsewhere, and runs that
may lie in an object store."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, get_args, get_type_hints

import typer
from typer.models import OptionInfo

from covidreport.cli.stored import show_stored
from covidreport.storage.address import refuse_addresses
from covidreport.storage.copied import Use

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say errors and warnings alone: no notes, no bar.")
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Show the traceback of what went wrong by our fault."),
]


class Commands(typer.Typer):
    """Commands that take `--quiet` and `--verbose` beside what they state, and paths alone."""

    def command(self, *words: Any, **more: Any) -> Callable[[Any], Any]:
        """As typer's."""
        register = super().command(*words, **more)
        return lambda function: register(_add_common(function))


def _add_common(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with two more parameters, which typer reads from its signature."""

    @wraps(function)
    def call(*args: Any, quiet: bool, verbose: bool, **more: Any) -> Any:
        from covidreport.cli.terminal import keep_quiet, show_tracebacks

        keep_quiet(quiet)
        show_tracebacks(verbose)
        refuse_addresses((names.get(name, ""), value) for name, value in more.items())
        with show_stored(more, uses) as here:
            return function(*args, **here)

    hints = get_type_hints(function, include_extras=True)
    names, uses = name_options(hints), _find_uses(hints)
    stated = inspect.signature(function)
    parameters = [each.replace(annotation=hints[each.name]) for each in stated.parameters.values()]
    for name, kind in (("quiet", Quiet), ("verbose", Verbose)):
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        )
        hints[name] = kind
    call.__annotations__ = hints
    call.__signature__ = stated.replace(parameters=parameters)  # type: ignore[attr-defined]
    del call.__wrapped__  # whose signature it is not
    return call


def _find_uses(hints: Mapping[str, Any]) -> dict[str, Use]:
    """What is done with the runs that parameters name, by a mark that their types have."""
    marks = {name: get_args(hint) for name, hint in hints.items()}
    return {name: mark for name, every in marks.items() for mark in every if isinstance(mark, Use)}


def name_options(hints: Mapping[str, Any]) -> dict[str, str]:
    """What users type for each parameter that is an option, such as `--output-dir`; arguments have
    no name."""
    found = {}
    for name, hint in hints.items():
        for stated in get_args(hint):
            if isinstance(stated, OptionInfo):
                usual = f"--{name.replace('_', '-')}"
                found[name] = max(_list_names(stated), key=len, default=usual)
    return found


def _list_names(option: OptionInfo) -> list[str]:
    """Those that are stated; typer has the first of them where a default stands elsewhere."""
    stated = (option.default, *(option.param_decls or ()))
    return [each for each in stated if isinstance(each, str) and each.startswith("--")]
