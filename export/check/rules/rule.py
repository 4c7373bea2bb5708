"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from export.check.graph import Graph
from export.check.operators import Target

Spots = Iterator[tuple[str, str]]  # (what it is about: a node's or a value's name, what to do)


@dataclass(frozen=True)
class Rule:
    """A trap. source: where it is documented, or that it is our own choice."""

    name: str
    find: Callable[[Graph, Target], Spots]
    source: str
