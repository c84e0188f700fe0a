"""The order of the site: what people want to do, then what they look up, then why it is so."""

from __future__ import annotations

from typing import Final

NAV: Final[dict[str, tuple[str, ...]]] = {
    "": ("index.md",),
    "Tutorials": (
        "tutorials/demo.md", "tutorials/pytorch.md", "tutorials/github.md", "tutorials/folds.md",
    ),
    "How to": (
        "datasets.md", "dicom.md", "models.md", "train.md", "folds.md", "providers.md", "scale.md",
        "gate.md", "ci.md", "notebook.md", "python.md", "templates.md", "paper.md", "planning.md",
        "groups.md", "hospitals.md", "readers.md", "combine.md", "robustness.md", "foreign.md",
        "maps.md",
    ),
    "Reference": (
        "reference/commands.md", "reference/settings.md", "metrics.md", "statistics.md",
        "reference/python.md", "formats.md", "reference/schemas.md", "security.md",
    ),
    "Explanation": (
        "explanation/luck.md", "explanation/rank-interval.md", "explanation/gate.md",
        "study-2020.md",
    ),
}  # fmt: skip
"""By the title of a part: its pages, those under `reference/` being generated."""


def list_pages() -> list[str]:
    """Every page in its order."""
    return [page for pages in NAV.values() for page in pages]
