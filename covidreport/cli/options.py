"""What several commands take: each argument and option that they share is described once, here.

A command states its options as parameters, and `read_options` takes from them what is a field of
`EvaluateOptions`: an option more is one field there, and one parameter in each command that has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.storage.address import locate, locate_baseline, locate_runs
from covidreport.storage.copied import Use

if TYPE_CHECKING:
    from covidreport.evaluate.disturbances import DisturbOptions, ForeignOptions
    from covidreport.evaluate.options import EvaluateOptions
    from covidreport.evaluate.patches import MapOptions
    from covidreport.gate.options import GateOptions
    from covidreport.settings import Settings

Runs = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="RUNS",
        help="Run folders, folders of them, or ONNX files; or a folder in an object store, such "
        "as s3://bucket/runs.  [default: runs]",
        parser=locate_runs,
    ),
    Use.READ,
]
WrittenRuns = Annotated[Runs, Use.WRITE]
"""The same where the command writes into them."""
RunFolder = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A run folder, or an ONNX file.", parser=locate_runs),
    Use.READ,
]
NewRuns = Annotated[
    Path,
    typer.Option(
        help="The folder in which run folders are made.", parser=locate_runs, metavar="FOLDER"
    ),
    Use.MAKE,
]

Data = Annotated[
    Path | None,
    typer.Option(
        help="A manifest (.csv, .parquet) or a folder of class folders.",
        parser=locate,
        metavar="PATH",
    ),
]
EachData = Annotated[
    list[Path] | None,
    typer.Option(
        parser=locate,
        metavar="PATH",
        help="A manifest (.csv, .parquet) or a folder of class folders; repeatable, one data set "
        "after the other.",
    ),
]
USUAL = "[default: the configured one, else validation]"
JUDGED = "[default: the configured one, else the baseline's, else validation]"
EvaluatedSplit = Annotated[str | None, typer.Option(help=f"Which split to evaluate on.  {USUAL}")]
StoredSplit = Annotated[str | None, typer.Option(help=f"Which split.  {USUAL}")]
StoredDataset = Annotated[
    str | None, typer.Option(help="Which data set.  [default: the configured one, else the newest]")
]
Variant = Annotated[
    str | None, typer.Option(help="The evaluation in another precision or by another provider.")
]

Threshold = Annotated[
    list[str] | None,
    typer.Option(help="A probability, or LABEL=PROBABILITY; repeatable.  [default: 0.5]"),
]
TunedThresholds = Annotated[
    str | None,
    typer.Option(help="tuned: each run's own, as `covidreport tune` stored them.", metavar="NAME"),
]

Provider = Annotated[
    str | None,
    typer.Option(
        help="auto, tensorrt, cuda or cpu. A provider that can't run is an error.", metavar="NAME"
    ),
]
Precision = Annotated[
    str, typer.Option(help="fp32, tf32 or fp16; below fp32 on an accelerator.", metavar="NAME")
]
DeviceId = Annotated[
    int | None, typer.Option(min=0, help="Which card, counted from 0.  [default: 0]")
]
Devices = Annotated[
    str | None,
    typer.Option(
        "--devices",
        "--device-id",
        metavar="N,...",
        help="Which cards, counted from 0, that runs are shared out over; auto: all like the "
        "first.  [default: 0]",
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        min=1, max=4096, help="Images that a model is fed at once.  [default: 32, 256 on a card]"
    ),
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Threads of work.  [default: the cores that may be used]")
]
BatchTimeout = Annotated[
    float | None,
    typer.Option(
        "--batch-timeout-s",
        help="How long a model may take for one batch.  [default: as configured, else 300]",
        metavar="SECONDS",
    ),
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        help="What all models together may take: a fraction of the memory, or a size such as "
        "12GiB.  [default: as configured, else 0.8]",
        metavar="LIMIT",
    ),
]
MaxFailedShare = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, metavar="SHARE",
        help="How many of the images may fail before nothing is said.  [default: as configured, "
        "else 0.05]",
    ),
]  # fmt: skip
Occlude = Annotated[
    str | None,
    typer.Option(
        help="Black a part of every image out: centre, borders or corners, or such as "
        "centre:0.7, as a fraction of height and width. Stored as a variant.",
        metavar="REGION",
    ),
]
PartFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--parts",
        help="Where the parts of shards are: written there by --shard, read by `merge`, which "
        "takes several.  [default: parts]",
        metavar="FOLDER",
    ),
]
Cache = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Keep decoded pixels for the next time.")
]

GATE_EXIT_CODES = (
    "Exit code: 0 pass, 1 a limit is not kept, 2 wrong usage, 3 could not be judged (no "
    "evaluation, broken model, missing data, provider, another baseline, full disk, a defect), 4 "
    "inconclusive: too few cases to tell."
)
GateBaseline = Annotated[
    str | None,
    typer.Option(
        parser=locate_baseline,
        help="A run folder, a file of `covidreport baseline set`, a folder of runs, whose best is "
        "taken, or a registered model, such as models:/NAME@champion.  [default: as configured, "
        "else baseline.json if it is there]",
        metavar="PLACE",
    ),
    Use.READ,
]
Limits = Annotated[
    list[str] | None,
    typer.Option(help="What must hold, beside the configured limits; repeatable.", metavar="LIMIT"),
]
Warnings = Annotated[
    list[str] | None,
    typer.Option(help="As --limit, but no more than a warning; repeatable.", metavar="LIMIT"),
]
RequireEvidence = Annotated[
    bool,
    typer.Option(
        "--require-evidence",
        help="Inconclusive unless the data exclude a loss of sensitivity over the margin.",
    ),
]
EvidenceMargin = Annotated[
    float | None,
    typer.Option(
        help="The loss of sensitivity that evidence excludes, and that of the worse run in the "
        "odds.  [default: as configured, else 0.05]"
    ),
]
Policy = Annotated[
    str | None,
    typer.Option(
        help="What is asked of missed cases: strict (not one more than the baseline), evidence (a "
        "loss over the margin is excluded) or tolerant (an allowance for chance).  [default: as "
        "configured, else strict]",
        metavar="NAME",
    ),
]
NoGroupLoses = Annotated[
    list[str] | None,
    typer.Option(
        "--no-group-loses",
        help="Fail a run that loses more cases in one group of this attribute than chance explains "
        "there; `all` for every attribute; repeatable.",
        metavar="ATTRIBUTE",
    ),
]
TrustStored = Annotated[
    bool,
    typer.Option(
        "--trust-stored",
        help="Judge stored scores that this machine did not compute; verdict and report say so.",
    ),
]
BaseBranch = Annotated[
    str | None,
    typer.Option(
        "--base",
        help="What the change is to be merged into: baseline, settings and manifest are compared "
        "with it.  [default: as GitHub or GitLab states]",
        metavar="REF",
    ),
]
ShowIds = Annotated[
    bool, typer.Option("--show-ids", help="Name cases by their ids, not by digests.")
]
VerdictAsJson = Annotated[
    bool, typer.Option("--json", help="Print verdict.json instead of tables.")
]

PlannedBaseline = Annotated[
    str | None,
    typer.Option(help="Compare the others with this run alone.", metavar="RUN"),
]
PlannedMargin = Annotated[
    float | None, typer.Option(help="How much less sensitive is not inferior, such as 0.05.")
]

Site = Annotated[
    str | None,
    typer.Option(
        help="Show runs by site: an attribute of the images, or `dataset` for a data set each.",
        metavar="NAME",
    ),
]
ReferenceGroups = Annotated[
    list[str] | None,
    typer.Option(
        "--reference-group",
        help="What the other groups of an attribute are compared with, such as sex=F; repeatable.  "
        "[default: as configured, else the group with most cases]",
        metavar="ATTRIBUTE=VALUE",
    ),
]
RankSites = Annotated[
    str | None,
    typer.Option(
        help="What runs are ordered by over sites: pooled or worst.  [default: pooled]",
        metavar="NAME",
    ),
]
RankWeighted = Annotated[
    bool,
    typer.Option("--rank-weighted", help="Answer by the images' sampling weights, too."),
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def read_options(
    context: typer.Context, data: Path | None = None
) -> tuple[Settings, EvaluateOptions]:
    """The settings that hold here, and the options of the command laid over them; data: where an
    argument names them."""
    from covidreport.evaluate.options import merge_options
    from covidreport.settings import find_settings

    settings = find_settings(Path.cwd())
    options = take_options(context)
    options = options if data is None else replace(options, data=data)
    return settings, merge_options(options, settings.evaluate)


def take_options(context: typer.Context) -> EvaluateOptions:
    """What the options of a command say of an evaluation, by the names of its parameters."""
    from covidreport.cli.command_line import format_command
    from covidreport.evaluate.cut import read_shard
    from covidreport.evaluate.occlusion import read_occlusion
    from covidreport.evaluate.options import EvaluateOptions, read_memory_limit
    from covidreport.evaluate.thresholds import read_thresholds
    from covidreport.inference.devices import read_devices

    fields = EvaluateOptions.__struct_fields__
    values = {name: value for name, value in context.params.items() if name in fields}
    if isinstance(values.get("data"), list | tuple):  # of `EachData`
        del values["data"]
    limit, occlude = values.get("memory_limit"), context.params.get("occlude")
    shard, devices = context.params.get("shard"), context.params.get("devices")
    read = {
        "thresholds": read_thresholds(
            context.params.get("threshold") or (), context.params.get("thresholds")
        ),
        "memory_limit": None if limit is None else read_memory_limit(limit),
        "occlusion": None if occlude is None else read_occlusion(occlude),
        "devices": None if devices is None else read_devices(devices),
        "shard": None if shard is None else read_shard(shard),
        "parts": tuple(context.params.get("part_folders") or ()) or None,
        "maps": _read_maps(context),
        "disturb": _read_disturb(context),
        "foreign": _read_foreign(context),
        "command": format_command(context),
    }
    return EvaluateOptions(**{**values, **read})


def _read_maps(context: typer.Context) -> MapOptions | None:
    """What `--maps`, `--maps-of` and `--maps-fill` say; either of the latter asks for maps, too."""
    from covidreport.evaluate.patches import MapOptions, read_fill

    fill, runs = context.params.get("maps_fill"), tuple(context.params.get("maps_of") or ())
    if not (context.params.get("maps") or fill or runs):
        return None
    return MapOptions("black" if fill is None else read_fill(fill), runs)


def _read_disturb(context: typer.Context) -> DisturbOptions | None:
    """What `--disturb` and the options beside it say; each of those asks for it, too."""
    from covidreport.evaluate.disturbances import DisturbOptions

    kinds = tuple(context.params.get("disturb_kind") or ()) or None
    severities = tuple(context.params.get("disturb_severity") or ()) or None
    if not (context.params.get("disturb") or kinds or severities):
        return None
    return DisturbOptions(True, kinds, severities)


def _read_foreign(context: typer.Context) -> ForeignOptions | None:
    """What `--foreign` and `--foreign-from` say; the latter asks for it, too."""
    from covidreport.evaluate.disturbances import ForeignOptions

    folders = tuple(context.params.get("foreign_from") or ()) or None
    if not (context.params.get("foreign") or folders):
        return None
    return ForeignOptions(True, folders)


def take_each_data(context: typer.Context) -> tuple[EvaluateOptions, ...]:
    """As `take_options` of a command with `EachData`: one for each data set, one without any.

    Those of `--data`, else those of the settings. Of several each has a name of its own.
    UsageError where one of them is not there.
    """
    from covidreport.dataset.source import name_sources
    from covidreport.settings import find_settings

    options = take_options(context)
    stated = context.params["data"] or ()
    sources = {path.resolve(): path for path in stated}
    if len(sources) == 1:
        return (replace(options, data=next(iter(sources.values()))),)
    found = find_settings(Path.cwd())
    settings, origin = found.evaluate, "--data"
    if not sources and settings.data is not None and found.beside:
        sources = {path.resolve(): path for path in (settings.data, *found.beside)}
        origin = settings.origins["data"]
    if not sources:
        return (replace(options, data=None),)
    if missing := [str(path) for path in sources.values() if not path.exists()]:
        raise UsageError(f"{', '.join(missing)}: no such file or folder (from {origin})")
    known = {settings.data: settings.name} if settings.data and settings.name else {}
    names = name_sources(list(sources.values()), known)
    return tuple(replace(options, data=path, name=name) for path, name in names.items())


def take_gate_options(context: typer.Context) -> GateOptions:
    """What the options of `gate` and `ci` say of limits and the baseline."""
    from covidreport.gate.options import GateOptions

    fields = GateOptions.__struct_fields__
    values = {name: value for name, value in context.params.items() if name in fields}
    values["no_group_loses"] = tuple(context.params.get("no_group_loses") or ())
    limits, warnings = (tuple(context.params[name] or ()) for name in ("limit", "warn"))
    return GateOptions(**values, limits=limits, warnings=warnings)
