"""What a user says of an evaluation, wherever he says it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from covidreport.errors import UsageError
from covidreport.evaluate.thresholds import Thresholds
from covidreport.inference.devices import Devices, check_devices
from covidreport.records import ModelLimits, Shard
from covidreport.storage.address import locate, refuse_addresses

if TYPE_CHECKING:
    from covidreport.dataset.layout import ManifestSettings
    from covidreport.evaluate.disturbances import DisturbOptions, ForeignOptions
    from covidreport.evaluate.occlusion import Occlusion
    from covidreport.evaluate.patches import MapOptions
    from covidreport.metrics.plan import MetricOptions

DEFAULT_TARGET = "covid-19"
LEAST_BYTES = 64 * 2**20
"""Of a memory limit: the smallest models take less, and none takes nothing."""
MEMORY_FORMAT = 'a fraction up to 1 or a size from 64MiB on is wanted, such as 0.8 or "12GiB"'


class EvaluateOptions(Struct, frozen=True):
    """What a user says of an evaluation; None where he is silent.

    The command line, Python and the settings file each fill one, and `merge_options` lays one over
    another. `EvaluationRequest` is what they come to, once the images are known. UsageError for a
    value that makes no sense whatever the images are.
    """

    data: Path | None = None
    split: str | None = None
    labels: tuple[str, ...] | None = None
    group: str | None = None
    """The column that names the patient."""
    uncertain: tuple[str, ...] | None = None
    """What a label's cell says where nobody is certain, such as `?`; the truth is then unknown."""
    manifest: ManifestSettings | None = None
    """How a table that others wrote is read as a manifest."""
    input: Mapping[str, Any] | None = None
    """What all models are fed, where their files and their run.json say nothing: words of a
    contract."""
    name: str | None = None
    """What to call the data set."""
    target: str | None = None
    """The label by whose missed cases runs are ranked."""
    max_failed_share: float | None = None
    """What proportion of the images may fail before nothing is said of a run."""
    thresholds: Thresholds | None = None
    metrics: MetricOptions | None = None
    occlusion: Occlusion | None = None
    """What is blacked out of every image: a variant beside the usual evaluation."""
    provider: str | None = None
    precision: str | None = None
    device_id: int | None = None
    """A card, as `devices` of that one."""
    devices: Devices | None = None
    """The cards that runs are shared out over: numbers from 0, or `auto` for all like the first."""
    batch_size: int | None = None
    jobs: int | None = None
    engine: str | None = None
    """What scores the images: `local`, this process, or `ray`, workers of a cluster of Ray."""
    address: str | None = None
    """Of a cluster of Ray that is there, such as `auto`; else one is started for the work."""
    batch_timeout_s: float | None = None
    memory_limit: float | None = None
    """As `ModelLimits.memory`."""
    force: bool | None = None
    """Compute again what stands."""
    verify: bool | None = None
    """Compare files by their bytes, whatever the file system says."""
    cache: bool | None = None
    thumbnails: bool | None = None
    maps: MapOptions | None = None
    """Where runs look: a patch of the positives hidden after another, once all are evaluated."""
    disturb: DisturbOptions | None = None
    """What pictures are changed by once all are evaluated, where that is asked for."""
    foreign: ForeignOptions | None = None
    """What is no frontal radiograph and shown once all are evaluated, where that is asked for."""
    check_preprocessing: bool | None = None
    """Feed models in the ways that their contracts leave open, on images of another split."""
    shard: Shard | None = None
    """Score this part of the images alone, for `parts`."""
    parts: tuple[Path, ...] | None = None
    """Where the part of a shard goes, a folder; without a shard: where the parts of all are that
    are merged in place of scoring any image."""
    trust_stored: bool | None = None
    """Keep stored scores that this machine did not make."""
    command: str | None = None
    """The command that asks for it, for the record."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where a field was stated, as messages call it; an option where nothing is said."""

    def __post_init__(self) -> None:
        folders = None if self.foreign is None else self.foreign.folders
        refuse_addresses([("--foreign-from", folders), ("--parts", self.parts)])
        if self.device_id is not None and self.devices is None:
            force_setattr(self, "devices", (self.device_id,))
        if self.devices is not None:
            check_devices(self.devices)
        if self.data is not None:
            force_setattr(self, "data", locate(self.data))
        if self.batch_timeout_s is not None and not 0 < self.batch_timeout_s < math.inf:
            raise UsageError(
                f"--batch-timeout-s {self.batch_timeout_s:g}: give seconds, such as 300"
            )

    def origin_of(self, name: str) -> str:
        """Where a field was stated, as messages call it."""
        return self.origins.get(name, f"--{name.replace('_', '-')}")

    @property
    def model_limits(self) -> ModelLimits:
        """What a model may take that is run."""
        usual = ModelLimits()
        seconds, memory = self.batch_timeout_s, self.memory_limit
        return ModelLimits(
            usual.batch_timeout_s if seconds is None else seconds,
            usual.memory if memory is None else memory,
        )


def merge_options(stated: EvaluateOptions, beneath: EvaluateOptions) -> EvaluateOptions:
    """What is stated, and where that is silent what lies beneath: options over settings."""
    silent = [name for name in EvaluateOptions.__struct_fields__ if getattr(stated, name) is None]
    values = {name: getattr(stated, name) for name in EvaluateOptions.__struct_fields__}
    values |= {name: getattr(beneath, name) for name in silent}
    if not _are_one(stated, beneath):  # how other data are written, and what they are called
        values["manifest"] = stated.manifest
        values["name"] = values["name"] if _holds(beneath, stated) else stated.name
    if stated.disturb is not None:
        values["disturb"] = stated.disturb.over(beneath.disturb)
    if stated.foreign is not None:
        values["foreign"] = stated.foreign.over(beneath.foreign)
    if stated.thresholds is not None:
        values["thresholds"] = stated.thresholds.over(beneath.thresholds)
    origins = {name: where for name, where in beneath.origins.items() if name in silent}
    return EvaluateOptions(**{**values, "origins": {**origins, **stated.origins}})


def _are_one(stated: EvaluateOptions, beneath: EvaluateOptions) -> bool:
    """Whether both name the same data, or the lower one names none."""
    here, there = stated.data, beneath.data
    return here is None or there is None or here.resolve() == there.resolve()


def _holds(beneath: EvaluateOptions, stated: EvaluateOptions) -> bool:
    """Whether what is stated is a manifest in the folder that the lower one names."""
    here, there = stated.data, beneath.data
    if here is None or there is None or not here.name.startswith("manifest."):
        return False
    return here.parent.resolve() == there.resolve()


def read_memory(value: object) -> float | None:
    """A memory limit as `ModelLimits` has it: a fraction, or bytes; None where it is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 < value <= 1 else None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]i?b)?", str(value).strip().lower())
    if not isinstance(value, str) or found is None:
        return None
    number, unit = float(found.group(1)), found.group(2)
    if unit is None:
        return number if 0 < number <= 1 else None
    amount = number * (1024 if "i" in unit else 1000) ** (1 + "kmgt".index(unit[0]))
    return amount if amount >= LEAST_BYTES else None


def read_memory_limit(text: str) -> float:
    """What `--memory-limit` says, as `ModelLimits` has it; UsageError where it is no limit."""
    memory = read_memory(text)
    if memory is None:
        raise UsageError(f"--memory-limit {text}: {MEMORY_FORMAT}")
    return memory
