"""How runs are told apart in a chart: by colour, by dash and by shape, each enough alone.

The colours are those of the light scheme, for pictures beside a report. In the page the style sheet
has the colour and the dash of each under `.series-1` and so on, and a variable in the place of each
grey by its very value (`[stroke="#5f6d7b"]`), so one drawing serves both schemes and paper;
ink and the two tones of a diagram are replaced in the same way.
"""

from __future__ import annotations

from msgspec import Struct

PAPER, SOFT, FAINT, RULE, STRONG = "#ffffff", "#465463", "#5f6d7b", "#e1e6eb", "#b7c1cb"
INK, ACCENT, MISSED = "#15202b", "#0a5aa0", "#a33006"
NONE = "none"
GREYS = {"paper": PAPER, "soft": SOFT, "faint": FAINT, "rule": RULE, "rule-strong": STRONG}
"""What is not a run, by the variable that the style sheet has for it."""


class SeriesStyle(Struct, frozen=True):
    """How one run is drawn in every chart of the page."""

    colour: str
    dash: tuple[float, ...]
    shape: str
    """The name of a symbol of Vega's."""
    path: str
    """The same symbol around the place where it stands: a page draws it where a reader moves it."""


SERIES_STYLES = (
    SeriesStyle("#0a5aa0", (1, 0), "circle", "m0-4.6a4.6 4.6 0 1 0 .01 0z"),
    SeriesStyle("#a33006", (7, 3), "square", "m-4-4h8v8h-8z"),
    SeriesStyle("#0b7a5b", (2, 2), "triangle-up", "m0-5l5.2 9h-10.4z"),
    SeriesStyle("#7a3e9d", (9, 3, 2, 3), "diamond", "m0-5.4l5.4 5.4l-5.4 5.4l-5.4-5.4z"),
    SeriesStyle(
        "#8a5a00", (12, 4), "cross", "m-1.8-5h3.6v3.2h3.2v3.6h-3.2v3.2h-3.6v-3.2h-3.2v-3.6h3.2z"
    ),
    SeriesStyle("#34495e", (4, 2, 1, 2), "triangle-down", "m0 5l-5.2-9h10.4z"),
)
"""In the order in which runs take them; so many runs can be shown at once."""
