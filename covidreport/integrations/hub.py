"""A run as a repository of the Hugging Face Hub: its model, its card, and what describes both.

No image goes there, no score, and no evaluation, which may name images; the card has the metrics.
`huggingface_hub` is imported here alone.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from covidreport.errors import RunError, ServiceError, UsageError
from covidreport.integrations.mlflow.files import list_files
from covidreport.integrations.model_card import render_model_card
from covidreport.records import ReportData
from covidreport.store import encode_text, write_atomic

CARD_FILE = "README.md"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
INSTALL = "pip install 'covidreport[hub]'"


def check_repository(name: str) -> None:
    """Raise UsageError where a repository can't be called so."""
    if not _REPOSITORY.fullmatch(name):
        raise UsageError(f"--hub {name}: OWNER/NAME is wanted, such as our-lab/covid-resnet18")


def write_repository(data: ReportData, folder: Path) -> tuple[Path, ...]:
    """Write what is uploaded of the one run in `data` into `folder`; gives the files.

    The files of the run folder are those of `push --models` without the evaluations. Raises
    RunError where the run has no model or no metrics, UsageError where the folder holds anything.
    """
    (reported,) = data.runs
    if reported.evaluation is None:
        why = reported.failure.explanation if reported.failure else "no metrics"
        raise RunError(f"{reported.run.name}: {why}")
    if reported.run.model is None:
        raise RunError(f"{reported.run.name}: there is no model to upload")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds files already: delete it, or upload it as it is")
    files = list_files(reported.run, (), scores=False, model=True)  # failures name images
    written = [folder / CARD_FILE]
    write_atomic(written[0], encode_text(render_model_card(data)))
    for file, source in files:
        if not file.path.startswith("evaluations/"):
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            written.append(target)
    return tuple(written)


def why_not_uploaded() -> str | None:
    """Why nothing can be uploaded from here; None where it can."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # read when the hub's client is loaded
    try:
        from huggingface_hub import get_token
    except ModuleNotFoundError:
        return f"huggingface_hub is not installed ({INSTALL})"
    return None if get_token() else "no token is set (`hf auth login`, or HF_TOKEN)"


def upload_repository(folder: Path, repository: str) -> str:
    """Upload a folder of `write_repository`; gives the address of the commit.

    A repository that is not there is made, and is private. Raises ServiceError where the
    Hub refuses or can't be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    # what the library beneath it raises, whichever that is by now, where nobody answers
    http_error: type[Exception] = HfHubHTTPError.__bases__[0]
    api = HfApi()
    try:
        api.create_repo(repository, private=True, exist_ok=True)
        done = api.upload_folder(
            repo_id=repository, folder_path=folder, commit_message="Model and card by covidreport"
        )
    except (OSError, ValueError, http_error) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ServiceError(f"the Hub, {repository}: {first}") from error
    return str(done.commit_url)
