"""`draw`: the command that draws the demo's radiographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def draw(
    out: Annotated[
        Path, typer.Option(help="The folder to draw into: new, empty, or an earlier drawing.")
    ],
    images: Annotated[int, typer.Option(help="How many images.", min=1)] = 480,
    seed: Annotated[
        int, typer.Option(help="Decides everything that chance decides.", min=0)
    ] = 2020,
    size: Annotated[int, typer.Option(help="Pixels on the shorter side.", min=128)] = 256,
) -> None:
    """Draw a small data set of synthetic radiographs, marked as drawn, for a demo.

    Example: python -m train draw --out demo/data
    """
    from .dataset import Drawing, draw_dataset

    typer.echo(draw_dataset(out, Drawing(images=images, seed=seed, size=size)))
