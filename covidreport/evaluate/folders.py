"""Run folders evaluated as a user asks: what stands unchanged is kept, the rest is read and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.dataset import fingerprint, fingerprint_labels, stamp_files
from covidreport.dataset.digests import digest_files
from covidreport.dataset.files import Digests, FileStamps
from covidreport.dataset.fill import fill_from_headers
from covidreport.dataset.index import (
    DataQuery,
    stamp_manifest,
    write_known,
)
from covidreport.dataset.split import find_fold_rows, take_labels, take_rows
from covidreport.errors import DatasetError, UsageError
from covidreport.evaluate.cut import Cut, Parts
from covidreport.evaluate.folds import evaluate_configurations
from covidreport.evaluate.hardware import DEFAULT_PROVIDER, choose_hardware, expect_hardware
from covidreport.evaluate.naming import name_in_runs, rename, tell_name
from covidreport.evaluate.options import DEFAULT_TARGET, EvaluateOptions
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.record import evaluate_runs
from covidreport.evaluate.reference import RECORDED, Replayed, describe_replayed
from covidreport.evaluate.request import Cluster, EvaluationRequest, default_batch
from covidreport.evaluate.resolve import (
    LabelledRuns,
    check_target,
    choose_data,
    narrow_labels,
    part_by_labels,
    read_split,
)
from covidreport.evaluate.sharing import FoldGroup, Sharing, part_by_fold
from covidreport.evaluate.thresholds import Thresholds
from covidreport.evaluate.thumbnails import keep_thumbnails
from covidreport.evaluate.unchanged import find_known, query_part, reuse_unchanged, wants_anew
from covidreport.inference.execution import Execution
from covidreport.metrics.plan import MetricOptions
from covidreport.records import (
    CrossValidated,
    Dataset,
    Finding,
    FindingMade,
    Noted,
    OnEvent,
    Run,
    StageStarted,
    count_steps,
    ignore_events,
)
from covidreport.storage.codec import decode
from covidreport.storage.folds import FOLDS, split_folds
from covidreport.storage.made_here import MadeHere
from covidreport.storage.replaced import NewImages
from covidreport.store import REFERENCE_FILE
from covidreport.text import list_some, listed

ENGINES = ("local", "ray")
"""What may score the images."""
MOST_NAMED = 10
"""Of many runs, or labels, so many are named."""


class EvaluatedFolders(Struct, frozen=True):
    """What became of each run, in their order, and what must be known of data and machine."""

    outcomes: tuple[RunOutcome, ...]
    findings: tuple[Finding, ...] = ()
    """Those that are about the whole; they were told as events."""
    requests: Mapping[str, EvaluationRequest] = field(default_factory=dict)
    """What each run was asked, by its name; none of those that were kept unread, and of folds."""


class ReadImages(Struct, frozen=True):
    """One split of a data set, with the digests of its files."""

    dataset: Dataset
    split: str
    digests: Digests
    stamps: FileStamps
    """Taken before anything was read."""
    notes: tuple[Finding, ...]
    """What the files' headers say that must be known."""
    cut: Cut | None = None
    """Which part of the split these are."""
    parts: Parts | None = None
    """From where their scores come; then the digests as well."""

    @property
    def fingerprint(self) -> str:
        """What identifies the images and their truth."""
        return fingerprint(self.dataset, self.digests)

    @property
    def label_fingerprints(self) -> dict[str, str]:
        """What identifies them with the truth of each label alone."""
        return fingerprint_labels(self.dataset, self.digests)

    def take(self, labels: Sequence[str]) -> ReadImages:
        """The same images with these of their labels."""
        cut = None if self.cut is None else self.cut.take(labels)
        return replace(self, dataset=take_labels(self.dataset, labels), cut=cut)

    def file_under(
        self, runs: Sequence[Run], made: MadeHere | None = None, *, trusted: bool = True
    ) -> ReadImages:
        """The same images, called so that no evaluation of these runs is another data set's."""
        if self.cut is not None:
            return self  # its part goes where those of the other shards do, whatever stands
        data = self.dataset
        new = NewImages(
            data.name, self.split, None, self.fingerprint, data.source, data.labels, data.ids,
            data.truth, self.label_fingerprints,
        )  # fmt: skip
        name = name_in_runs(new, runs, made, trusted=trusted)
        return replace(self, dataset=rename(data, name))


def evaluate_folders(
    runs: Sequence[Run], options: EvaluateOptions, on_event: OnEvent = ignore_events,
    made: MadeHere | None = None,
) -> EvaluatedFolders:  # fmt: skip
    """Evaluate runs as options say; each has its evaluation or its failure in its folder.

    A configuration that was trained once a fold has an evaluation over all its folds; each model is
    run on its own fold alone. Where manifest, images and models are known to be unchanged nothing
    is read, and no provider is opened. made: what is known to have been made here, for who asks
    afterwards. Raises UsageError, DatasetError or ProviderError where no run could be evaluated.
    """
    target = options.target or DEFAULT_TARGET
    query = choose_data(options, split_folds(runs))
    parts = part_by_labels(runs, query.labels, target)
    known = None
    if not wants_anew(options) and not any(run.members for run in runs):
        known = find_known(query, parts)
    expected = None if known is None else expect_hardware(options)
    if known is not None and expected is not None:
        reused = reuse_unchanged(known, expected, options)
        if reused is not None:
            tell_name(query, known[0][0].dataset, on_event)
            return EvaluatedFolders(_order_outcomes(runs, reused))
    execution, findings = choose_hardware(options)
    if known is not None and execution.on(execution.device_id) != expected:
        reused = reuse_unchanged(known, execution, options)
        if reused is not None:
            tell_name(query, known[0][0].dataset, on_event)
            for finding in findings:
                on_event(FindingMade(finding))
            return EvaluatedFolders(_order_outcomes(runs, reused), findings)
    work = _Work(query, options, execution, findings, made, on_event)
    if options.shard is None:
        done = work.evaluate(FoldGroup(None, tuple(runs)))
    else:
        done = work.evaluate_shard(runs)
    _say_replayed(done.outcomes, on_event)
    return replace(done, outcomes=_order_outcomes(runs, done.outcomes))


class _Work(Struct, frozen=True):
    """What is to be done, whatever the runs. findings: of the machine."""

    query: DataQuery
    options: EvaluateOptions
    execution: Execution
    findings: tuple[Finding, ...]
    made: MadeHere | None
    on_event: OnEvent
    told: list[Finding] = field(default_factory=list)
    """Those of the machine and of the images that were told, once for all groups of runs."""

    @property
    def target(self) -> str:
        """The label that runs are ranked by."""
        return self.options.target or DEFAULT_TARGET

    def evaluate_shard(self, runs: Sequence[Run]) -> EvaluatedFolders:
        """Evaluate a part of all images, or of its fold's those that a run of a fold is for."""
        groups, outcomes = [FoldGroup(None, tuple(runs))], list[RunOutcome]()
        if any(run.members for run in runs):
            groups, outcomes = part_by_fold(runs, read_split(self.query)[0].folds)
        done = [self.evaluate(group) for group in groups]
        return EvaluatedFolders(
            (*outcomes, *(outcome for each in done for outcome in each.outcomes)),
            tuple(dict.fromkeys(finding for each in done for finding in each.findings)),
            {name: request for each in done for name, request in each.requests.items()},
        )

    def evaluate(self, group: FoldGroup) -> EvaluatedFolders:
        """Evaluate runs on the images that are theirs."""
        options, made, on_event = self.options, self.made, self.on_event
        runs = group.runs
        manifest = stamp_manifest(self.query)
        sharing = None
        if options.shard is not None or options.parts is not None:
            sharing = Sharing.of(options, self.execution, runs)
        query, images = self._read_labelled(sharing, group.fold)
        trusted = options.trust_stored is not False
        images = images.file_under(split_folds(runs), made, trusted=trusted)
        tell_name(query, images.dataset.name, on_event)
        parts = part_by_labels(runs, images.dataset.labels, self.target)
        warnings = (*self.findings, *images.notes)
        for finding in warnings:
            if finding not in self.told:
                self.told.append(finding)
                on_event(FindingMade(finding))
        outcomes: list[RunOutcome] = []
        requests: dict[str, EvaluationRequest] = {}
        for part in parts or (LabelledRuns(None, ()),):
            on_part = images if part.labels is None else images.take(part.labels)
            _note_lacking(part, on_event)
            request = complete_request(options, on_part, self.execution, self.findings, made)
            outcomes += _evaluate_part(request, part.runs, options, on_event)
            requests |= {run.name: request for run in part.runs if not run.members}
            if request.use_cache and sharing is None:
                data = images.dataset
                asked = query_part(query, part)
                write_known(asked, request.known, manifest, data.root, data.paths, images.stamps)
        return EvaluatedFolders(tuple(outcomes), warnings, requests)

    def _read_labelled(
        self, sharing: Sharing | None, fold: str | None
    ) -> tuple[DataQuery, ReadImages]:
        """The images, for the labels that are asked for; where these are the models' own, for those
        that the data have."""
        query, options = self.query, self.options
        try:
            return query, read_images(query, options, self.on_event, sharing, fold)
        except DatasetError:
            narrowed = None if options.labels else narrow_labels(query, self.target)
            if narrowed is None:
                raise
        lacking = [label for label in query.labels or () if label not in (narrowed.labels or ())]
        said = f"not evaluated: the data have no truth of {list_some(lacking, MOST_NAMED)}"
        self.on_event(Noted(said))
        return narrowed, read_images(narrowed, options, self.on_event, sharing, fold)


def _note_lacking(part: LabelledRuns, on_event: OnEvent) -> None:
    if part.lacking:
        names = list_some([run.name for run in part.runs], MOST_NAMED)
        has = "has" if len(part.runs) == 1 else "have"
        on_event(
            Noted(
                f"{names} {has} no output for {listed(part.lacking)}: evaluated for "
                f"{listed(part.labels or ())} on the same images, and ranked beside the others"
            )
        )


def _evaluate_part(
    request: EvaluationRequest, runs: Sequence[Run], options: EvaluateOptions, on_event: OnEvent
) -> list[RunOutcome]:
    """What became of runs that are evaluated for the same labels, of those of folds too."""
    plain = [run for run in runs if not run.members]
    configurations = [run for run in runs if isinstance(run, CrossValidated)]
    outcomes = list(evaluate_runs(request, plain, on_event))
    if options.thumbnails and plain:
        keep_thumbnails(request, outcomes, options, on_event)
    if configurations:
        whole, pooled = evaluate_configurations(request, configurations, on_event)
        outcomes += pooled
        if options.thumbnails:
            keep_thumbnails(whole, pooled, options, on_event)
    return outcomes


def _order_outcomes(runs: Sequence[Run], found: Sequence[RunOutcome]) -> tuple[RunOutcome, ...]:
    """In the order of the runs; of a configuration each fold where it was not put together."""
    outcomes = {each.run.name: each for each in found}
    return tuple(
        outcomes[each.name]
        for run in runs
        for each in ((run,) if run.name in outcomes else run.members)
    )


def _say_replayed(outcomes: Sequence[RunOutcome], on_event: OnEvent) -> None:
    """Say once how far the runs that were run lie from their reference answers, and which of them
    have none."""
    done = [each for each in outcomes if each.evaluation is not None and not each.reused]
    facts = [each.evaluation.provenance.get(RECORDED) for each in done if each.evaluation]
    found = [decode(each, Replayed) for each in facts if each is not None]
    if found:
        on_event(Noted(describe_replayed(found)))
    runs = [each for outcome in done for each in outcome.run.members or (outcome.run,)]
    without = [run.name for run in runs if not (run.folder / REFERENCE_FILE).exists()]
    if without:
        has = "has no" if len(without) == 1 else "have no"
        on_event(
            Noted(
                f"{list_some(without, 3)} {has} {REFERENCE_FILE}: whether this machine answers as "
                "another did is not asked (`covidreport adopt` keeps answers)"
            )
        )


def read_images(
    query: DataQuery, options: EvaluateOptions, on_event: OnEvent = ignore_events,
    sharing: Sharing | None = None, fold: str | None = None,
) -> ReadImages:  # fmt: skip
    """The images that are asked for, with their digests and what their headers say.

    sharing: of a shard its own alone, and of what is merged the digests that its parts hold. fold:
    those of this fold alone.
    UsageError where options name what is no label of them; that is said before the work.
    """
    dataset, split = read_split(query)
    if split == FOLDS:
        raise UsageError(
            f"a split can't be called {FOLDS!r}, under which evaluations over all folds of a "
            "configuration are filed: name the split whose images are in folds"
        )
    target = check_target(options, dataset.labels)
    (options.thresholds or Thresholds()).fixed(dataset.labels)
    (options.metrics or MetricOptions()).plan(dataset.labels, target)
    if fold is not None:
        dataset = take_rows(dataset, find_fold_rows(dataset, [fold]))
    cut = None if sharing is None else sharing.cut(dataset)
    parts = None if sharing is None else sharing.find_parts(dataset, split)
    if cut is not None:
        dataset = take_rows(dataset, cut.rows)
    stamps = stamp_files(dataset)
    use_cache = options.cache is not False
    if sharing is not None and parts is not None:
        digests = sharing.read_digests(parts, dataset)
    else:
        on_event(StageStarted(f"Reading {len(dataset):,} files", len(dataset)))
        digests = digest_files(
            dataset, stamps=stamps, verify=bool(options.verify or options.force),
            use_cache=use_cache, advance=count_steps(on_event),
        )  # fmt: skip
    dataset, notes = fill_from_headers(dataset, digests, use_cache=use_cache)
    return ReadImages(dataset, split, digests, stamps, notes, cut, parts)


def complete_request(
    options: EvaluateOptions, images: ReadImages, execution: Execution,
    findings: tuple[Finding, ...] = (), made: MadeHere | None = None,
) -> EvaluationRequest:  # fmt: skip
    """What the options come to on these images and this machine; findings: what is known of it."""
    dataset = images.dataset
    target = check_target(options, dataset.labels)
    thresholds = (options.thresholds or Thresholds()).on_split(images.split) or Thresholds()
    metrics = (options.metrics or MetricOptions()).keep(dataset.labels)
    return EvaluationRequest(
        dataset=dataset,
        split=images.split,
        digests=images.digests,
        fingerprint=images.fingerprint,
        label_fingerprints=images.label_fingerprints,
        thresholds=thresholds.keep(dataset.labels),
        provider_option=options.provider or DEFAULT_PROVIDER,
        execution=execution,
        batch=options.batch_size or default_batch(execution),
        jobs=options.jobs,
        force=bool(options.force),
        verify=bool(options.verify),
        use_cache=options.cache is not False,
        warnings=(*findings, *images.notes),
        metrics=metrics.plan(dataset.labels, target),
        occlusion=options.occlusion,
        command=options.command,
        trust_stored=options.trust_stored is not False,
        made=made or MadeHere(),
        limits=options.model_limits,
        cut=images.cut,
        parts=images.parts,
        cluster=_choose_cluster(options, execution),
    )


def _choose_cluster(options: EvaluateOptions, execution: Execution) -> Cluster | None:
    """Where images are scored; UsageError for an engine that there is not, or not for a card."""
    if options.engine not in (None, *ENGINES):
        raise UsageError(f"--engine {options.engine}: one of {', '.join(ENGINES)}")
    if options.engine != "ray":
        if options.address is not None:
            raise UsageError("--address names a cluster of Ray: it goes with --engine ray")
        return None
    if execution.provider.accelerator:
        raise UsageError("--engine ray runs models on processors: give --provider cpu")
    return Cluster(options.address)
