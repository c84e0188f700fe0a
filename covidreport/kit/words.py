"""What the findings of an answer say, in words of this side: their own stayed where the images are.

An evaluation's finding names images, runs and values. Its code alone travels.
"""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "activation-contradicted": "a model's graph ends otherwise than its description says",
    "activation-taken-twice": "an activation seems to be taken twice",
    "answered-by-another-output": "a label is told better by another output of a model",
    "answers-vary": "a model answers the same image differently each time",
    "argmax-several-labels": "images carry several labels, of which a model names one at most",
    "argmax-tied": "a model gives its highest score to several outputs",
    "attributes-from-dicom": "attributes were read from DICOM headers",
    "batch-halved": "a model was fed smaller batches than asked for",
    "depends-on-batch": "a model's scores depend on the images beside it",
    "dicom-contradicts-manifest": "DICOM headers contradict the manifest",
    "dicom-modality-assumed": "DICOM images do not say that they are radiographs",
    "differs-from-cpu": "a model answers otherwise on that device than on the CPU",
    "differs-from-reference": "a model answers otherwise than where it was exported",
    "exploratory-threshold": "thresholds were tuned on the images themselves",
    "files-passed-over": "files of kinds that are not read were passed over",
    "images-failed": "images could not be scored, and count as wrong answers",
    "images-left-out": "images were left out of the data set",
    "labels-swapped": "a model's outputs seem to be in another order than its labels",
    "logits-look-like-probabilities": "scores that are stated to be logits look like probabilities",
    "model-not-as-exported": "a model is not the one that was exported",
    "nodes-on-cpu": "a model ran in part on the CPU",
    "patients-not-in-dicom": "patients were not taken from DICOM headers",
    "preprocessing-suspected": "a model tells more when it is fed otherwise than described",
    "provider-unverified": "the device is one that nobody has verified",
    "scores-out-of-range": "a model gives scores that its activation can't give",
    "synthetic-images": "images are synthetic, of no patient",
    "tuning-images-unknown": "nobody can tell whether thresholds were tuned on the images",
}
"""By code, for every finding that an evaluation can hold."""


def describe_code(code: str) -> str:
    """A finding of an answer as a clause; a later version's by its code, as such."""
    return WORDS.get(code, f"something that this version has no words for ({code})")
