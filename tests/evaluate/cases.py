"""A small data set, requests and runs for the tests of the main loop."""

from __future__ import annotations

from covidreport.dataset import fingerprint, read_dataset, select_split
from covidreport.dataset.digests import digest_files
from covidreport.evaluate.record import evaluate_runs
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.thresholds import Thresholds
from covidreport.inference.providers import CPU
from covidreport.storage.runs import discover_runs
from tests.datasets import LABELS

# brightness of the validation images and what they show; covid-19 is called above 100
ROWS = [
    (120, "covid-19", "validation"),
    (90, "covid-19", "validation"),
    (110, "normal", "validation"),
    (20, "normal", "validation"),
    (30, "pneumonia", "validation"),
    (40, "normal", "validation"),
    (250, "covid-19", "train"),
]


def make_request(
    manifest, split="validation", batch=4, jobs=2, thresholds=None, *,
    force=False, verify=False, use_cache=True,
):  # fmt: skip
    """A request on the CPU, with its digests as the command takes them."""
    dataset = select_split(read_dataset(manifest, LABELS), split)
    digests = digest_files(dataset, verify=verify or force, use_cache=use_cache)
    return EvaluationRequest(
        dataset=dataset,
        split=split,
        digests=digests,
        fingerprint=fingerprint(dataset, digests),
        thresholds=Thresholds(by_label=thresholds or {}, origin="option"),
        provider_option="cpu",
        execution=CPU,
        batch=batch,
        jobs=jobs,
        force=force,
        verify=verify,
        use_cache=use_cache,
    )


def evaluate_folder(folder, request):
    """Evaluate all runs of a folder; outcomes by run."""
    return {o.run.name: o for o in evaluate_runs(request, discover_runs([folder]))}
