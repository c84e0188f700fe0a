"""Which rooms, and which files of one room, import each other in a circle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.sparse.csgraph import connected_components

from benchmarks.house.source import Module


def find_circles(modules: Sequence[Module]) -> list[tuple[str, ...]]:
    """Groups of siblings, rooms or files of one folder, that import each other in a circle."""
    known = frozenset(module.name for module in modules)
    imports = [
        (module.name, target) for module in modules for target in module.imports(known)
    ]  # fmt: skip
    circles = []
    for parent in sorted({module.package for module in modules}):
        pairs = {(_child(a, parent), _child(b, parent)) for a, b in imports}
        known_pairs = {(a, b) for a, b in pairs if a and b and a != b}
        circles += _find_groups(known_pairs)
    return circles


def _child(name: str, parent: str) -> str:
    """The part below `parent` in which a module stands; empty where it stands elsewhere."""
    before, _, rest = name.partition(f"{parent}.")
    return f"{parent}.{rest.split('.')[0]}" if not before and rest else ""


def _find_groups(pairs: set[tuple[str, str]]) -> list[tuple[str, ...]]:
    names = sorted({name for pair in pairs for name in pair})
    if not names:
        return []
    matrix = np.zeros((len(names), len(names)), bool)
    for a, b in pairs:
        matrix[names.index(a), names.index(b)] = True
    _, groups = connected_components(matrix, directed=True, connection="strong")
    sizes = Counter(groups.tolist())
    return [
        tuple(name for name, of in zip(names, groups, strict=True) if of == group)
        for group, size in sorted(sizes.items())
        if size > 1
    ]
