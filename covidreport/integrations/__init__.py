"""Where verdicts go besides the terminal: each place is a pure function from verdicts to text.

`covidreport gate` and `covidreport ci` write every entry of `OUTPUTS` into the folder of
`--output-dir`. A new output is one file here with a function of verdicts and what is beside
them (`Render`), and one line in the table. `gate` hands over one verdict, `ci` one a run.

An entry with `each_run` gets one verdict at a time; where there are several runs its file stands in
a folder named after the run.

`CHANNELS` are places that are no file of ours, such as GitHub's job summary. Each is a function
of the verdicts, the environment and what is beside them (`Post`), and does nothing where the
environment does not have it (`GITHUB_ACTIONS` is not `true`). They are called after the files are
written, in every outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from covidreport.integrations.badge import render_badge
from covidreport.integrations.code_quality import render_code_quality
from covidreport.integrations.comment import render_comment
from covidreport.integrations.dvc import render_dvc_metrics
from covidreport.integrations.github import post_github
from covidreport.integrations.junit import render_junit
from covidreport.integrations.open_metrics import render_open_metrics
from covidreport.integrations.sarif import render_sarif
from covidreport.integrations.verdict_json import render_verdict_json
from covidreport.records import Beside, Verdict

__all__ = ["CHANNELS", "OUTPUTS", "Output", "Post", "Render", "render_verdict_json"]


class Render(Protocol):
    """Makes an output's text."""

    def __call__(self, verdicts: Sequence[Verdict], beside: Beside = ..., /) -> str:
        """The text of all verdicts."""


class Post(Protocol):
    """Hands verdicts to a channel."""

    def __call__(
        self, verdicts: Sequence[Verdict], environment: Mapping[str, str], beside: Beside = ..., /
    ) -> None:
        """Raises OSError where it can't be written."""


class Output(NamedTuple):
    """An output: the name of its file, and the function that makes its text."""

    file_name: str
    render: Render
    each_run: bool = False


OUTPUTS: dict[str, Output] = {
    "json": Output("verdict.json", render_verdict_json),
    "junit": Output("junit.xml", render_junit),
    "comment": Output("comment.md", render_comment),
    "open-metrics": Output("metrics.txt", render_open_metrics),
    "code-quality": Output("code-quality.json", render_code_quality),
    "sarif": Output("findings.sarif", render_sarif),
    "badge": Output("badge.json", render_badge, each_run=True),
    "dvc": Output("metrics.json", render_dvc_metrics, each_run=True),
}
"""Every output by the name that `--output` takes."""

CHANNELS: dict[str, Post] = {"github": post_github}
"""Places that the environment offers, by name."""
