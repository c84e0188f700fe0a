"""What `covidreport evaluate` ends with: the answer, whether it is luck, what is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from covidreport.audit.occlusion import OCCLUDED
from covidreport.cli.ranking import name_images
from covidreport.cli.tables import print_beside, print_styled
from covidreport.cli.terminal import out
from covidreport.compare.finding import CODE as NOT_DISTINGUISHABLE
from covidreport.compare.finding import describe_verdict, split_runs
from covidreport.evaluate.outcome import list_findings
from covidreport.storage.copied import show_place
from covidreport.text import fraction, label_name, list_some, listed, plural
from covidreport.text.columns import GAP

if TYPE_CHECKING:
    from covidreport.api.evaluating import EvaluatedRuns
    from covidreport.compare.ranking import RankedSet
    from covidreport.records import Finding

MOST_NAMED = 10
_HEADS = ("misses fewest", "more than luck", "what is wrong", "go on with")
_WIDTH = max(map(len, _HEADS))


def conclude_evaluation(every: Sequence[EvaluatedRuns], folders: Sequence[Path]) -> None:
    """Three lines for each set of images, and the command that writes the report of them all."""
    out.print()
    for done in every:
        for each in done.rankings:
            first = each.evaluations[0]
            if sum(len(one.rankings) for one in every) > 1:
                out.print(name_images(each.ranking, first), style="bold", markup=False)
            _print(0, _name_best(each))
            _print(1, _weigh(each))
        _print(2, _name_worst(done))
    ranked = [each for done in every for each in done.rankings]
    if ranked:
        head = _HEADS[3].ljust(_WIDTH + GAP)
        # in one line, however long: it is to be copied
        print_styled(out, [(head, "bold"), (_name_next(ranked, folders), "")])


def _print(which: int, words: str) -> None:
    print_beside(out, (_HEADS[which], "bold"), ((words, ""),), _WIDTH)


def _name_best(each: RankedSet) -> str:
    """Which run misses the fewest, and how many of how many."""
    best, _, _ = split_runs(each.ranking)
    by_run = {evaluation.run: evaluation for evaluation in each.evaluations}
    counts = by_run[best[0].run].counts.get(each.ranking.target) if best else None
    if counts is None:
        return f"no run could be ranked by missed {each.ranking.target}"
    names = listed([row.run for row in best], MOST_NAMED)
    return (
        f"{names}{', each' if len(best) > 1 else ''}: "
        f"{fraction(counts.missed, counts.positives)} {label_name(each.ranking.target)} "
        "images, with "
        f"{plural(counts.false_alarms, 'false alarm')} of {counts.negatives:,}"
    )


def _weigh(each: RankedSet) -> str:
    """Whether that is more than luck."""
    verdict = describe_verdict(each.ranking)
    if verdict:
        return verdict
    ranked = sum(row.rank is not None for row in each.ranking.rows)
    if ranked < 2:
        return "there is no other ranked run to compare it with"
    return "not known: these runs could not be compared"


def _name_worst(done: EvaluatedRuns) -> str:
    """What could not be evaluated, else the gravest of what was found."""
    said = list(_list_unusable(done))
    of_rankings = [finding for each in done.rankings for finding in each.findings]
    findings = [
        each
        for each in (*done.findings, *list_findings(done.outcomes), *of_rankings)
        if each.code != NOT_DISTINGUISHABLE  # that is the line above
    ]
    said += _describe_gravest(findings)
    return "; ".join(said) or "nothing was found"


def _list_unusable(done: EvaluatedRuns) -> Iterator[str]:
    failed = [failure.subject for failure in done.failures]
    if failed:
        verb = "was" if len(failed) == 1 else "were"
        yield f"{list_some(failed, MOST_NAMED)} {verb} not evaluated"
    for why, names in done.too_many_failed.items():
        yield f"nothing can be said of {list_some(names, MOST_NAMED)}: {why}"


def _describe_gravest(findings: Sequence[Finding]) -> list[str]:
    grave = list(dict.fromkeys(findings))
    for severity in ("error", "warning"):
        found = [each for each in grave if each.severity == severity]
        if found:
            more = f" (and {plural(len(found) - 1, f'{severity} more', f'{severity}s more')})"
            return [f"{found[0].what}{more if len(found) > 1 else ''}"]
    return []


def _name_next(ranked: Sequence[RankedSet], folders: Sequence[Path]) -> str:
    """The command that reports on what was evaluated, to be pasted."""
    ranking, first = ranked[0].ranking, ranked[0].evaluations[0]
    words = ["covidreport", "render", *map(show_place, folders)]
    if len({each.ranking.dataset for each in ranked}) == 1 and ranking.dataset:
        words += ["--dataset", ranking.dataset]
    if ranking.split:
        words += ["--split", ranking.split]
    if first.variant and not first.variant.startswith(OCCLUDED):
        words += ["--variant", first.variant]
    return shlex.join(words)
