"""What every kind of fusion is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sdk.runtime.onnx_graph import Graph, Node

MULTIPLE = 16  # that the number of features is of, but for samplings

# Nodes that make the outputs of an operator, which, and what it takes.
Fusion = tuple[tuple[Node, ...], str, tuple[str, ...]]


def holds(graph: Graph, bound: Mapping[str, str], expected: Mapping[str, Any]) -> bool:
    """Whether the constants of a pattern are what they have to be."""
    found = {name: graph.constant(each) for name, each in bound.items() if name[0] == "#"}
    return found.keys() == expected.keys() and all(
        each is not None and np.array_equal(each, expected[name]) for name, each in found.items()
    )


def are_floats(
    graph: Graph, bound: Mapping[str, str], sides: Mapping[str, tuple[int, ...]]
) -> bool:
    """Whether these names of a pattern are constants of floats, with such sides."""
    found = {name: graph.constant(bound[name]) for name in sides}
    return all(
        each is not None and each.dtype == np.float32 and each.shape == sides[name]
        for name, each in found.items()
    )
