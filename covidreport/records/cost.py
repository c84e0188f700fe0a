"""What a model costs, beside what it misses."""

from __future__ import annotations

from msgspec import Struct


class Cost(Struct, frozen=True):
    """A model's size, and its speed and memory where it was evaluated; None: not recorded."""

    parameters: int | None = None
    """Numbers in its weights, biases and statistics, as exported."""
    file_bytes: int | None = None
    """All files of it together."""
    images_per_s: float | None = None
    """In the model alone, while the others of its evaluation took turns with it."""
    memory_bytes: int | None = None
    """By itself on the CPU, with one image."""
    machine: str | None = None
    """Where it was timed: the processor, or the card."""
