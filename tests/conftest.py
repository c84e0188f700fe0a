"""What every test needs: a cache folder of its own, and no wait for what it does not test."""

from __future__ import annotations

import atexit
import gc
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from covidreport import __version__
from covidreport.storage.cache import cached, name_entry
from covidreport.storage.cache_folder import take_damage
from tests.computed import compute_once, keep_drawing
from tests.forking import DRAWINGS, VARIABLE, find_forks, offer_forks
from tests.shared import share
from tests.visits import browser, visit, windows

__all__ = ["browser", "share", "visit", "windows"]

LONGEST = (
    "tests/test_readme.py",
    "tests/report/browser/test_page.py",
    "tests/report/browser/test_print.py",
    "tests/train/test_grid.py",
    "tests/integrations/test_mlflow.py",
    "tests/test_how_to_pages.py",
    "tests/test_drawn_reports.py",
    "tests/report/browser/test_accessibility.py",
    "tests/test_hostile.py",
    "tests/cli/test_folds.py",
    "tests/report/browser/test_operating.py",
    "tests/report/browser/test_address.py",
    "tests/train/test_train_page.py",
    "tests/cli/test_limits.py",
    "tests/report/browser/test_keyboard.py",
    "tests/report/browser/test_ranking.py",
    "tests/audit/test_turns.py",
    "tests/test_contributing.py",
    "tests/report/browser/test_cases.py",
    "tests/report/test_pictures.py",
    "tests/train/test_tracing.py",
    "tests/report/browser/test_readout.py",
    "tests/report/browser/test_saving.py",
    "tests/report/test_sections.py",
    "tests/cli/test_outputs_in_a_store.py",
    "tests/evaluate/test_device_failures.py",
    "tests/train/test_recipes.py",
    "tests/train/test_both_studies.py",
    "tests/cli/test_bad_days.py",
    "tests/report/test_markdown.py",
    "tests/cli/test_audit.py",
    "tests/train/test_export.py",
    "tests/cli/test_streams.py",
    "tests/cli/test_claims.py",
    "tests/test_package.py",
    "tests/test_pages.py",
    "tests/cli/test_widths.py",
    "tests/train/test_ranks.py",
    "tests/audit/test_data_checks.py",
    "tests/cli/test_stored_commands.py",
    "tests/cli/test_shards.py",
    "tests/metrics/test_differences.py",
    "tests/audit/test_crops.py",
    "tests/cli/test_several_processes.py",
    "tests/train/test_resume.py",
    "tests/report/same/test_csv_and_json.py",
    "tests/evaluate/test_accelerator.py",
    "tests/integrations/test_agree.py",
    "tests/test_gpu_benchmark.py",
    "tests/train/test_sources.py",
    "tests/cli/test_groups.py",
    "tests/cli/test_transformer.py",
    "tests/cli/test_stored_runs.py",
    "tests/images/test_pixel_cache.py",
    "tests/cli/test_engine.py",
    "tests/evaluate/test_company.py",
    "tests/train/test_augmentation.py",
    "tests/evaluate/test_devices.py",
    "tests/inference/test_half.py",
    "tests/cli/test_no_home.py",
    "tests/audit/test_similarity.py",
    "tests/train/test_synthetic.py",
    "tests/test_leaves_nothing.py",
    "tests/inference/test_runtime.py",
    "tests/metrics/test_precision_variance.py",
)
"""Files whose tests and fixtures take five seconds or more of a core, the longest first."""
COMPUTING = (
    "covidreport.evaluate.describe",
    "covidreport.evaluate.scoring",
    "covidreport.gate.near_threshold",
    "covidreport.import_scores",
)
"""What computes the metrics of scores, each by the function that `covidreport.metrics` has."""
CACHING = (
    "covidreport.compare",
    "covidreport.compare.patients",
    "covidreport.report.cases",
    "covidreport.report.charts.vega",
    "covidreport.report.classes",
    "covidreport.report.curves",
    "covidreport.report.referral",
    "covidreport.report.repeats",
    "covidreport.report.run_groups",
    "covidreport.report.sites",
    "covidreport.report.stored",
    "covidreport.report.weak_spots",
)
"""What caches records that take long to make, by the function that `storage.cache` has."""
_MADE: dict[str, Any] = {}


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """No search for circles of garbage among a million objects that stay: a third of the time."""
    gc.disable()
    try:
        _import_in_turn(session.config)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _import_in_turn(config: pytest.Config) -> None:
    """Where all tests are collected, each of pytest's workers begins with files of its own: pytest
    compiles what was not compiled yet, all workers at a time, and each would compile all of it."""
    mine = getattr(config, "workerinput", None)
    if mine is None or config.args != config.getini("testpaths"):
        return
    root = config.rootpath
    files = sorted(
        each for place in config.args for each in root.joinpath(place).rglob("test_*.py")
    )
    first = len(files) * int(mine["workerid"].removeprefix("gw")) // mine["workercount"]
    for file in files[first:] + files[:first]:
        # what can't be imported, or is skipped as a whole, is for pytest to say
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(file.relative_to(root).with_suffix("").parts))


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Iterator[None]:
    """One process, that of no test, has the servers which fork for the tests of all workers."""
    with ExitStack() as offered:
        if "PYTEST_XDIST_WORKER" not in os.environ:
            folder = offered.enter_context(tempfile.TemporaryDirectory(prefix="forks-"))
            offered.enter_context(offer_forks(Path(folder)))
            os.environ[VARIABLE] = folder
        return (yield)


def pytest_unconfigure() -> None:
    """Python ends as ever: libraries that count what is left then would tell of leaks. Not before:
    pytest looks for garbage as it ends, and would look among all that was collected."""
    atexit.register(gc.unfreeze)


def pytest_collection_modifyitems(items):
    """What takes longest begins first: else all workers but one wait for it at the end."""
    at = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: at.get(item.nodeid.partition("::")[0], len(at)))


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    """Names of folders to make: `mktemp` looks through all that there are for the next number."""
    root = tmp_path_factory.mktemp("caches")
    return (root / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def cache_of_its_own(caches, monkeypatch):
    """No test reads what another one, or the user, left in the cache."""
    folder = next(caches)
    folder.mkdir()
    monkeypatch.setenv("COVIDREPORT_CACHE", str(folder))
    take_damage()
    return folder


@pytest.fixture(autouse=True)
def environment_of_its_own():
    """What a test, or what it calls, sets in the environment is gone with it: else each command
    that a later one starts would start otherwise, and could not be forked."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(autouse=True)
def not_flushed(monkeypatch):
    """What a test writes need not outlive a loss of power: a flush takes longer than most tests."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(autouse=True)
def made_once(request, monkeypatch):
    """What goes into the cache is made once for all tests, by all that decides it; the test's own
    cache has it then as ever. A test that changes how it is made says `made_anew`."""
    drawings = find_forks().folder / DRAWINGS

    def once(kind, facts, make, record):
        name = name_entry([__version__, kind, facts])

        def take():
            if name not in _MADE:
                drawn = kind == "drawings"
                _MADE[name] = keep_drawing(drawings, kind, facts, make) if drawn else make()
            return _MADE[name]

        return cached(kind, facts, take, record)

    if "made_anew" not in request.keywords:
        for room in CACHING:
            monkeypatch.setattr(f"{room}.cached", once)


@pytest.fixture(autouse=True)
def computed_once(request, monkeypatch):
    """Equal scores of several tests get their metrics once, but in a test that says `made_anew`."""
    if "made_anew" not in request.keywords:
        for room in COMPUTING:
            monkeypatch.setattr(f"{room}.compute_metrics", compute_once)


@pytest.fixture(autouse=True)
def no_trial(request, monkeypatch):
    """No model is tried in a process of its own, but where a test asks for it: that takes time."""
    if "trial" not in request.keywords:
        for name in ("begin", "try_model"):
            monkeypatch.setattr(f"covidreport.inference.trial.Trial.{name}", lambda *_, **__: None)
