"""How runs are told apart in a chart: by colour, by dash and by shape, each enough alone.

The colours are those of the light scheme. In the page the style sheet puts a variable in the place
of each, by its very value (`[stroke="#0a5aa0"]`), so one drawing serves both schemes and paper.
"""

from __future__ import annotations

from dataclasses import dataclass

PAPER, SOFT, FAINT, RULE, STRONG = "#ffffff", "#465463", "#5f6d7b", "#e1e6eb", "#b7c1cb"
GREYS = {"paper": PAPER, "soft": SOFT, "faint": FAINT, "rule": RULE, "rule-strong": STRONG}
"""What is not a run, by the variable that the style sheet has for it."""


@dataclass(frozen=True, slots=True)
class Look:
    """One run's look in every chart of the page."""

    colour: str
    dash: tuple[float, ...]
    shape: str
    """The name of a symbol of Vega's."""
    path: str
    """The same symbol in a box of 10 x 10, for the key."""


LOOKS = (
    Look("#0a5aa0", (1, 0), "circle", "M5 1.4a3.6 3.6 0 1 0 .01 0Z"),
    Look("#a33006", (7, 3), "square", "M2 2h6v6h-6Z"),
    Look("#0b7a5b", (2, 2), "triangle-up", "M5 1.2l4 7h-8Z"),
    Look("#7a3e9d", (9, 3, 2, 3), "diamond", "M5 .8l4.2 4.2l-4.2 4.2l-4.2 -4.2Z"),
    Look("#8a5a00", (12, 4), "cross", "M3.6 1h2.8v2.6h2.6v2.8h-2.6v2.6h-2.8v-2.6h-2.6v-2.8h2.6Z"),
    Look("#34495e", (4, 2, 1, 2), "triangle-down", "M5 8.8l-4 -7h8Z"),
)
"""In the order in which runs take them; so many runs can be shown at once."""
