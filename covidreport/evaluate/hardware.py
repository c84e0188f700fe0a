"""On what the models of a command run: provider, precision and cards, as its options say."""

from __future__ import annotations

from covidreport.evaluate.options import EvaluateOptions
from covidreport.inference.execution import Execution, Precision, read_precision
from covidreport.inference.providers import choose_execution, expect_execution
from covidreport.inference.several import share_cards
from covidreport.records import Finding

DEFAULT_PROVIDER = "auto"
DEFAULT_PRECISION = "fp32"


def choose_hardware(options: EvaluateOptions) -> tuple[Execution, tuple[Finding, ...]]:
    """Where models run, on all the cards that are asked for, and a finding where a GPU is there and
    is not used.

    Raises ProviderError where what is asked for does not work here, UsageError where cards are
    named that what was found has none of.
    """
    execution, why = choose_execution(*_choices(options))
    execution = share_cards(execution, options.devices, why)
    return execution, () if why is None else (_gpu_not_used(why),)


def expect_hardware(options: EvaluateOptions) -> Execution | None:
    """Where models would run, as `expect_execution` tells it: no provider is opened."""
    return expect_execution(*_choices(options))


def _choices(options: EvaluateOptions) -> tuple[str, Precision, int]:
    precision = read_precision(options.precision or DEFAULT_PRECISION)
    devices = options.devices
    first = 0 if devices is None or devices == "auto" else devices[0]
    return options.provider or DEFAULT_PROVIDER, precision, first


def _gpu_not_used(why: str) -> Finding:
    return Finding(
        "warning",
        "gpu-not-used",
        "A GPU is here and was not used",
        why,
        "Install what is missing, or ask for `--provider cpu` so that it is meant.",
    )
