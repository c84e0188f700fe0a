"""Settings: from covidreport.toml or `[tool.covidreport]` in a pyproject.toml; options win.

`read` finds and reads the file and names every fault of it at once; `record` is what it says. No
room below reads settings: the command line and `api` hand on what they say.
"""

from covidreport.settings.read import SETTINGS_FILE, find_settings, read_settings
from covidreport.settings.record import Settings, read_at_thresholds

__all__ = ["SETTINGS_FILE", "Settings", "find_settings", "read_at_thresholds", "read_settings"]
