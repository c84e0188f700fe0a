"""Several processes of one command on one machine, each fitting the experiments that none has."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from covidreport.errors import CovidReportError, UsageError
from covidreport.streams import prepare_streams

from .command import FitOptions, Listener, describe_end, run_fit
from .fit import FitOutcome
from .images import count_workers
from .progress import Event, Left, Moved, Said
from .stopping import stop_at_signals
from .study import find_study, read_study, select_experiments

READY = "ready"
"""What the first process says once all is prepared, and then the others are told."""


def fit_in_parallel(options: FitOptions) -> int:
    """`run_fit`, by `options.parallel` processes that share the machine's cores.

    They claim experiments as any process does that is given the same command. The first one
    prepares, and clears where that is asked for, before the others begin.
    """
    if options.parallel == 1 and not options.devices:
        return run_fit(options)
    if "WORLD_SIZE" in os.environ:
        raise UsageError("--parallel: torchrun has started several processes already, for one fit")
    _check_devices(options)
    study = read_study(find_study(options.study), options.overrides)
    chosen = select_experiments(study, options.experiments, options.blocks)
    most = 1 if options.dry_run else len(chosen) * (options.folds or study.folds or 1)
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    processes: list[BaseProcess] = []
    for number in range(min(options.parallel, most)):
        ours, theirs = context.Pipe()
        own = share_machine(options, number)
        process: BaseProcess = context.Process(target=_fit, args=(own, theirs, not number))
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    screen = Listener()
    try:
        outcomes = _listen(pipes, screen)
    finally:
        screen.close()
    for process in processes:
        process.join()
    return _end(outcomes, [process.exitcode or 0 for process in processes], options)


def share_machine(options: FitOptions, number: int) -> FitOptions:
    """What one of the processes is asked for: its share of the cores, its card."""
    share = max(1, count_workers() // options.parallel)
    cards = options.devices
    return replace(
        options,
        threads=options.threads or share,
        workers=options.workers or share,
        card=cards[number % len(cards)] if cards else 0,
        overwrite=options.overwrite and number == 0,
        speaks=number == 0,
    )


def _check_devices(options: FitOptions) -> None:
    if not options.devices:
        return
    if options.device == "cpu":
        raise UsageError("--devices names cards, and --device cpu uses none")
    there = torch.cuda.device_count()
    strange = [str(card) for card in options.devices if not 0 <= card < there]
    if strange:
        raise UsageError(f"--devices: torch finds no card {', '.join(strange)} (it has {there})")


def _fit(options: FitOptions, pipe: Connection, first: bool) -> None:
    """What each process does."""
    code = 0
    with prepare_streams(), stop_at_signals(None):
        try:
            if first or pipe.recv():
                code = run_fit(options, _Told(pipe))
        except EOFError:  # the first one could not prepare, and said why
            pass
        except CovidReportError as error:
            pipe.send(Said(f"train: {error}"))
            code = error.exit_code
    sys.exit(code)


class _Told(Listener):
    """Tells the process that started this one, which speaks for all."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def tell(self, event: Event) -> None:
        self._pipe.send(event)

    def close(self) -> None:
        """Nothing: the others go on."""

    def on_ready(self) -> None:
        self._pipe.send(READY)

    def on_outcome(self, outcome: FitOutcome) -> None:
        self._pipe.send(outcome)

    def on_end(self, outcomes: Sequence[FitOutcome], out: Path) -> None:
        """Nothing: it is not the end of the grid."""


class _Ended:
    """How the experiments ended, by whichever process; says so as it comes."""

    def __init__(self, screen: Listener) -> None:
        self._screen = screen
        self._outcomes: dict[str, FitOutcome] = {}
        self._others: dict[str, FitOutcome] = {}

    def take(self, outcome: FitOutcome) -> None:
        name = outcome.experiment.name
        if outcome.status not in ("finished", "failed"):
            self._others[name] = outcome
            if outcome.status == "there already":
                self._screen.tell(Left(name))
        elif name not in self._outcomes:
            self._outcomes[name] = outcome
            self._screen.on_outcome(outcome)

    def say_others(self) -> dict[str, FitOutcome]:
        """Say what none of these processes fitted; how each experiment ended, by name."""
        for name in sorted(self._others.keys() - self._outcomes.keys()):
            self._screen.on_outcome(self._others[name])
        return self._others | self._outcomes


def _listen(pipes: Sequence[Connection], screen: Listener) -> dict[str, FitOutcome]:
    """How each experiment ended, by name, once all processes did; shows all that they tell."""
    ended = _Ended(screen)
    first, *rest = pipes
    left = list(pipes)
    at: dict[Connection, str] = {}
    while left:
        for pipe in wait(left):
            assert isinstance(pipe, Connection)
            try:
                told = pipe.recv()
            except (EOFError, ConnectionError):
                left.remove(pipe)
                pipe.close()
                told = Left(at[pipe], ended=False) if pipe in at else None
            if pipe is first and (told == READY or pipe.closed):
                for other in rest:
                    # a process that nothing was prepared for reads the end of its pipe
                    other.send(READY) if told == READY else other.close()
                left = [each for each in left if not each.closed]
                rest = []
            if isinstance(told, Moved):
                at[pipe] = told.run
            if isinstance(told, FitOutcome):
                ended.take(told)
            elif told is not None and told != READY:
                screen.tell(told)
    return ended.say_others()


def _end(outcomes: dict[str, FitOutcome], codes: Sequence[int], options: FitOptions) -> int:
    """Say how the grid ended; its exit code."""
    screen = Listener()
    for event in describe_end(list(outcomes.values()), options.out):
        screen.tell(event)
    for code in codes:
        if code < 0 or code not in (0, 2, 3):
            how = f"by signal {-code}" if code < 0 else f"with {code}"
            words = f"error: a process ended {how}; the same command goes on"
            screen.tell(Said(words, "bold red"))
    if 2 in codes:
        return 2
    return 3 if any(codes) else 0
