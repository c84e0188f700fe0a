"""Parts of one run joined: what the loop would have gathered of all images on one machine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from covidreport.audit.bit_depth import describe_bit_depth, name_sources
from covidreport.dataset import digest_rows, fingerprint
from covidreport.dataset.split import take_rows
from covidreport.errors import RunError, StoreError
from covidreport.evaluate.build import describe_input, list_versions, name_key
from covidreport.evaluate.checkpoint import ScoresInMemory
from covidreport.evaluate.cut import cut_rows
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.scored import DecodedSet, OpenedRun, ScoredRun
from covidreport.images import describe_doubts
from covidreport.records import EvaluationPart, Shard
from covidreport.storage.parts import PART_FILE, PartRows, read_part, read_rows
from covidreport.text import listed


class Joined(Struct, frozen=True):
    """All parts of a run as one."""

    scored: ScoredRun
    decoded: DecodedSet
    started: float
    """When the first of them was begun, in seconds since 1970."""
    own: bool
    """Whether this machine computed all of them."""


def join_parts(request: EvaluationRequest, opened: OpenedRun) -> Joined:
    """The scores of all shards of a run in the order of the data, and what its images are like.

    RunError where a part is missing, there twice, or does not belong to the others: then with what
    it differs in.
    """
    parts = request.parts
    assert parts is not None
    n = len(request.dataset)
    decoded = DecodedSet.of(n)
    scored = ScoredRun(opened, ScoresInMemory.of(n, opened.width, opened.session.score_type))
    located = parts.locate(opened.run.name)
    read: list[EvaluationPart] = []
    for shard, folder in located:
        part, rows = _read(folder)
        _check_part(request, opened, part, shard)
        _take_rows(scored, decoded, part, rows)
        read.append(part)
    chains = sum((Counter(dict(each.chains)) for each in read), Counter[tuple[str, ...]]())
    decoded.findings = (
        *describe_bit_depth(decoded.peaks, name_sources(request.dataset)), *describe_doubts(chains),
    )  # fmt: skip
    decoded.chains = chains
    decoded.decode_s = sum(each.timing.decode_s for each in read)
    scored.inference_s = sum(each.timing.inference_s for each in read)
    scored.n_timed = sum(each.timing.images_timed for each in read)
    sizes = [each.smallest_batch for each in read if each.smallest_batch is not None]
    scored.smallest_batch = min(sizes, default=None)
    scored.shards = tuple(to_builtins(each.timing) for each in read)
    started = min(datetime.fromisoformat(each.timing.started).timestamp() for each in read)
    own = all(request.made.has_part(folder / PART_FILE) for _, folder in located)
    return Joined(scored, decoded, started, own)


def _read(folder: Path) -> tuple[EvaluationPart, PartRows]:
    try:
        part = read_part(folder)
        return part, read_rows(folder, part)
    except StoreError as error:
        raise RunError(str(error), "Evaluate its shard again, then merge.") from error


def _take_rows(
    scored: ScoredRun, decoded: DecodedSet, part: EvaluationPart, rows: PartRows
) -> None:
    at = slice(part.start, part.stop)
    scored.kept.put(part.start, rows.scores)
    decoded.reasons[at] = rows.reasons
    decoded.peaks[at] = rows.peaks
    decoded.measured[at] = rows.measured


def _check_part(
    request: EvaluationRequest, opened: OpenedRun, part: EvaluationPart, shard: Shard
) -> None:
    """RunError with all that a part differs in from what is merged here."""
    n, batch = len(request.dataset), request.batch
    data = _know_data(request)
    rows = cut_rows(n, batch, shard)
    here: dict[str, tuple[object, object]] = {
        "the run": (part.run, opened.run.name),
        "the shard": (str(part.shard), str(shard)),
        "the labels": (listed(part.labels), listed(request.dataset.labels)),
        "the number of images": (part.n_images, n),
        "the data (ids, truth, splits or their order)": (part.data, data),
        "the model": (part.model, opened.session.identity.sha256),
        "how images are fed": (part.alone, opened.alone),
        **_pair("the contract's ", part.contract, describe_input(opened)),
        **_pair("the setting ", part.settings, request.settings),
        **_pair("the version of ", part.versions, list_versions()),
    }
    differing = [
        f"{what} ({_show(there)} there, {_show(wanted)} here)"
        for what, (there, wanted) in here.items()
        if there != wanted
    ]
    if not differing:
        facts = (part.start, part.stop, part.fingerprint)
        wanted = (rows.start, rows.stop, _know_fingerprint(request, shard, rows))
        if facts != wanted or part.key != _key_of_part(request, opened, wanted[2]):
            differing = ["the bytes of its images, or their order"]
    if differing:
        raise RunError(
            f"the part of shard {shard} does not belong to what is merged here; it differs in "
            f"{'; '.join(differing)}",
            "Merge with what the shards were evaluated with, or evaluate that shard again.",
        )


def _pair(
    what: str, there: Mapping[str, Any], here: Mapping[str, Any]
) -> dict[str, tuple[object, object]]:
    plain: dict[str, Any] = json.loads(json.dumps(here))  # as it is read from a file
    names = dict.fromkeys((*there, *plain))
    return {f"{what}{name}": (there.get(name), plain.get(name)) for name in names}


def _show(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:16]}…"


def _know_data(request: EvaluationRequest) -> str:
    """The digest of the data's rows, which is the same for all parts of all runs."""
    assert request.parts is not None
    known, labels = request.parts.data, request.dataset.labels
    if labels not in known:
        known[labels] = digest_rows(request.dataset)
    return known[labels]


def _know_fingerprint(request: EvaluationRequest, shard: Shard, rows: range) -> str:
    """What identifies the images of a shard, by the digests that the first run's parts hold."""
    assert request.parts is not None
    known, name = request.parts.fingerprints, (request.dataset.labels, shard)
    if name not in known:
        digests = request.digests[rows.start : rows.stop]
        known[name] = fingerprint(take_rows(request.dataset, rows), digests)
    return known[name]


def _key_of_part(request: EvaluationRequest, opened: OpenedRun, fingerprint: str) -> str:
    return name_key(request, opened.run, opened.session.identity.sha256, fingerprint)
