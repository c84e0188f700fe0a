"""Runs on an MLflow server: pushed as MLflow runs, updated instead of doubled, and pulled back.

`facts` says what an MLflow run shows of a run folder, `files` which of its files go along,
`registry` makes versions of registered models, `server` is the only place that knows the `mlflow`
package.
"""

from covidreport.integrations.mlflow.pull import Pulled, pull_runs
from covidreport.integrations.mlflow.push import Pushed, PushRequest, push_run
from covidreport.integrations.mlflow.registry import Registered, fetch_registered, register_run

__all__ = [
    "Pulled",
    "PushRequest",
    "Pushed",
    "Registered",
    "fetch_registered",
    "pull_runs",
    "push_run",
    "register_run",
]
