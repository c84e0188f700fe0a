"""From a fitted model to model.onnx, written only where ONNX Runtime answers as torch does.

torch's answers to three drawn pictures go beside it, to be replayed by every evaluation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from covidreport.errors import RunError
from covidreport.images.reference import decode_reference
from covidreport.inference.contract import PREFIX, contract_metadata
from covidreport.inference.session import open_session
from covidreport.records import PixelSpec, ReferenceAnswers
from covidreport.store import MODEL_FILE, describe_feeding, write_reference
from covidreport.text.sizes import size

from .models import PixelModel
from .tracing import OPSET, build_graph
from .writing import put_whole

TOLERANCE = 1e-4
"""Allowed difference of a logit, as a proportion of the batch's largest one, or of 1 if that is
less.

float32 has 24 bits; a hundred layers summed in another order lose about ten of them.
"""
CHECKED_BATCHES = (1, 8, 3)
"""Sizes of the batches of real images that both must answer alike."""
LARGEST_BYTES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Contract:
    """What the file states of itself."""

    pixels: PixelSpec
    labels: tuple[str, ...]
    run: str


def export_model(
    model: PixelModel, contract: Contract, images: NDArray[np.uint8], folder: Path
) -> dict[str, Any]:
    """Write model.onnx into `folder` once it is proved; gives the evidence for run.json.

    images: real ones, uint8 `(N, C, H, W)`, at least one. Raises RunError, and leaves no new file,
    where the model can't be exported or the two runtimes disagree.
    """
    model = model.eval()
    with put_whole(folder / MODEL_FILE) as part:
        reused = _write_model(model, contract, part)
        try:
            evidence = check_export(model, part, contract, images)
        except RunError:
            if not reused:
                raise
            _write_model(model, contract, part, anew=True)
            evidence = check_export(model, part, contract, images)
        data = part.read_bytes()
        answers = answer_pictures(model, part)
    write_reference(folder, answers)
    return {
        "opset": OPSET,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        "checked_against_torch": evidence,
    }


def _write_model(model: PixelModel, contract: Contract, file: Path, *, anew: bool = False) -> bool:
    """The ONNX file: the same bytes for the same weights, without a word of this machine.

    Gives whether its graph was traced for another model, which must not be so `anew`.
    """
    spec = contract.pixels
    n_bytes = sum(weight.numel() * weight.element_size() for weight in model.state_dict().values())
    if n_bytes > LARGEST_BYTES:
        raise RunError(f"its weights take {size(n_bytes)}; one ONNX file holds at most 2 GiB")
    proto, reused = build_graph(model, spec, anew=anew)
    _strip_traces(proto)
    metadata = contract_metadata(spec, contract.labels, "logit")
    metadata[f"{PREFIX}run"] = json.dumps(contract.run)
    del proto.metadata_props[:]
    for key, value in metadata.items():
        proto.metadata_props.add(key=key, value=value)
    file.write_bytes(proto.SerializeToString(deterministic=True))
    return reused


def _strip_traces(proto: Any) -> None:
    """Remove the notes that the exporter leaves, which name files of this machine."""
    proto.doc_string = ""
    graphs = [proto.graph, *proto.functions]
    for graph in graphs:
        graph.doc_string = ""
        del graph.metadata_props[:]
        for node in graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
    for value in [*proto.graph.input, *proto.graph.output, *proto.graph.value_info]:
        value.doc_string = ""
        del value.metadata_props[:]
    for tensor in proto.graph.initializer:
        tensor.doc_string = ""
        del tensor.metadata_props[:]


def check_export(
    model: PixelModel, file: Path, contract: Contract, images: NDArray[np.uint8]
) -> dict[str, Any]:
    """Compare ONNX Runtime's answers with torch's on real images, in batches of several sizes.

    Gives what was compared, the tolerance and the largest difference. Raises RunError where they
    disagree, where an answer is not finite, or where the file's contract reads back otherwise.
    """
    session = open_session(file)
    if session.spec.pixels != contract.pixels or session.spec.labels != contract.labels:
        raise RunError("the exported file's contract does not read back as it was written")
    largest, checked = 0.0, 0
    for batch in _cut(images, CHECKED_BATCHES):
        with torch.no_grad():
            expected = model(torch.from_numpy(batch)).numpy()
        given = session.run(batch)
        if not np.isfinite(expected).all() or not np.isfinite(given).all():
            raise RunError("the fitted model gives answers that are not finite")
        scale = max(1.0, float(np.abs(expected).max()))
        difference = float(np.abs(given - expected).max())
        if difference > TOLERANCE * scale:
            raise RunError(
                f"ONNX Runtime and torch disagree by {difference:.3g} on a batch of {len(batch)} "
                f"real images whose largest logit is {scale:.3g}; at most {TOLERANCE:g} of that is "
                "allowed. No model was written"
            )
        largest, checked = max(largest, difference / scale), checked + len(batch)
    return {
        "images": checked,
        "batch_sizes": list(CHECKED_BATCHES),
        "tolerance": TOLERANCE,
        "largest_relative_difference": largest,
    }


def answer_pictures(model: PixelModel, file: Path) -> ReferenceAnswers:
    """torch's answers to the pictures that covidreport brings, as they travel with the model.

    file: the export, whose contract says how it is fed. RunError where they are not finite.
    """
    session = open_session(file)
    pictures = decode_reference(session.spec.pixels)
    with torch.no_grad():
        scores = model(torch.from_numpy(pictures.pixels.transpose(0, 3, 1, 2).copy())).numpy()
    if not np.isfinite(scores).all():
        raise RunError("the fitted model gives answers that are not finite to the drawn pictures")
    return ReferenceAnswers(
        f"torch {torch.__version__}", session.identity.sha256, session.spec.labels,
        describe_feeding(session.spec), pictures.sha256, pictures.decoded, pictures.decoders,
        tuple(tuple(map(float, row)) for row in scores),
    )  # fmt: skip


def _cut(images: NDArray[np.uint8], sizes: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
    """Batches of these sizes, taken in turn from the images and from their start again."""
    start = 0
    for many in sizes:
        yield images[np.arange(start, start + many) % len(images)]
        start += many
