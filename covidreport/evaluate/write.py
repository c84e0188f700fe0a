"""What became of a run, written into its folder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from covidreport.boundary import attempt
from covidreport.evaluate.build import build_evaluation, key_of
from covidreport.evaluate.checkpoint import ScoresCheckpoint, open_checkpoint
from covidreport.evaluate.cpu_check import CpuCheck, CpuReference
from covidreport.evaluate.describe import Gathered, describe_scores
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.reuse import find_other_thresholds
from covidreport.evaluate.scored import DecodedSet, OpenedRun, ScoredRun, gather_scores
from covidreport.evaluate.shards import store_part
from covidreport.evaluate.tuned import ChosenThresholds
from covidreport.images.cache import decoder_versions
from covidreport.records import Evaluation, Failure, Run
from covidreport.storage.evaluation import note_failure
from covidreport.store import (
    EVALUATION_FILE,
    SCORES_FILE,
    clear_failure,
    evaluation_folder,
    read_evaluation,
    write_evaluation,
    write_scores,
)
from covidreport.workers import Workers


def fail_run(request: EvaluationRequest, failure: Failure, run: Run) -> RunOutcome:
    """The failure as the run's outcome, and in its folder as far as that can be written to.

    That a disk is full says nothing about the run: what stands there is as good as it was, and the
    scores that are known wait for the next attempt.
    """
    if failure.stage != "write":
        attempt(run.name, "write", partial(note_failure, request.place(run), failure))
    return RunOutcome(run, failure=failure)


def open_scores(request: EvaluationRequest, opened: OpenedRun) -> ScoresCheckpoint:
    """Where a run's scores are kept as they come: what a killed evaluation left, or a new place."""
    folder = request.place(opened.run)
    return open_partial(request, opened, folder, key_of(request, opened), len(request.dataset))


def open_partial(
    request: EvaluationRequest, opened: OpenedRun, folder: Path, key: str, n: int
) -> ScoresCheckpoint:
    """The same for any `n` rows of scores that `key` decides, beside what is in `folder`."""
    key = f"{key} {sorted(decoder_versions().items())}"
    left = ScoresCheckpoint.read_token(folder)
    own = left is not None and request.made.has_checkpoint(left)
    if request.force or not (own or request.trust_stored):
        ScoresCheckpoint.discard(folder)
        left = None
    checkpoint = open_checkpoint(
        folder, key, n, opened.width, request.batch, opened.session.score_type
    )
    if checkpoint.token != left:  # begun anew, and here
        request.made.note_checkpoint(checkpoint.token, use_cache=request.use_cache)
    return checkpoint


class Finishing(Struct, frozen=True):
    """What the runs of a group share once they are scored.

    reference: what compares a run with the CPU, where it ran elsewhere. workers: what describes the
    scores of runs while others are stored here.
    """

    request: EvaluationRequest
    decoded: DecodedSet
    started: float
    reference: CpuReference | None = None
    own: bool = False
    """Of parts that were merged: whether this machine computed all of them."""
    workers: Workers = field(default_factory=Workers)

    def finish_all(
        self, scored: Iterable[ScoredRun], chosen: Mapping[Path, ChosenThresholds]
    ) -> Iterator[RunOutcome]:
        """As `finish`, run by run; the workers describe the scores of those that follow."""
        begun: deque[Callable[[], RunOutcome]] = deque()
        for each in scored:
            own = chosen.get(each.opened.run.folder)
            begun.append(partial(self.finish, each, own, self._begin(each, own)))
            if len(begun) > self.workers.ahead:
                yield begun.popleft()()
        while begun:
            yield begun.popleft()()

    def _begin(self, scored: ScoredRun, chosen: ChosenThresholds | None) -> Gathered | None:
        """A run's scores, which workers begin to describe; None where nothing is to be described,
        and where that fails, which `finish` finds again."""
        if scored.failure is not None or chosen is None:
            return None
        begun = attempt(scored.opened.run.name, "score", partial(self._gather, scored, chosen))
        return None if isinstance(begun, Failure) else begun

    def _gather(self, scored: ScoredRun, chosen: ChosenThresholds) -> Gathered:
        scores = gather_scores(self.request.dataset, scored, self.decoded)
        describe = partial(
            describe_scores, scored.opened.run.name, scores, chosen.rule(scores.labels),
            self.request.plan,
        )  # fmt: skip
        return Gathered(scores, self.workers.begin(describe))

    def finish(
        self, scored: ScoredRun, chosen: ChosenThresholds | None, begun: Gathered | None = None
    ) -> RunOutcome:
        """Describe a run's scores and store all; whatever fails at it is the run's failure.

        Of a shard the scores alone are stored, for the merge to describe. begun: the run's scores
        where they were gathered before.
        """
        run = scored.opened.run
        done: RunOutcome | Failure
        if scored.failure is not None:
            done = scored.failure
        elif self.request.cut is not None:
            store = partial(store_part, self.request, scored, self.decoded, self.started)
            done = attempt(run.name, "write", store)
        else:
            assert chosen is not None
            done = attempt(run.name, "score", partial(self._finish, scored, chosen, begun))
        return fail_run(self.request, done, run) if isinstance(done, Failure) else done

    def _finish(
        self, scored: ScoredRun, chosen: ChosenThresholds, begun: Gathered | None
    ) -> RunOutcome | Failure:
        check = None
        if self.reference is not None:
            rule = chosen.rule(self.request.dataset.labels)
            name = scored.opened.run.name
            found = attempt(name, "infer", partial(self.reference.check, scored, rule))
            if isinstance(found, Failure):
                return found
            check = found
        outcome = self._store(scored, chosen, begun or self._gather(scored, chosen), check)
        if scored.checkpoint is not None:
            _note_made(self.request, outcome, scored.checkpoint)
            scored.checkpoint.remove()
        elif self.own and outcome.evaluation is not None:
            made, cached = self.request.made, self.request.use_cache
            made.note_evaluation(outcome.run, outcome.evaluation, use_cache=cached)
        return outcome

    def _store(
        self, scored: ScoredRun, chosen: ChosenThresholds, gathered: Gathered,
        check: CpuCheck | None,
    ) -> RunOutcome:  # fmt: skip
        run, request = scored.opened.run, self.request
        folder = evaluation_folder(run.folder, request.name)
        evaluation = build_evaluation(
            request, scored, gathered, chosen, self.decoded, self.started, check
        )
        stood = None
        if (folder / EVALUATION_FILE).exists():
            stood = attempt(run.name, "read", partial(read_evaluation, folder))
        write_scores(folder / SCORES_FILE, gathered.scores)
        write_evaluation(run.folder, evaluation)
        clear_failure(folder)
        before = None
        if isinstance(stood, Evaluation):
            before = find_other_thresholds(stood, evaluation)
        return RunOutcome(run, evaluation, before=before)


def _note_made(
    request: EvaluationRequest, outcome: RunOutcome, checkpoint: ScoresCheckpoint
) -> None:
    """Keep that an evaluation was computed here; not where it goes on from another's scores."""
    if outcome.evaluation is not None and request.made.has_checkpoint(checkpoint.token):
        request.made.note_evaluation(outcome.run, outcome.evaluation, use_cache=request.use_cache)
    request.made.forget_checkpoint(checkpoint.token)
