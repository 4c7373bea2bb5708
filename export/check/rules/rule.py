"""What a rule is."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from export.check.graph import Graph
from export.check.operators import Target

Spots = Iterator[tuple[str, str]]  # (what it is about: a node's or a value's name, what to do)


class About(enum.Enum):
    """What happens to a graph in which a rule finds something."""

    BUILD = "TensorRT does not build it"
    NUMBERS = "it is built, and may compute something else"
    CHOICE = "it is built; this project does not want it"


@dataclass(frozen=True)
class Rule:
    """A trap. source: where it is documented, or that it is our own choice."""

    name: str
    find: Callable[[Graph, Target], Spots]
    about: About
    source: str
