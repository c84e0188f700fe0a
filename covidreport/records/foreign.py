"""What a run says of pictures that are no frontal radiograph."""

from __future__ import annotations

from msgspec import Struct

from covidreport.records.comparison import Comparison
from covidreport.records.disturbance import AS_IS, FOREIGN_CHANGES
from covidreport.records.scores import Estimate


class ForeignKind(Struct, frozen=True):
    """What a run says of the pictures of one kind.

    called: the share of them that it calls the target, of those that could be scored. quartiles: of
    the target's score, 0 to 1; None where no picture could be scored. comparison: of its false
    alarms with those on the negatives as they are (of a changed kind the same images, paired; of a
    folder all negatives), in specificity; None of the negatives themselves.
    """

    name: str
    images: int
    called: Estimate
    quartiles: tuple[float, float, float] | None
    comparison: Comparison | None = None

    @property
    def title(self) -> str:
        """Such as `Upside down`; that of a folder is its name."""
        if self.name == AS_IS.name:
            return "As they are"
        known = FOREIGN_CHANGES.get(self.name)
        return self.name if known is None else known.title

    @property
    def failed(self) -> int:
        """Pictures that could not be scored."""
        return self.images - (self.called.denominator or 0)

    def is_called_more(self, alpha: float) -> bool:
        """Whether the run calls them the target more often than its false alarms explain.

        That is by the test, and of a folder by the interval of the difference, too.
        """
        found = self.comparison
        if found is None or not found.is_significant(alpha) or (found.difference or 0.0) >= 0:
            return False
        return found.only_first is not None or (found.high is not None and found.high < 0)


class SinglePicture(Struct, frozen=True):
    """The target's score of a picture that shows nothing, 0 to 1, and whether it is called so."""

    name: str
    score: float | None
    called: bool


class ForeignRun(Struct, frozen=True):
    """One run's answers to pictures that are no frontal radiograph.

    kinds: the negatives as they are, then these changed, then the folders. false_alarms: the share
    of all its negatives, those that failed among them.
    """

    run: str
    kinds: tuple[ForeignKind, ...]
    singles: tuple[SinglePicture, ...]
    false_alarms: Estimate

    def find(self, name: str) -> ForeignKind | None:
        """What it says of one kind; None where it was not shown."""
        return next((each for each in self.kinds if each.name == name), None)

    def list_called(self, alpha: float) -> tuple[ForeignKind, ...]:
        """The kinds that it calls the target more often than its false alarms explain."""
        return tuple(each for each in self.kinds if each.is_called_more(alpha))
