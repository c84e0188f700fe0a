"""What evaluated runs of a kit come to in counts that name nobody: no score, no id, no path."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from covidreport import __version__
from covidreport.errors import RunError
from covidreport.evaluate.outcome import RunOutcome, list_evaluated
from covidreport.kit.counting import bin_scores, count_groups, sample_effective
from covidreport.kit.opened import OpenedKit
from covidreport.records import Answer, AnsweredRun, Evaluation, FoundCode, SealedRun, Withheld
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores


class _Asked(Struct, frozen=True):
    """What is asked of every run, and what the sender leaves out."""

    target: str
    attributes: Sequence[str]
    withheld: Collection[Withheld]

    def sends(self, part: Withheld) -> bool:
        """Whether a part is sent; groups, which add up to the counts, are withheld with them."""
        return part not in self.withheld and not (part == "groups" and "counts" in self.withheld)


def build_answer(
    opened: OpenedKit, outcomes: Sequence[RunOutcome], withheld: Sequence[Withheld] = ()
) -> Answer:
    """The answer to a kit whose runs were evaluated; a run that failed has its stage and no counts.

    withheld: what the sender leaves out. With `counts` go groups, and the sealed threshold's place
    among the bins, which would add up to them. RunError where an evaluation is not of what was
    sealed.
    """
    kit = opened.kit
    asked = _Asked(kit.target, kit.attributes, withheld)
    by_name = {outcome.run.name: outcome for outcome in outcomes}
    return Answer(
        kit=opened.sha256,
        target=kit.target,
        attributes=kit.attributes,
        fewest=kit.fewest,
        withheld=tuple(sorted(set(withheld))),
        runs=tuple(_answer(sealed, by_name.get(sealed.run), asked) for sealed in kit.runs),
        versions={"covidreport": __version__, **_list_versions(outcomes)},
    )


def _list_versions(outcomes: Sequence[RunOutcome]) -> dict[str, str]:
    """What models ran on, as the evaluations say it."""
    for _, evaluation in list_evaluated(outcomes):
        found = evaluation.facts.versions or {}
        return {name: str(found[name]) for name in ("onnxruntime",) if name in found}
    return {}


def _answer(sealed: SealedRun, outcome: RunOutcome | None, asked: _Asked) -> AnsweredRun:
    """One run's answer; what went wrong is told to the sender alone."""
    if outcome is None:
        raise RunError(f"{sealed.run}: the kit names it and holds no run of that name")
    known = sealed.run, sealed.model_sha256, sealed.contract_sha256, sealed.threshold
    evaluation, target = outcome.evaluation, asked.target
    if evaluation is None:
        return AnsweredRun(*known, failed="score" if outcome.failure is None
                           else outcome.failure.stage)  # fmt: skip
    _check_sealed(sealed, evaluation, target)
    folder = evaluation_folder(outcome.run.folder, evaluation.key)
    scores = read_scores(folder / SCORES_FILE)
    counts = asked.sends("counts")
    of = scores, target, sealed.threshold
    return AnsweredRun(
        *known,
        counts=evaluation.counts[target] if counts else None,
        effective=sample_effective(*of) if counts else None,
        curve=bin_scores(*of, cut=counts) if asked.sends("curves") else None,
        groups=count_groups(*of, asked.attributes) if asked.sends("groups") else {},
        findings=tuple(sorted({FoundCode(f.severity, f.code) for f in evaluation.findings})),
    )


def _check_sealed(sealed: SealedRun, evaluation: Evaluation, target: str) -> None:
    """RunError where another model or threshold answered than was sealed."""
    found = evaluation.facts.model_sha256, evaluation.thresholds.get(target)
    if found != (sealed.model_sha256, sealed.threshold):
        raise RunError(
            f"{sealed.run}: was evaluated with model {found[0]} at {found[1]}, and sealed were "
            f"{sealed.model_sha256} at {sealed.threshold}"
        )
