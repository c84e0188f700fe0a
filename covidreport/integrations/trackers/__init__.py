"""Run folders of what other trackers wrote while a model was trained: Weights & Biases' offline
logs and TensorBoard's event files.

Read by their published formats, without the packages that wrote them. Nothing but names, settings,
the summary and the curves is taken: no host, user, command, code or console output.
"""

from covidreport.integrations.trackers.tensorboard import find_event_folders, read_event_folder
from covidreport.integrations.trackers.tracked import Tracked, name_folders, place_tracked
from covidreport.integrations.trackers.wandb import find_wandb_logs, read_wandb_log

__all__ = [
    "Tracked",
    "find_event_folders",
    "find_wandb_logs",
    "name_folders",
    "place_tracked",
    "read_event_folder",
    "read_wandb_log",
]
