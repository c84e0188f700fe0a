"""`covidreport export`: what other tools and papers want of a report, in files of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from covidreport.cli.options import AsJson, Runs, StoredDataset, StoredSplit, Variant
from covidreport.errors import RunError, UsageError
from covidreport.storage.address import locate_output

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from covidreport.records import ReportData
    from covidreport.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Write a run for DVC, its model card, or checklists and figures for a paper.",
        help=(
            "Write what other tools and papers want.\n\n"
            "Of one evaluated run for DVC metrics.json and plots (confusion, ROC and "
            "precision-recall as CSV), and a model card for the Hugging Face Hub; of a report the "
            "items of a guideline, each with where the report answers it, and the charts as vector "
            "files. Runs no model."
        ),
        epilog="Example: covidreport export runs/ --checklist stard",
    )(export)


class _Wanted(Struct, frozen=True):
    """What is to be written, and where."""

    dvc: Path | None
    all_metrics: bool
    model_card: Path | None
    checklists: tuple[tuple[str, Path], ...]
    figures: Path | None

    @property
    def of_one_run(self) -> bool:
        """Whether any of it is of one run alone."""
        return self.dvc is not None or self.model_card is not None


def export(
    folders: Runs = None,
    dvc: Annotated[
        Path | None,
        typer.Option(
            help="Write one run's metrics.json and plots/ there.",
            metavar="FOLDER",
            parser=locate_output,
        ),
    ] = None,
    all_metrics: Annotated[
        bool,
        typer.Option(
            "--all-metrics",
            help="Every metric of every label in that metrics.json, with intervals; else the ten "
            "of the target that are tracked.",
        ),
    ] = False,
    model_card: Annotated[
        Path | None,
        typer.Option(
            help="Write one run's model card to this file.", metavar="FILE", parser=locate_output
        ),
    ] = None,
    checklist: Annotated[
        list[str] | None,
        typer.Option(
            help="Write the items of stard, tripod-ai or claim; repeatable.", metavar="NAME"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="The checklist's file: .md, .html, .csv or .json.  [default: NAME.md]",
            metavar="FILE",
            parser=locate_output,
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            help="Write the report's charts as SVG and PDF into this folder.",
            metavar="FOLDER",
            parser=locate_output,
        ),
    ] = None,
    split: StoredSplit = None,
    dataset: StoredDataset = None,
    variant: Variant = None,
    as_json: AsJson = False,
) -> None:
    """Export runs."""
    from covidreport.cli.terminal import print_paths, say_note
    from covidreport.report.collect import collect_report
    from covidreport.settings import find_settings
    from covidreport.storage.folds import join_folds
    from covidreport.storage.runs import discover_runs
    from covidreport.storage.shared import share_input

    if all_metrics and dvc is None:
        raise UsageError("--all-metrics is of --dvc FOLDER: name it")
    wanted = _Wanted(
        dvc, all_metrics, model_card, _name_checklists(checklist or (), output), figures
    )
    if not (wanted.of_one_run or wanted.checklists or wanted.figures):
        raise UsageError(
            "nothing to write: give --dvc FOLDER, --model-card FILE, --checklist NAME, "
            "--figures FOLDER or several"
        )
    if wanted.of_one_run:
        folders = [_find_run(folders or ())]
    settings = find_settings(Path.cwd())
    found = discover_runs(folders or (), say_note)
    runs = join_folds(share_input(found, settings.evaluate.input))
    faults = [fault for run in runs for fault in run.faults] if wanted.of_one_run else []
    if faults:
        raise RunError("; ".join(faults))
    data = collect_report(
        runs, settings.choose_report(),
        images=settings.query_stored(dataset, split, variant), tell=say_note,
        plan=settings.plan_comparisons(runs),
    )  # fmt: skip
    print_paths("covidreport.export/1", _write(data, wanted, settings), as_json=as_json)


def _find_run(folders: Sequence[Path]) -> Path:
    """The one run that is named; UsageError where it is none, or where there are several."""
    from covidreport.storage.runs import is_run_folder, locate_run

    if len(folders) != 1:
        raise UsageError("--dvc and --model-card are of one run: name its folder")
    run = locate_run(folders[0]) if folders[0].is_file() else folders[0]
    if not is_run_folder(run):
        raise UsageError(f"{run}: is no run folder")
    return run


def _name_checklists(names: Sequence[str], output: Path | None) -> tuple[tuple[str, Path], ...]:
    """Each checklist with its file; UsageError for one that there is not, or no way to write."""
    from covidreport.report.checklists import CHECKLISTS
    from covidreport.report.checklists.draw import FORMATS

    strange = [name for name in names if name not in CHECKLISTS]
    if strange:
        raise UsageError(
            f"no checklist is called {', '.join(map(repr, strange))}; one of "
            f"{', '.join(CHECKLISTS)}"
        )
    if output is None:
        return tuple((name, Path(f"{name}.md")) for name in dict.fromkeys(names))
    if len(set(names)) != 1:
        raise UsageError("--output is the file of one --checklist")
    if output.suffix not in FORMATS:
        raise UsageError(f"{output}: a checklist is written as {', '.join(FORMATS)}")
    return ((names[0], output),)


def _write(data: ReportData, wanted: _Wanted, settings: Settings) -> Iterator[Path]:
    """Write what is wanted, and give each file once it is there."""
    from covidreport.report.checklists.draw import FORMATS, answer
    from covidreport.report.options import RenderOptions
    from covidreport.report.pictures import draw_figures
    from covidreport.store import encode_text, write_atomic

    if wanted.of_one_run:
        yield from _write_run(data, wanted)
    options = RenderOptions(hide=settings.hide)
    for name, path in wanted.checklists:
        write_atomic(path, encode_text(FORMATS[path.suffix](answer(name, data, options))))
        yield path
    if wanted.figures is not None:
        for name, picture in draw_figures(data, options):
            write_atomic(wanted.figures / name, picture)
            yield wanted.figures / name


def _write_run(data: ReportData, wanted: _Wanted) -> Iterator[Path]:
    """The files that are of one run alone."""
    from covidreport.integrations.dvc import list_metrics, list_tracked, write_dvc
    from covidreport.integrations.model_card import render_model_card
    from covidreport.store import (
        SCORES_FILE,
        encode_text,
        evaluation_folder,
        read_scores,
        write_atomic,
    )

    (reported,) = data.runs
    evaluation, run = reported.evaluation, reported.run.folder
    if evaluation is None:
        why = reported.failure.explanation if reported.failure else "no metrics"
        raise RunError(f"{run}: {why}")
    if wanted.dvc is not None:
        file = evaluation_folder(run, evaluation.key) / SCORES_FILE
        scores = read_scores(file) if evaluation.has_scores and file.is_file() else None
        every = wanted.all_metrics
        metrics = list_metrics(evaluation) if every else list_tracked(evaluation, data.target)
        yield from write_dvc(wanted.dvc, evaluation, scores, metrics)
    if wanted.model_card is not None:
        write_atomic(wanted.model_card, encode_text(render_model_card(data)))
        yield wanted.model_card
