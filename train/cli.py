"""`python -m train`: fit, list, show, export. Nothing but arguments, progress and exit codes.

Helps say `python -m train`, which `main` replaces where the command is called otherwise.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from covidreport.errors import CovidReportError, UsageError
from covidreport.store import refuse_address, refuse_addresses
from covidreport.streams import prepare_streams

from . import PROGRAM
from .stopping import stop_at_signals
from .synthetic.command import draw

MODULE = __package__
TRAINED_WITH = ("torch", "torchvision", "onnx", "onnxscript")
"""What the extra `train` brings."""


class _Commands(typer.Typer):
    """Commands whose paths are paths."""

    def command(self, *words: Any, **more: Any) -> Callable[[Any], Any]:
        """As typer's."""
        register = super().command(*words, **more)
        return lambda function: register(_take_paths(function))


def _take_paths(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which refuses addresses among its paths."""

    @wraps(function)
    def call(**values: Any) -> Any:
        refuse_addresses((f"--{name}", value) for name, value in values.items())
        return function(**values)

    return call


app = _Commands(
    name="train",
    help=(
        "Fit the experiments of a study file and export each to ONNX.\n\n"
        "Example: python -m train fit --study 2020-corrected --data data/manifest.csv --out runs/"
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(draw)

StudyOption = Annotated[
    str, typer.Option("--study", help="A study file, or the name of one in train/studies.")
]
ExperimentOption = Annotated[
    list[str] | None,
    typer.Option("--experiment", "-e", help="Number or name; several: 3,4 or repeated; or all."),
]
BlockOption = Annotated[
    list[str] | None, typer.Option("--block", "-b", help="All experiments of a block, or all.")
]


def _split(values: list[str] | None) -> list[str]:
    """`--experiment 3,4 --experiment 7` as `3`, `4`, `7`."""
    return [part for value in values or [] for part in value.replace(",", " ").split()]


@app.command()
def fit(
    study: StudyOption,
    data: Annotated[Path, typer.Option("--data", help="A manifest, or class folders.")],
    out: Annotated[Path, typer.Option("--out", help="Where the run folders go.")] = Path("runs"),
    experiment: ExperimentOption = None,
    block: BlockOption = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the study's epochs.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Instead of the study's, in px.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Instead of the study's.")] = None,
    images: Annotated[
        int | None, typer.Option(help="Training images at most; all unless the study says so.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="In its place: imagenet, pretrained, none, or a file."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Instead of the study's; the run is called by it.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cuda or cpu.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that make batches; the cores by default.")
    ] = None,
    cache_gb: Annotated[
        float,
        typer.Option(min=0, help="Memory for decoded images, in GiB; each process has its own."),
    ] = 4.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin again, in place of what is there.")
    ] = False,
    keep_weights: Annotated[
        bool,
        typer.Option(help="Keep weights.pt, to export again or to start another run from."),
    ] = True,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads that torch computes with; weights are equal where it is.  "
            "[default: the cores, divided by --parallel]",
        ),
    ] = None,
    accept_other: Annotated[
        bool,
        typer.Option(
            "--accept-other",
            help="Go on from a checkpoint of other versions or another number of threads.",
        ),
    ] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            help="Fit although the audit of the data found this; repeatable.", metavar="CODE"
        ),
    ] = None,
    parallel: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes that fit on this machine, an experiment each at a time; they share its "
            "cores.  [default: 1, or one a card of --devices]",
        ),
    ] = None,
    devices: Annotated[
        list[str] | None,
        typer.Option(help="The cards that they take in turn: 0,1.", metavar="CARDS"),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Stop before the first epoch: data audited, each network tried, costs estimated.",
        ),
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2, help="Fit each once a fold, on the others; writes the folds where none are."
        ),
    ] = None,
) -> None:
    """Fit experiments and export them; finished ones are skipped, interrupted ones go on.

    Stops before the first epoch where `covidreport audit` finds an error in the splits in use, such
    as one patient in two of them, unless --ignore names it.

    What stands in place of the study's settings is recorded in run.json as overrides. Exit code 0:
    all are fitted; 2: wrong usage, study or data; 3: a run failed, the others were fitted.

    Processes that are given the same command, on one machine (--parallel starts them) or on a
    shared folder, fit each experiment once; one that is killed is gone on with. For one experiment
    on several GPUs, torchrun --nproc-per-node 2 -m train fit … divides each batch among them.

    Example: python -m train fit --study 2020-corrected --data data/ --experiment 3,4 --epochs 3
    """
    cards = [_read_card(card) for card in _split(devices)]
    if device not in ("auto", "cuda", "cpu"):
        raise UsageError(f"--device {device}: auto, cuda or cpu")
    overrides = {
        "epochs": epochs, "image_size": image_size, "batch_size": batch_size, "seed": seed,
        "images": images, "weights": _find_file(weights),
    }  # fmt: skip
    goes_on = "the same command, without --overwrite," if overwrite else "the same command"
    words = f"train: stopped; {goes_on} goes on from the last checkpoint"
    with stop_at_signals(words if os.environ.get("RANK", "0") == "0" else None):
        from .command import FitOptions
        from .parallel import fit_in_parallel

        code = fit_in_parallel(
            FitOptions(
                study=study,
                data=data,
                out=out,
                experiments=_split(experiment),
                blocks=_split(block),
                overrides={key: value for key, value in overrides.items() if value is not None},
                device=device,  # type: ignore[arg-type]  # checked above
                workers=workers,
                cache_bytes=int(cache_gb * 2**30),
                overwrite=overwrite,
                keep_weights=keep_weights,
                folds=folds,
                ignored=_split(ignore),
                threads=threads,
                accept_other=accept_other,
                dry_run=dry_run,
                parallel=parallel or max(1, len(cards)),
                devices=cards,
            )
        )
    raise typer.Exit(code)


def _read_card(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--devices {text}: the numbers of cards, such as 0,1") from None


def _find_file(weights: str | None) -> str | None:
    """A file named on the command line is looked up from here, not from the study's folder."""
    from .settings import WEIGHT_WORDS

    if weights is None or weights in WEIGHT_WORDS:
        return weights
    refuse_address(weights, "--weights")
    return str(Path(weights).resolve())


@app.command(name="list")
def list_experiments(
    study: StudyOption,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also say how the run folders there stand.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List a study's experiments, and with --out what is fitted.

    Example: python -m train list --study 2020-corrected --out runs/
    """
    from .listing import list_rows, show_rows
    from .study import find_study, read_study

    rows = list_rows(read_study(find_study(study), check_models=False), out)
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        show_rows(rows)


@app.command()
def show(
    study: StudyOption, experiment: ExperimentOption = None, block: BlockOption = None
) -> None:
    """Show every setting of experiments as they would be fitted, defaults filled in.

    Example: python -m train show --study 2020-corrected --experiment 15
    """
    from .study import find_study, read_study, select_experiments

    found = read_study(find_study(study))
    for chosen in select_experiments(found, _split(experiment), _split(block)):
        typer.echo(f"# {chosen.name}: {chosen.description}" if chosen.description else chosen.name)
        for key, value in _list_settings(chosen.settings).items():
            typer.echo(f"{key} = {json.dumps(value, ensure_ascii=False)}")
        typer.echo("")


def _list_settings(settings: Any) -> dict[str, Any]:
    from .settings import describe_settings

    values = describe_settings(settings)
    rule = values.pop("exported_epoch")
    chosen = "last" if rule["rule"] == "last" else f"best {rule['metric']} of {rule['split']}"
    stated = {key: value for key, value in values.items() if value is not None}
    return {**stated, "exported_epoch": chosen}


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A run folder with its weights.pt.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Real images to check with; the run's by default.")
    ] = None,
) -> None:
    """Write model.onnx of a fitted run again from its weights.pt, checked as at the first time.

    Example: python -m train export runs/exp15-vgg16-bce-frozen
    """
    from .command import run_export

    typer.echo(run_export(run, data))


def _call_here(words: str) -> str:
    return words.replace("python -m train", PROGRAM).replace("-m train", f"-m {MODULE}")


def main() -> None:
    """Run the command line; an error that a user can mend is one message and an exit code."""
    app.info.help = _call_here(str(app.info.help))
    for command in app.registered_commands:
        command.help = _call_here(inspect.getdoc(command.callback) or "")
    # threads that wait in a loop take the cores from each other: on a busy machine ten times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with prepare_streams():
        try:
            app()
        except CovidReportError as error:
            typer.echo(f"train: {error}", err=True)
            sys.exit(error.exit_code)
        except ModuleNotFoundError as error:
            if error.name not in TRAINED_WITH:
                raise
            typer.echo(
                f"train: {error.name} is not installed: pip install 'covidreport[train]'", err=True
            )
            sys.exit(2)
        except KeyboardInterrupt:
            typer.echo("train: stopped", err=True)
            sys.exit(130)
