"""A data set audited, and the runs that were evaluated on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from covidreport.audit import DataEvidence, audit_data, audit_scores, sort_findings
from covidreport.audit.document import Audit, merge_findings
from covidreport.audit.ignore import find_outlived, set_aside
from covidreport.dataset import fingerprint, select_split, select_splits
from covidreport.dataset.digests import digest_files
from covidreport.dataset.files import Digests
from covidreport.dataset.fill import fill_from_headers
from covidreport.dataset.survey import survey_images
from covidreport.errors import StoreError, UsageError
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.resolve import choose_data, read_query
from covidreport.images import describe_doubts
from covidreport.records import (
    Dataset,
    Finding,
    ImageSurvey,
    Noted,
    OnEvent,
    ReportData,
    Run,
    StageStarted,
    count_steps,
)
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.settings import Settings
from covidreport.storage.chosen import ImageQuery
from covidreport.storage.folds import split_folds
from covidreport.storage.replaced import digest_source
from covidreport.storage.runs import read_evaluations
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores


class AuditRequest(Struct, frozen=True):
    """What is looked at: a data set, all of it or some splits, and runs.

    options: which data, how many jobs, whether the cache is used. settings: the target, and the
    findings that are set aside.
    """

    options: EvaluateOptions
    settings: Settings
    splits: Sequence[str] = ()
    """None of them is all."""
    runs: Sequence[Run] = ()

    @property
    def use_cache(self) -> bool:
        """Whether what was measured is kept for the next time."""
        return self.options.cache is not False


class AuditedData(Struct, frozen=True):
    """What an audit found, and the runs whose scores could not be read, each with why."""

    audit: Audit
    unread: tuple[tuple[str, str], ...] = ()


def audit_data_set(request: AuditRequest, on_event: OnEvent) -> AuditedData:
    """Look at a data set, decoding each image once, and at what stands in the runs' folders.

    Raises UsageError or DatasetError where the data can't be read.
    """
    splits = request.splits
    query = choose_data(request.options, split_folds(request.runs))
    whole = read_query(query, (lambda _: splits) if splits else None)
    dataset, digests, notes = _read_files(_take_splits(whole, splits), request, on_event)
    survey = _survey(dataset, digests, request, on_event)
    report = _collect(request, dataset, on_event)
    target = request.settings.target
    evidence = DataEvidence(dataset, target, digests, survey, _list_roc_aucs(report))
    of_data = sort_findings([*audit_data(evidence), *_list_assumed(survey), *notes])
    of_runs, unread = ((), ()) if report is None else _audit_runs(report)
    findings, aside = set_aside(of_data, request.settings.ignore)
    run_findings, aside_runs = set_aside(
        sort_findings(merge_findings(of_data, of_runs)), request.settings.ignore
    )
    ignored = (*aside, *aside_runs)
    audit = Audit(
        dataset=dataset.name,
        source=query.source.as_posix(),
        target=target,
        labels=dataset.labels,
        splits=tuple(dict.fromkeys(dataset.splits or ("all",))),
        images=len(dataset),
        patients=None if dataset.groups is None else len(set(dataset.groups)),
        findings=(*findings, *find_outlived(request.settings.ignore, ignored)),
        runs=tuple(run.name for run in request.runs),
        run_findings=run_findings,
        ignored=ignored,
        fingerprints=_fingerprint_splits(dataset, digests),
    )
    return AuditedData(audit, unread)


def _take_splits(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """The images of these splits, in their order; all where none is named."""
    if not names:
        return dataset
    if dataset.splits is None:
        raise UsageError(f"the data has no splits, and split {names[0]!r} was asked for")
    return select_splits(dataset, names)


def _read_files(
    dataset: Dataset, request: AuditRequest, on_event: OnEvent
) -> tuple[Dataset, Digests, tuple[Finding, ...]]:
    """The data with what headers of its files add, the files' digests, and notes on the headers."""
    on_event(StageStarted(f"Reading {len(dataset):,} files", len(dataset)))
    digests = digest_files(dataset, use_cache=request.use_cache, advance=count_steps(on_event))
    filled, notes = fill_from_headers(dataset, digests, use_cache=request.use_cache)
    return filled, digests, tuple(notes)


def _survey(
    dataset: Dataset, digests: Digests, request: AuditRequest, on_event: OnEvent
) -> ImageSurvey:
    on_event(StageStarted(f"Decoding {len(dataset):,} images", len(dataset)))
    return survey_images(
        dataset, digests, jobs=request.options.jobs, use_cache=request.use_cache,
        advance=count_steps(on_event),
    )  # fmt: skip


def _list_assumed(survey: ImageSurvey) -> tuple[Finding, ...]:
    """What had to be assumed of DICOM files, as `evaluate` says it."""
    of_file = zip(survey.formats, survey.assumed, strict=True)
    return describe_doubts(Counter(assumed for name, assumed in of_file if name == "DICOM"))


def _fingerprint_splits(dataset: Dataset, digests: Sequence[str]) -> dict[str, str]:
    """The fingerprint of each split's images, as an evaluation of that split has it."""
    if dataset.splits is None:
        return {"all": fingerprint(dataset, digests)}
    found = {}
    for name in filter(None, dict.fromkeys(dataset.splits)):
        own = [digest for digest, of in zip(digests, dataset.splits, strict=True) if of == name]
        found[name] = fingerprint(select_split(dataset, name), own)
    return found


def _collect(request: AuditRequest, dataset: Dataset, on_event: OnEvent) -> ReportData | None:
    """What the runs' evaluations on this data set say; None without any."""
    if not request.runs:
        return None
    settings = request.settings
    split = request.splits[0] if request.splits else None
    filed = [each for run in request.runs for each in read_evaluations(run)[0]]
    meant = ImageQuery(named=dataset.name, places=frozenset({digest_source(dataset.source)}))
    name = meant.name_own(filed) or dataset.name
    try:
        return collect_report(
            request.runs, ReportChoices(settings.target, settings.specificity_floor),
            images=settings.query_stored(name, split), show_ids=True,
        )  # fmt: skip
    except UsageError as error:
        on_event(Noted(f"nothing is said of the runs: {error}"))
        return None


def _list_roc_aucs(report: ReportData | None) -> dict[str, float]:
    found = {}
    if report is not None:
        for run in report.runs:
            estimates = run.evaluation.estimates.get(report.target, {}) if run.evaluation else {}
            estimate = estimates.get("roc_auc")
            if estimate is not None and estimate.value is not None:
                found[run.run.name] = estimate.value
    return found


def _audit_runs(report: ReportData) -> tuple[tuple[Finding, ...], tuple[tuple[str, str], ...]]:
    """What evaluations and stored scores say against their runs, and which could not be read."""
    found = list(report.findings)
    unread = []
    for run in report.runs:
        if run.evaluation is None or not run.evaluation.has_scores:
            continue
        folder = evaluation_folder(run.run.folder, run.evaluation.key)
        try:
            found += audit_scores(run.run.name, read_scores(folder / SCORES_FILE))
        except StoreError as error:
            unread.append((run.run.name, str(error)))
    return tuple(found), tuple(unread)
