"""Convolutions of 3x3, with a quarter of their products."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sdk.runtime.fusions.fusion import MULTIPLE, Fusion, are_floats
from sdk.runtime.onnx_graph import Graph, Pattern

CONVOLUTION, CONVOLUTION_AND_SUM = "Convolve", "ConvolveSum"
_TILE = 4  # outputs of a convolution that are made together, across and down
_LEAST_TILES = 12  # with fewer the transformed filters are read for too little
_MOST_WEIGHTS = 1 << 20  # transformed: more would not stay in a processor's cache
# Filters as products take them: Lavin & Gray 2016, F(4x4, 3x3).
_SPREAD = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)


def convolutions(graph: Graph) -> Iterator[Fusion]:
    """Those of 3x3 with steps of one, what they are added to, and what is above 0 of it."""
    same = {"pads": (1, 1, 1, 1), "strides": (1, 1), "dilations": (1, 1), "group": 1}
    convolution: Pattern = ("Conv", same, "?image", "#filters", "#bias")
    for summed in (False, True):
        inner = ("Add", convolution, "?residual") if summed else convolution
        for node, bound in graph.matches(("Relu", inner)):
            filters, image = graph.constant(bound["#filters"]), graph.shape(bound["?image"])
            if filters is None or filters.ndim != 4 or len(image) != 4 or image[0] != 1:
                continue
            (count, channels), (height, width) = filters.shape[:2], image[2:]
            sides = {"#filters": (count, channels, 3, 3), "#bias": (count,)}
            if not are_floats(graph, bound, sides) or count % MULTIPLE or channels % MULTIPLE:
                continue
            tiles = -(-height // _TILE) * -(-width // _TILE)
            if min(image) < 1 or tiles < _LEAST_TILES:
                continue
            if len(_SPREAD) ** 2 * count * channels > _MOST_WEIGHTS:
                continue
            if summed and graph.shape(bound["?residual"]) != (1, count, height, width):
                continue
            columns = np.tensordot(_SPREAD, filters, (1, 2))  # (6, K, C, 3)
            spread = np.tensordot(columns, _SPREAD, (3, 1)).transpose(0, 3, 2, 1)  # (6, 6, C, K)
            flat = spread.reshape(-1, channels, count).astype(np.float32)
            operator = CONVOLUTION_AND_SUM if summed else CONVOLUTION
            name = graph.add(f"{operator} {node.outputs[0]}", flat)
            residual = (bound["?residual"],) if summed else ()
            yield (node,), operator, (bound["?image"], name, bound["#bias"], *residual)
