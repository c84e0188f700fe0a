"""Which evaluation is meant: of one data set, one split and one variant, by one rule for all.

The split is the one of the option, else of the configuration, else of the baseline, else
`validation`, else the only one that there is. When an evaluation was written decides nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.records import Evaluation, Run
from covidreport.storage.folds import FOLDS

USUAL_SPLIT = "validation"
NO_SPLITS = "all"
"""What the images of a data set without splits are filed under."""


ReadAt = Callable[[Run, Evaluation], Evaluation]
"""A run's stored evaluation as it is to be read; raises RunError or StoreError where it can't."""


def keep_thresholds(_: Run, evaluation: Evaluation) -> Evaluation:
    """The evaluation as it stands."""
    return evaluation


class ImageQuery(Struct, frozen=True):
    """What a command was told of the images it is about; None where nobody said."""

    dataset: str | None = None
    split: str | None = None
    variant: str | None = None
    """`""` is the usual one, neither in another precision nor by another provider. These three are
    of options or arguments."""
    configured: str | None = None
    """The split of the configuration."""
    named: str | None = None
    """The name of the configuration's data set."""
    places: frozenset[str] = frozenset()
    """Digests of where that may lie, as evaluations have them."""
    baseline: str | None = None
    """The split that the baseline was set on."""
    at: ReadAt = keep_thresholds
    """At which thresholds a stored evaluation is read."""
    fingerprints: frozenset[str] = frozenset()
    """Of the images that are meant: all folds of a split are filed under another name."""

    @property
    def settled(self) -> bool:
        """Whether it says which data set and split are meant."""
        return self.dataset is not None and self.split is not None

    def fits(self, evaluation: Evaluation) -> bool:
        """Whether an evaluation is of what options or arguments state."""
        return (
            self.dataset in (None, evaluation.dataset)
            and (self.split in (None, evaluation.split) or self.is_same(evaluation))
            and self.variant in (None, evaluation.variant or "")
        )

    def is_same(self, evaluation: Evaluation) -> bool:
        """Whether one is of all folds of a split, and both of the same images."""
        return FOLDS in (self.split, evaluation.split) and evaluation.fingerprint in (
            self.fingerprints
        )

    def name_own(self, there: Sequence[Evaluation]) -> str | None:
        """What the configuration's data set is called among these; None where it is not.

        Where another set had its name first, evaluations of it are known by where it lay.
        """
        of_place = {each.dataset for each in there if each.times.data_place in self.places}
        named = {each.dataset for each in there} & {self.named}
        return min(of_place & named or of_place or named, default=None, key=str)

    def describe(self) -> str:
        """Such as `drawn, validation`."""
        parts = (self.dataset or "any data set", self.split or "any split", self.variant)
        return ", ".join(part for part in parts if part)

    def state_split(self) -> tuple[str, str] | None:
        """The split that somebody stated, in small letters, and who; None where nobody did.

        Raises UsageError where configuration and baseline contradict each other and no option
        decides.
        """
        if self.split is not None:
            return fold_split(self.split), "as asked for"
        if self.configured is not None:
            check_agreement(self.configured, self.baseline)
            return fold_split(self.configured), "`split` of the configuration"
        return None if self.baseline is None else (fold_split(self.baseline), "the baseline's")


class ChosenImages(Struct, frozen=True):
    """The images that a command is about."""

    dataset: str
    split: str
    variant: str | None
    note: str = ""
    """What was evaluated later on other images, and how to ask for it; empty where nothing was."""
    fingerprints: frozenset[str] = frozenset()
    """Of what was evaluated on them."""

    def has(self, evaluation: Evaluation) -> bool:
        """Whether an evaluation is filed under these images."""
        of = evaluation.dataset, evaluation.split, evaluation.variant
        return of == (self.dataset, self.split, self.variant)

    def are(self, evaluation: Evaluation) -> bool:
        """Whether an evaluation is of the images with these fingerprints; of copied counts too,
        where there are none."""
        return evaluation.fingerprint in (self.fingerprints or {None})

    def find(self, evaluations: Sequence[Evaluation]) -> Evaluation | None:
        """A run's evaluation of these images: that which is filed so, else one of the same images.

        What all folds of a split answered is of its images, and is filed under another name.
        """
        like = (
            each
            for each in evaluations
            if (each.dataset, each.variant) == (self.dataset, self.variant)
            and each.fingerprint in self.fingerprints
        )
        return next(filter(self.has, evaluations), None) or next(like, None)


def fold_split(name: str) -> str:
    """A split's name as evaluations have it."""
    return name.strip().lower()


def check_agreement(configured: str, baseline: str | None) -> None:
    """Raise UsageError where the configured split is not that of the baseline."""
    if baseline is not None and fold_split(baseline) not in (FOLDS, fold_split(configured)):
        raise UsageError(
            f"`split` of the configuration is {fold_split(configured)!r} and the baseline was set "
            f"on {fold_split(baseline)!r}: say which with --split, or make the baseline again with "
            f"`covidreport baseline set --split {fold_split(configured)}`"
        )


def choose_split(query: ImageQuery, there: Collection[str]) -> str:
    """The split that is meant, of those that there are; one that was stated need not be there.

    Raises UsageError where nobody said which of several, and `validation` is none of them.
    """
    stated = query.state_split()
    if stated is not None and not (query.split is None and set(there) == {FOLDS}):
        return stated[0]  # what the settings name is the split whose images are in folds
    if USUAL_SPLIT in there or not there:
        return USUAL_SPLIT
    if len(set(there)) == 1:
        return next(iter(there))
    raise UsageError(
        f"there are the splits {', '.join(sorted(set(there)))} and none is called {USUAL_SPLIT}: "
        "say which with --split, or with `split` in covidreport.toml"
    )


def choose_images(there: Sequence[Evaluation], query: ImageQuery) -> ChosenImages:
    """The images that are meant, of those that something was evaluated on.

    The data set is the one that is asked for, else the configuration's, else the one of the split
    that was evaluated last. The variant is the one that is asked for, else the usual one, or what
    there is where there is no usual one. Metrics without a time stamp are older than any.
    Raises UsageError where nothing was evaluated on what is meant, and as `choose_split`.
    """
    fitting = [each for each in there if replace(query, split=None).fits(each)]
    if query.dataset is None:
        name = query.name_own(fitting)
        fitting = [each for each in fitting if each.dataset == name] or fitting
    stated = query.state_split()
    if fitting or stated:
        split = choose_split(query, {each.split for each in fitting})
        stated = stated and (split, stated[1])
        fitting = [each for each in fitting if each.split == split]
    if not fitting:
        raise UsageError(_explain_nothing(there, query, stated))
    last = max(fitting, key=date_evaluation)
    meant = pick_evaluation(fitting)
    chosen = ChosenImages(meant.dataset, split, meant.variant)
    prints = frozenset(
        each.fingerprint for each in fitting if chosen.has(each) and each.fingerprint is not None
    )
    others = [each for each in there if each.fingerprint not in prints]
    note = _note_newer(others, last, query, stated)
    return replace(chosen, note=note, fingerprints=prints)


def choose_beside(
    there: Sequence[Evaluation], chosen: ChosenImages, tell: Callable[[str], None]
) -> tuple[ChosenImages, ...]:
    """The other data sets that something was evaluated on, by name, of each one split.

    It is the chosen one, else `validation`, else the only one; a data set with none of these is
    left out, and told of. The variant is the chosen one. Of images that changed under one name
    those are meant that most was evaluated on, of equally many the last; the same
    images under another name are no other data set.
    """
    beside, known = [], set(chosen.fingerprints)
    for name in sorted({each.dataset for each in there} - {chosen.dataset}):
        of = [e for e in there if (e.dataset, e.variant) == (name, chosen.variant)]
        split = chosen.split if any(each.split == chosen.split for each in of) else None
        try:
            found = choose_images(of, ImageQuery(name, split)) if of else None
        except UsageError as error:
            tell(f"data set {name} is not shown beside {chosen.dataset}: {error}")
            continue
        filed = [each for each in of if found is not None and found.has(each)]
        if found is None or known & {each.fingerprint for each in filed}:
            continue
        alike = [[each for each in filed if _are_same_images(one, each)] for one in filed]
        meant = max(alike, key=lambda those: (len(those), max(map(date_evaluation, those))))
        prints = frozenset(filter(None, (each.fingerprint for each in meant)))
        beside.append(replace(found, note="", fingerprints=prints))
        known |= prints
    return tuple(beside)


def _are_same_images(one: Evaluation, other: Evaluation) -> bool:
    """Whether two evaluations are of the same images, by a truth that both have."""
    shared = set(one.label_fingerprints.items()) & set(other.label_fingerprints.items())
    return bool(shared) or one.fingerprint == other.fingerprint


def pick_evaluation(fitting: Sequence[Evaluation]) -> Evaluation:
    """Which of several is meant: of the data set that was evaluated last the usual variant, or the
    last one where there is no usual one."""
    last = max(fitting, key=date_evaluation)
    beside = (each for each in fitting if (each.dataset, each.split) == (last.dataset, last.split))
    return next((each for each in beside if each.variant is None), last)


def date_evaluation(evaluation: Evaluation) -> str:
    """When it was made, to be compared; empty for metrics without a time stamp."""
    return evaluation.times.finished or ""


def _explain_nothing(
    there: Iterable[Evaluation], query: ImageQuery, stated: tuple[str, str] | None
) -> str:
    named = sorted({" ".join(filter(None, (e.dataset, e.split, e.variant))) for e in there})
    split = f"{stated[0]} ({stated[1]})" if stated and query.split is None else query.split
    return (
        f"nothing was evaluated on {query.dataset or 'any data set'}, split {split or 'any'}"
        f"{', variant ' + query.variant if query.variant else ''}; there is: {', '.join(named)}"
    )


def _note_newer(
    there: Sequence[Evaluation], last: Evaluation, query: ImageQuery,
    stated: tuple[str, str] | None,
) -> str:  # fmt: skip
    """What was evaluated later than the chosen images, where no option decided against it."""
    newer = [
        each
        for each in there
        if date_evaluation(each) > date_evaluation(last)
        and (each.split == last.split or query.split is None)
        and (each.dataset == last.dataset or query.dataset is None)
        and (each.dataset, each.split) != (last.dataset, last.split)
    ]
    if not newer:
        return ""
    latest = max(newer, key=date_evaluation)
    why = f" ({stated[1]})" if stated is not None and query.split is None else ""
    options = [
        f"--{name} {value}"
        for name, value, taken in (
            ("dataset", latest.dataset, last.dataset),
            ("split", latest.split, last.split),
        )
        if value != taken
    ]
    return (
        f"these metrics are of {last.dataset}, {last.split}{why}; {latest.dataset}, "
        f"{latest.split} was evaluated later: {' '.join(options)}"
    )
