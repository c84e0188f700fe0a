"""Reports on what was evaluated."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from msgspec.structs import replace

from covidreport.api.stored_runs import open_stored
from covidreport.errors import UsageError
from covidreport.report.collect import collect_report
from covidreport.report.environment import check_folder
from covidreport.report.logo import embed_logo
from covidreport.report.notebook import Report
from covidreport.report.options import RenderOptions
from covidreport.settings import find_settings
from covidreport.storage.folds import join_folds
from covidreport.storage.runs import discover_runs
from covidreport.storage.shared import share_input

_log = logging.getLogger(__name__)


def load(
    *folders: str | os.PathLike[str],
    split: str | None = None,
    dataset: str | None = None,
    variant: str | None = None,
    title: str | None = None,
    target: str | None = None,
    specificity_floor: float | None = None,
    baseline: str | None = None,
    margin: float | None = None,
    show_ids: bool = False,
) -> Report:
    """The report of the runs in `folders` (by default `runs`), as `covidreport render` makes it.

    Reads what `covidreport evaluate` stored; opens no model and no image. The arguments are those
    of `covidreport render`, beside target and specificity_floor of covidreport.toml. What is not
    given comes from the configuration that holds in the current folder. The log warns where
    images that nobody asked for were evaluated later than those of the report.

    Raises UsageError where a folder does not exist or holds no evaluated run, or an argument makes
    no sense.
    """
    if specificity_floor is not None and not 0 <= specificity_floor <= 1:
        raise UsageError(f"specificity_floor={specificity_floor:g}: give a fraction from 0 to 1")
    if margin is not None and not 0 < margin < 1:
        raise UsageError(f"margin={margin:g}: give a fraction between 0 and 1, such as 0.05")
    settings = find_settings(Path.cwd())
    with open_stored(folders) as here:  # what it reads later is there as long as the process
        found = discover_runs(here)
    runs = join_folds(share_input(found, settings.evaluate.input))
    plan = settings.plan_comparisons(runs, baseline, margin, "in the call")
    choices = settings.choose_report()
    choices = replace(
        choices,
        target=target or choices.target,
        specificity_floor=(
            choices.specificity_floor if specificity_floor is None else specificity_floor
        ),
    )
    return Report(
        collect_report(
            runs,
            choices,
            images=settings.query_stored(dataset, split, variant),
            tell=_log.warning,
            title=title,
            plan=plan,
            show_ids=show_ids,
        ),
        settings.hide,
    )


def render_report(
    report: Report,
    name: str = "html",
    *,
    logo: Path | None = None,
    template_dir: Path | None = None,
) -> str:
    """A report as the text of a file that `covidreport render --format` writes.

    report: of `load` or `compare_scores`. name: of the format, such as `html`, `markdown`, `json`
    or `csv`. logo, template_dir: as the options. Sections that the settings hide where it was
    loaded are left out. Raises UsageError where there is no such format, no such picture, or no
    template in the folder.
    """
    options = RenderOptions(
        templates=None if template_dir is None else check_folder(template_dir),
        logo="" if logo is None else embed_logo(logo),
    )
    return report.to_text(name, options)
