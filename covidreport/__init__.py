"""Which chest X-ray classifier misses the fewest COVID-19 patients, and is that luck?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from covidreport.notebook import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    # `import covidreport` stays light: pandas and all that a report needs come with `load`.
    if name == "load":
        from covidreport.notebook import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
