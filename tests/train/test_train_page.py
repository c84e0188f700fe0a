"""docs/train.md names every key, its study can be fitted, and its table is of what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from torch import nn

from train.export import LARGEST_BYTES
from train.fields import ENTRY_FIELDS, SETTING_FIELDS
from train.models import lay_out
from train.networks import find_enum, torchvision_names
from train.settings import Experiment, FitSettings
from train.start import _outline, find_model_faults
from train.study import TOP_FIELDS, read_study

PAGE = (Path(__file__).parents[2] / "docs" / "train.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in PAGE.partition("## torchvision's networks")[2].splitlines()
    if (cells := [cell.strip() for cell in line.strip("|").split("|")])[0].startswith("`")
}
"""By network: its parameters, sizes, whether there are weights, and why it can't be fitted."""


@pytest.mark.parametrize("keys", [TOP_FIELDS, ENTRY_FIELDS, SETTING_FIELDS])
def test_every_key_is_on_the_page(keys):
    """A setting that nobody can read of is of use to nobody."""
    said = set(re.findall(r"`(\w+)(?: = [^`]*)?`", PAGE))
    assert {key for key in keys if key not in said} == set()


def test_the_study_of_the_page_can_be_read(tmp_path):
    """Ten lines, without a fault."""
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "study.toml"
    path.write_text(block)
    names = [experiment.name for experiment in read_study(path).experiments]
    assert names == ["exp1-resnet18-bce"]
    assert len(block.splitlines()) == 10


def test_the_table_has_all_of_torchvisions_networks():
    """80, in their order."""
    assert tuple(ROWS) == torchvision_names()
    assert len(ROWS) == 80


@pytest.mark.parametrize("name", torchvision_names())
def test_a_row_of_the_table_is_so(name, monkeypatch):
    """Laid out at the least of its sizes, each gives one logit a label; what can't be, says why.

    And none pools adaptively but to one mean: others have no deterministic gradient on a GPU.
    """
    for initial in dir(nn.init):
        if initial.endswith("_") and not initial.startswith("_"):  # half of the time, for no values
            monkeypatch.setattr(nn.init, initial, lambda *weights, tensor=None, **_: tensor)
    parameters, sizes, weights, why = ROWS[name]
    made: list[nn.Module] = []

    def keep(settings, n_labels):
        made.append(lay_out(settings, n_labels))
        return made[0]

    monkeypatch.setattr("train.start.lay_out", keep)
    _outline.cache_clear()  # another test may have laid it out at this size
    least = int(sizes.split()[0])
    settings = FitSettings(name, "none", "bce", "sgd", 0.1, 1, 1, image_size=least)
    assert find_model_faults([Experiment("1", "x", settings)], 3) == []
    (network,) = made
    pools = [m for m in network.modules() if isinstance(m, nn.AdaptiveAvgPool2d)]
    assert all(pool.output_size in (1, (1, 1)) for pool in pools)
    state = network.state_dict().values()
    assert (sum(t.numel() * t.element_size() for t in state) > LARGEST_BYTES) == bool(why)
    counted = sum(weight.numel() for weight in network.parameters()) / 1e6
    assert parameters == f"{counted:.1f}"
    assert weights == ("yes" if find_enum(name) else "no")
