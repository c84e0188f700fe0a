"""Several cards of one machine, that runs are shared out over: each is tried, and all are alike."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.errors import ProviderError, UsageError
from covidreport.inference import cards, providers
from covidreport.inference.devices import Devices
from covidreport.inference.execution import Execution


def share_cards(execution: Execution, devices: Devices | None, why: str | None = None) -> Execution:
    """The execution on all the cards that are asked for; the first of them is its own.

    Each card is tried. why: what is to be said of a card that could not be used. UsageError where
    cards are named and the CPU runs the models; ProviderError where a card does not work, or is
    another kind than the first, since runs that are compared have to be scored alike.
    """
    if devices is None:
        return execution
    if not execution.provider.accelerator:
        if devices == "auto":
            return execution
        words = ",".join(map(str, devices))
        reason = f"; {why}" if why else ""
        raise UsageError(
            f"--devices {words}: provider {execution.provider.name} runs on the processor and "
            f"knows no cards; leave --devices out, or ask for --provider cuda{reason}"
        )
    if devices == "auto":
        numbers = _find_alike(execution)
    else:
        numbers = devices
        for number in numbers[1:]:
            _try_beside(execution, number)
    return replace(execution, devices=numbers) if len(numbers) > 1 else execution


def _find_alike(execution: Execution) -> tuple[int, ...]:
    """The cards that work and are called as that of the execution, which is the first."""
    driver = cards.read_driver()
    found = [execution.device_id]
    for number, card in enumerate(driver.cards if driver else ()):
        if number not in found and card.name == execution.card:
            _try_beside(execution, number)
            found.append(number)
    return tuple(found)


def _try_beside(execution: Execution, number: int) -> None:
    """ProviderError unless a card works, and is of the same kind as that of the execution."""
    status = providers.try_provider(execution.provider, number, execution.precision)
    if not status.works:
        raise ProviderError(
            f"provider {execution.provider.name} does not work on card {number}: {status.detail}"
        )
    other = providers.name_device(replace(execution, device_id=number))
    if other.card != execution.card:
        raise ProviderError(
            f"--devices: card {number} is {other.card}, and card {execution.device_id} "
            f"{execution.card}: other cards give other last digits, so that runs on them can't be "
            "compared; name cards of one kind"
        )
