"""`covidreport render`: a report from the evidence in run folders; runs no model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from covidreport.cli.options import (
    AsJson,
    PlannedBaseline,
    PlannedMargin,
    RankSites,
    RankWeighted,
    ReferenceGroups,
    Runs,
    Site,
    StoredDataset,
    StoredSplit,
    Variant,
)
from covidreport.errors import UsageError
from covidreport.storage.address import Address, is_folder, locate_output

if TYPE_CHECKING:
    from covidreport.records import ReportData
    from covidreport.report.options import RenderOptions
    from covidreport.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Write a report that compares evaluated runs.",
        help=(
            "Write a report that compares evaluated runs, ranked by missed COVID-19 images.\n\n"
            "Reads what `covidreport evaluate` stored; opens no model and no image."
        ),
        epilog="Example: covidreport render runs/ --format html --format markdown",
    )(render)


def render(
    context: typer.Context,
    folders: Runs = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="Such as html, markdown, comment (markdown, cut to a comment's length), latex, "
            "docx, json or csv; repeatable.  [default: html]",
            metavar="NAME",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="A file, with several formats a folder, or - for stdout.  [default: report.html "
            "…]",
            parser=locate_output,
            metavar="PATH",
        ),
    ] = None,
    split: StoredSplit = None,
    dataset: StoredDataset = None,
    variant: Variant = None,
    title: Annotated[str | None, typer.Option(help="The report's title.")] = None,
    logo: Annotated[
        Path | None,
        typer.Option(help="A picture beside the title: PNG or JPEG.", metavar="FILE"),
    ] = None,
    template_dir: Annotated[
        Path | None,
        typer.Option(help="Templates that go before ours: docs/templates.md.", metavar="DIR"),
    ] = None,
    appendix: Annotated[
        bool,
        typer.Option(
            "--appendix",
            help="Print the appendix of the HTML report, too, unless its reader says no.",
        ),
    ] = False,
    charts: Annotated[
        bool,
        typer.Option("--charts", help="Write the pictures of a Markdown report beside it, as PNG."),
    ] = False,
    opened: Annotated[
        bool, typer.Option("--open", help="Show the HTML report in the browser.")
    ] = False,
    baseline: PlannedBaseline = None,
    margin: PlannedMargin = None,
    site: Site = None,
    rank_sites: RankSites = None,
    reference_group: ReferenceGroups = None,
    rank_weighted: RankWeighted = False,
    show_ids: Annotated[
        bool,
        typer.Option("--show-ids", help="Name images and patients by their ids, not by digests."),
    ] = False,
    audit: Annotated[
        Path | None,
        typer.Option(
            help="Include what `covidreport audit --output` found in the data.", metavar="FILE"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Render reports."""
    from covidreport.audit.document import read_audit
    from covidreport.cli.command_line import format_command
    from covidreport.cli.opening import open_report
    from covidreport.cli.terminal import print_paths, say, say_deprecated, say_note
    from covidreport.report.collect import collect_report
    from covidreport.report.formats import FORMATS, need_curves
    from covidreport.settings import find_settings
    from covidreport.storage.folds import join_folds
    from covidreport.storage.runs import discover_runs
    from covidreport.storage.shared import share_input

    names = _check_formats(formats, output, opened=opened, charts=charts, as_json=as_json)
    for name in names:
        say_deprecated("format", name)
    settings = find_settings(Path.cwd())
    options = replace(_choose_render_options(logo, template_dir, settings), appendix=appendix)
    found = discover_runs(folders or (), say_note)
    runs = join_folds(share_input(found, settings.evaluate.input))
    data = collect_report(
        runs,
        settings.choose_report(
            site, rank_sites, reference_group or (), rank_weighted=rank_weighted
        ),
        images=settings.query_stored(dataset, split, variant),
        tell=say_note,
        title=title,
        plan=settings.plan_comparisons(runs, baseline, margin),
        audit=None if audit is None else read_audit(audit),
        show_ids=show_ids,
        command=format_command(context, {"output", "formats", "opened", "charts", "as_json"}),
        curves=need_curves(names),
    )
    if str(output) == "-":
        _print_report(names[0], FORMATS[names[0]].render(data, options))
        return
    written = _write(data, options, names, output, charts=charts)
    print_paths("covidreport.render/1", written, as_json=as_json)
    if opened:
        say(open_report(_name_file(output, FORMATS["html"].suffix, several=len(names) > 1)))


def _write(
    data: ReportData, options: RenderOptions, names: Sequence[str], output: Path | None, *,
    charts: bool,
) -> Iterator[Path]:  # fmt: skip
    """Write each format, with its pictures, and give each file once it is there."""
    from covidreport.report.formats import encode_report, find_suffix
    from covidreport.store import write_atomic

    for name in names:
        path = _name_file(output, find_suffix(name), several=len(names) > 1)
        if charts and name == "markdown":
            options = replace(options, charts=_name_pictures(path).name)
            yield from _write_pictures(_name_pictures(path), data, options)
        write_atomic(path, encode_report(name, data, options))
        yield path


def _print_report(name: str, text: str) -> None:
    """A report on stdout, in UTF-8 whatever the terminal's encoding is: it says so itself."""
    if name == "json":
        text = text.replace("##", "#\\u0023")  # nothing that a pipeline takes for a command
    typer.echo(text.encode("utf-8", "backslashreplace"), nl=False)


def _check_formats(
    formats: list[str] | None, output: Path | None, *, opened: bool, charts: bool,
    as_json: bool,
) -> list[str]:  # fmt: skip
    """The formats that are wanted, each once; UsageError where options contradict each other."""
    from covidreport.report.formats import DOCUMENTS, name_formats

    names = list(dict.fromkeys(formats or ["html"]))
    known = name_formats()
    strange = [name for name in names if name not in known]
    if strange:
        raise UsageError(
            f"no format is called {', '.join(map(repr, strange))}; one of {', '.join(known)}"
        )
    if str(output) == "-" and names[0] in DOCUMENTS:
        raise UsageError(f"--format {names[0]} is no text: give --output a file")
    if len(names) > 1 and output is not None and (str(output) == "-" or _is_one_file(output)):
        raise UsageError(f"{len(names)} formats can't go into one file: give --output a folder")
    if opened and ("html" not in names or str(output) == "-" or isinstance(output, Address)):
        raise UsageError(
            "--open shows the HTML report: render --format html into a file of this machine"
        )
    if as_json and str(output) == "-":
        raise UsageError("--json lists the files that were written: give --output a file")
    if charts and ("markdown" not in names or str(output) == "-"):
        raise UsageError(
            "--charts writes pictures beside a Markdown report: use --format markdown, into a file"
        )
    return names


def _is_one_file(output: Path) -> bool:
    return not is_folder(output) if isinstance(output, Address) else output.is_file()


def _choose_render_options(
    logo: Path | None, template_dir: Path | None, settings: Settings
) -> RenderOptions:
    from covidreport.report.environment import check_folder
    from covidreport.report.logo import embed_logo
    from covidreport.report.options import RenderOptions

    return RenderOptions(
        templates=None if template_dir is None else check_folder(template_dir),
        logo="" if logo is None else embed_logo(logo),
        hide=settings.hide,
    )


def _name_pictures(report: Path) -> Path:
    """The folder beside a report that holds its pictures: `report-files`."""
    return report.with_name(f"{report.stem}-files")


def _write_pictures(folder: Path, data: ReportData, options: RenderOptions) -> Iterator[Path]:
    from covidreport.report.pictures import draw_pictures
    from covidreport.store import write_atomic

    for name, picture in draw_pictures(data, options).items():
        write_atomic(folder / name, picture)
        yield folder / name


def _name_file(output: Path | None, suffix: str, *, several: bool) -> Path:
    """Where a format goes: `report.<suffix>` here or in a folder, or the file that was named."""
    name = f"report.{suffix.lstrip('.')}"
    if output is None:
        return Path(name)
    return output / name if several or is_folder(output) else output
