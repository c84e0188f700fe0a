"""`covidreport adopt`: describe people's own models, from the files that came with them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from covidreport.cli.options import AsJson, Data, EvaluatedSplit, read_options
from covidreport.errors import CovidReportError, UsageError
from covidreport.storage.address import locate_runs
from covidreport.storage.copied import Use, show_place

if TYPE_CHECKING:
    from covidreport.adopt import Adopted, AdoptRequest
    from covidreport.evaluate.options import EvaluateOptions
    from covidreport.records import Run


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Describe models of your own, from the files that came with them.",
        help=(
            "Write the run.json of ONNX models that were exported elsewhere: from the graph, from "
            "files beside it (Hugging Face, timm, class_indices.json), and from how a framework "
            "usually feeds its models (--like). It shows what was taken from where and what was "
            "assumed, asks for what nobody says, and scores a few images where data are known. "
            "models/net.onnx becomes the run models/net; nothing is copied.\n\n"
            "Exit code: 0 all models can be evaluated, 2 wrong usage, 3 something is still to be "
            "said, or a model can't be used."
        ),
        epilog="Example: covidreport adopt models/*.onnx --like timm --labels covid-19,normal",
    )(adopt)


def adopt(
    context: typer.Context,
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODELS", help="ONNX files, or folders with one.", parser=locate_runs
        ),
        Use.WRITE,
    ],
    like: Annotated[
        str | None,
        typer.Option(
            help="torchvision (or torchvision:resnet50), timm, fastai, keras, monai, "
            "torchxrayvision, huggingface or ultralytics.",
            metavar="FRAMEWORK",
        ),
    ] = None,
    outputs: Annotated[
        str | None,
        typer.Option(
            "--labels",
            help="What the outputs are, in their order: covid-19,normal; null for one not wanted.",
            metavar="NAMES",
        ),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A word of the contract, such as activation=logit or range=[0,1]; repeatable.",
            metavar="WORD=VALUE",
        ),
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="What to call the run.  [default: the file's name]")
    ] = None,
    data: Data = None,
    split: EvaluatedSplit = None,
    as_json: AsJson = False,
) -> None:
    """Adopt models."""
    from covidreport.adopt import AdoptRequest, adopt_model
    from covidreport.cli.terminal import print_json, say

    if run is not None and len(models) > 1:
        raise UsageError("--run names one run, and several models are given")
    names = None
    if outputs is not None:
        parts = [part.strip() for part in outputs.split(",")]
        names = tuple(None if part == "null" else part for part in parts)
    _, options = read_options(context)
    request = AdoptRequest(like, names, _read_words(words or []), run, options.input)
    described: list[dict[str, Any]] = []
    whole = True
    tried = []
    for path in models:
        try:
            adopted = adopt_model(path, request)
        except CovidReportError as error:
            if len(models) == 1:
                raise
            say(f"error: {error}", "bold red")
            say(f"  {error.remedy}" if error.remedy else "")
            whole = False
            described.append({"model": show_place(path), "usable": False, "error": str(error)})
            continue
        if not as_json:
            _show(adopted)
        fine = _conclude(adopted, options, request, path)
        described.append(_describe(adopted, usable=fine))
        whole &= fine
        tried += [adopted.run] if fine and options.data is not None else []
    _compare_ways(tried, options)
    if as_json:
        print_json({"schema": "covidreport.adopt/1", "models": described})
    if not whole:
        raise typer.Exit(3)


def _compare_ways(runs: list[Run], options: EvaluateOptions) -> None:
    """Say whether these models are better when they are fed otherwise than they are described."""
    from covidreport.adopt.trying import try_neighbours
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import clean, say, say_finding
    from covidreport.evaluate.preprocessing import describe_check, findings_of

    if not runs:
        return
    with show_events() as on_event:
        checks = try_neighbours(runs, options, on_event)
    for check in checks:
        say(clean(describe_check(check)))
        for finding in findings_of(check):
            say_finding(finding)


def _read_words(stated: list[str]) -> dict[str, Any]:
    """The words of `--set`: values are JSON, or texts as they stand."""
    read: dict[str, Any] = {}
    for each in stated:
        word, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--set {each}: WORD=VALUE is wanted, such as activation=logit")
        try:
            read[word.strip()] = json.loads(value)
        except ValueError:
            read[word.strip()] = value.strip()
    return read


def _describe(adopted: Adopted, *, usable: bool) -> dict[str, Any]:
    """A model, the words of its contract and where each is from, and what nobody says."""
    return {
        "model": f"{adopted.run.model}",
        "run": adopted.run.name,
        "usable": usable,
        "words": {each.word: {"value": each.value, "from": each.source} for each in adopted.taken},
        "missing": list(adopted.missing),
    }


def _show(adopted: Adopted) -> None:
    """The words, their values, and where each is from."""
    from covidreport.cli.tables import Row, print_table
    from covidreport.cli.terminal import out
    from covidreport.text.columns import Column

    rows = []
    for each in adopted.taken:
        cells = (each.word, json.dumps(each.value, ensure_ascii=False), each.source)
        rows.append(Row(cells, "yellow" if each.source.startswith("assumed") else ""))
    columns = (Column("word", "name"), Column("value"), Column("from", "text", 1))
    print_table(out, columns, rows, title=f"{adopted.run.name} ({adopted.run.model})")


def _conclude(
    adopted: Adopted, options: EvaluateOptions, request: AdoptRequest, path: Path
) -> bool:
    """Say what is missing, or what a few images show; whether the run can be evaluated."""
    from covidreport.adopt.presets import list_hints
    from covidreport.cli.terminal import say, say_finding

    for note in adopted.notes:
        say(f"note: {note}", "cyan")
    if adopted.missing:
        say("nobody says yet:", "yellow")
        said = []
        for word, pasted, meaning in list_hints(adopted.missing):
            n = f"{adopted.n_outputs} names: " if word == "labels" and adopted.n_outputs else ""
            say(f"  {word}: {pasted}  ({n}{meaning})")
            said.append(pasted)
        like = [] if request.like is None else ["--like", shlex.quote(request.like)]
        line = ["covidreport adopt", shlex.quote(show_place(path)), *like, *said]
        say(f"add what is true of them: {' '.join(line)}")
        return False
    from covidreport.adopt.trying import open_adopted, try_model
    from covidreport.evaluate.reference import keep_reference

    try:
        session = open_adopted(adopted.run, options)
        say(keep_reference(adopted.run, session))
        if options.data is None:
            say("no data is known, so no image was scored: --data names some")
            return True
        tried = try_model(adopted.run, session, options)
    except CovidReportError as error:
        say(f"error: {adopted.run.name}: {error}", "bold red")
        return False
    say(tried.said)
    for finding in tried.findings:
        say_finding(finding)
    if tried.label_map:
        pasted = shlex.quote(f"label_map={json.dumps(tried.label_map, ensure_ascii=False)}")
        say("its labels are spelt otherwise than the data's; where they mean the same:", "yellow")
        say(f"  covidreport adopt {shlex.quote(show_place(path))} --set {pasted}")
    return not tried.label_map
