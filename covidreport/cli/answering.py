"""`covidreport evaluate kit.zip --counts-only answer.json`: a sealed kit, and counts alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from covidreport.cli.stopping import Stopped
from covidreport.errors import UsageError
from covidreport.storage.address import Address

if TYPE_CHECKING:
    from covidreport.api.evaluating import EvaluatedRuns
    from covidreport.evaluate.options import EvaluateOptions
    from covidreport.records import Answer, Withheld


def is_kit(path: Path) -> bool:
    """Whether an argument names a kit, and no run."""
    return path.suffix.lower() == ".zip" and not isinstance(path, Address) and path.is_file()


def answer_and_show(
    folders: Sequence[Path], each_data: Sequence[EvaluateOptions], output: Path,
    withhold: Sequence[str], keep: Path | None,
) -> EvaluatedRuns:  # fmt: skip
    """Evaluate a kit, show the text that is to be sent, write just that, and give what was done.

    Nothing is asked: the command sends nothing, and the file that a person sends is what was shown.
    """
    from covidreport.api.evaluating import evaluate_runs
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import say, say_note
    from covidreport.kit.answer import build_answer
    from covidreport.kit.opened import open_kit
    from covidreport.storage.kit import encode_answer
    from covidreport.store import encode_text, write_atomic
    from covidreport.text import plural

    kit, withheld = _check(folders, each_data, output, withhold)
    with _say_of_stop(keep), open_kit(kit, keep) as opened:
        runs = plural(len(opened.kit.runs), "run")
        say(f"kit {opened.sha256}: {runs}, and every file is as it was sealed")
        options = opened.complete(each_data[0])
        with show_events() as on_event:
            done = evaluate_runs(opened.runs, options=options, on_event=on_event)
        answer = build_answer(opened, done.outcomes, withheld)
    _say_left_out(answer)
    text = encode_answer(answer)
    data = encode_text(text)
    sys.stdout.write(data.decode())
    sys.stdout.flush()
    write_atomic(output, data)
    say(f"wrote {output}: just the text above; nothing was sent, and sending it is up to you")
    if keep is None:
        say_note("nothing else was kept here: no score, no picture, no cache")
    return done


@contextmanager
def _say_of_stop(keep: Path | None) -> Iterator[None]:
    """Where a signal ends it, that nothing is kept: the same command begins anew."""
    try:
        yield
    except Stopped as stop:
        if keep is None:
            stop.text = (
                "covidreport: stopped; nothing of the kit is kept here, and nothing was sent"
            )
        raise


def _check(
    folders: Sequence[Path], each_data: Sequence[EvaluateOptions], output: Path,
    withhold: Sequence[str],
) -> tuple[Path, tuple[Withheld, ...]]:  # fmt: skip
    """The kit and what is withheld; UsageError for what makes no answer."""
    from covidreport.records import Withheld

    if len(folders) != 1 or not is_kit(folders[0]):
        raise UsageError("--counts-only takes one kit, such as kit.zip, as `covidreport kit` wrote")
    if len(each_data) != 1:
        raise UsageError("--counts-only takes one data set: evaluate the kit once for each --data")
    known = get_args(Withheld)
    wrong = [each for each in withhold if each not in known]
    if wrong:
        raise UsageError(f"--withhold {wrong[0]}: one of {', '.join(known)}")
    if output.exists():
        raise UsageError(
            f"{output}: is there already; name another file, so that no answer which was sent is "
            "lost"
        )
    return folders[0], tuple(cast("Withheld", each) for each in withhold)


def _say_left_out(answer: Answer) -> None:
    """What was asked for and is not sent."""
    from covidreport.cli.terminal import say_note
    from covidreport.text import listed

    if "counts" in answer.withheld or "groups" in answer.withheld:
        return
    sent = {name for run in answer.runs for name, groups in run.groups.items() if groups}
    left = [name for name in answer.attributes if name not in sent]
    if left and any(run.counts for run in answer.runs):
        say_note(
            f"no counts by {listed(left)}: the images do not state it, or a count would be of "
            f"fewer than {answer.fewest}"
        )


def refuse_alone(folders: Sequence[Path], **options: object) -> None:
    """UsageError where a kit is named without where its answer goes, or what is said of one."""
    given = [f"--{name}" for name, value in options.items() if value]
    if given:
        raise UsageError(f"{given[0]} goes with --counts-only")
    kits = [path for path in folders if is_kit(path)]
    if kits:
        raise UsageError(
            f"{kits[0]}: is a kit: say where its answer goes, such as --counts-only answer.json"
        )
