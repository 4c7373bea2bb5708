"""Multi-scale deformable samplings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.runtime.fusions.fusion import Fusion, holds
from sdk.runtime.onnx_graph import Graph, Pattern

SAMPLING = "DeformableSampling"


def samplings(graph: Graph) -> Iterator[Fusion]:
    for node, bound in graph.matches(_sampling()):
        sizes = _sizes(graph, bound)
        if sizes is not None:
            levels = graph.add(f"{SAMPLING} {node.outputs[0]}", sizes)
            given = (bound["?value"], bound["?places"], bound["?scores"], levels)
            yield (node,), SAMPLING, given


def _sampling() -> Pattern:
    """``gather_sampler``, and the softmax before it, as export draws them.

    M heads of width d, L levels, P points a level, Q queries, N locations, K = L * P * 4 corners.
    """
    low: Pattern = ("Min", ("Max", ("Cast", ("Floor", "?places")), "#zeros"), "#most")
    away = ("Sub", ("Unsqueeze", ("Sub", "?places", ("Cast", low)), "#axis 4"), "#corner")
    share: Pattern = ("Max", ("Sub", "#one", ("Abs", away)), "#zero")  # (M, L, P, 2, 2, Q)
    softmax = ("Reshape", ("Softmax", {"axis": -2}, "?scores"), "#(M, L, P, Q)")
    above = ("Unsqueeze", ("Mul", _of(share, "#y"), ("Unsqueeze", softmax, "#axis 3")), "#axis 4")
    weight: Pattern = ("Mul", above, ("Unsqueeze", _of(share, "#x"), "#axis 3"))
    line = ("Add", ("Mul", _of(low, "#y"), "#rows"), "#starts")
    lines = ("Add", ("Unsqueeze", line, "#axis 3"), "#next row")
    column = ("Unsqueeze", ("Mul", _of(low, "#x"), "#heads"), "#axis 3")
    columns = ("Add", column, "#next column")
    index: Pattern = ("Add", ("Unsqueeze", lines, "#axis 4"), ("Unsqueeze", columns, "#axis 3"))
    chosen = ("Reshape", _turned(index), "#(Q * M * K)")
    picked = ("Gather", {"axis": 0}, ("Reshape", "?value", "#(N * M, d)"), chosen)
    factors = ("Unsqueeze", ("Reshape", _turned(weight), "#(Q, M, K)"), "#axis 2")
    sums = ("MatMul", factors, ("Reshape", picked, "#(Q, M, K, d)"))
    return ("Reshape", ("Squeeze", sums, "#axis -2"), "#(Q, M * d)")


def _turned(tensor: Pattern) -> Pattern:
    """Queries to the front."""
    return ("Transpose", {"perm": (1, 0)}, ("Reshape", tensor, "#(M * K, Q)"))


def _of(tensor: Pattern, which: str) -> Pattern:
    return ("Gather", {"axis": 3}, tensor, which)


def _sizes(graph: Graph, bound: Mapping[str, str]) -> NDArray[np.int64] | None:
    """Width and height of the levels (L, 2), where every constant is what it has to be."""
    value, places, scores = (
        graph.shape(bound[f"?{name}"]) for name in ("value", "places", "scores")
    )
    most = graph.constant(bound["#most"])
    if len(value) != 2 or len(places) != 5 or most is None or most.shape != (places[1], 1, 2, 1):
        return None
    heads, levels, points, _, queries = places
    sizes: NDArray[np.int64] = most.reshape(levels, 2).astype(np.int64) + 2
    if scores != (heads, levels * points, queries):
        return None
    same = holds(graph, bound, _constants(sizes, heads, points, queries, value))
    return sizes if same else None


def _constants(
    sizes: NDArray[np.int64], heads: int, points: int, queries: int, value: tuple[int, ...]
) -> dict[str, Any]:
    """What stands for the constants of the pattern."""
    levels, corners = len(sizes), len(sizes) * points * 4
    width, counts = sizes[:, 0, None, None], sizes.prod(1)
    starts = (counts.cumsum() - counts)[:, None, None]  # (L, 1, 1)
    depth = value[1] // heads
    last = np.array([0, 1])[:, None]  # (2, 1)
    return {
        "#zeros": np.zeros((levels, 1, 2, 1)),
        "#most": sizes.reshape(levels, 1, 2, 1) - 2,
        "#corner": last,
        "#one": 1,
        "#zero": 0,
        "#x": 0,
        "#y": 1,
        "#rows": width * heads,
        "#starts": starts * heads + np.arange(heads)[:, None, None, None],
        "#heads": heads,
        "#next row": (width * heads)[..., None] * last,
        "#next column": np.broadcast_to(last * heads, (levels, 1, 2, 1)),
        "#(M, L, P, Q)": [heads, levels, points, queries],
        "#(M * K, Q)": [heads * corners, queries],
        "#(N * M, d)": [int(counts.sum()) * heads, depth],
        "#(Q * M * K)": [queries * heads * corners],
        "#(Q, M, K, d)": [queries, heads, corners, depth],
        "#(Q, M, K)": [queries, heads, corners],
        "#(Q, M * d)": [queries, value[1]],
        **{f"#axis {k}": [k] for k in (-2, 2, 3, 4)},
    }
