"""Many small operators as one: what the library of operators in ``cpp_ext`` computes at once.

The files of an engine stay plain ONNX. When a network is loaded, the nodes that make up a
multi-scale deformable sampling, an attention of few, the attention between image and text in both
directions, or a layer normalisation with the sum in front of it, are found by their patterns, as
export draws them (``gather_sampler``, ``attend`` and ``fuse`` of train.models.grounding_dino), with
every constant compared; one operator takes their place. So does another that takes a quarter of the
products in the place of a convolution of 3x3. What does not look exactly so stays as it is, and so
does everything where the library was not built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.kernel import import_kernel
from sdk.runtime.onnx_graph import Graph, Node, Pattern

DOMAIN = "piza"
SAMPLING, TWO_WAY = "DeformableSampling", "TwoWayAttention"
ATTENTION, BIASED_ATTENTION = "Attend", "AttendBiased"
NORM, NORM_OF_SUM = "Normalise", "NormaliseSum"
CONVOLUTION, CONVOLUTION_AND_SUM = "Convolve", "ConvolveSum"
_MULTIPLE = 16  # that the number of features is of, but for samplings
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


@cache
def library() -> Path | None:
    """The library of operators; None where it was not built."""
    import_kernel()
    folder = Path(str(import_kernel("cpp_ext._core").__file__)).parent
    return next(iter(sorted(folder.glob("_operators.*"))), None)


def fused(model: bytes) -> bytes | None:
    """A model that needs ``library``.

    Args:
        model: an ``onnx.ModelProto``.

    Returns:
        The model with fewer nodes and the same values; None where there is nothing to fuse.
    """
    if not any(each in model for each in (b"Floor", b"LayerNormalization", b"Relu")):
        return None
    graph = Graph.parse(model)
    finders = (_samplings, _two_way_attentions, _attentions, _norms, _convolutions)
    fusions = [each for find in finders for each in find(graph)]
    for nodes, operator, inputs in fusions:
        graph.replace(nodes, DOMAIN, operator, inputs)
    return graph.model(DOMAIN) if fusions else None


# Nodes that make the outputs of an operator, which, and what it takes.
_Fusion = tuple[tuple[Node, ...], str, tuple[str, ...]]


def _samplings(graph: Graph) -> Iterator[_Fusion]:
    for node, bound in graph.matches(_sampling()):
        sizes = _sizes(graph, bound)
        if sizes is not None:
            levels = graph.add(f"{SAMPLING} {node.outputs[0]}", sizes)
            given = (bound["?value"], bound["?places"], bound["?scores"], levels)
            yield (node,), SAMPLING, given


def _two_way_attentions(graph: Graph) -> Iterator[_Fusion]:
    """Both directions of an attention share their scores: (N, M * T) of N locations, T tokens."""
    product = ("MatMul", "?image", ("Transpose", {"perm": (1, 0)}, "?meant"))
    scores: Pattern = ("Add", product, ("Unsqueeze", "?bias", "#axis 0"))
    shares = ("Softmax", {"axis": -1}, ("Reshape", scores, "#(N, M, T)"))
    seen = ("MatMul", ("Reshape", shares, "#(N, M * T)"), "?said")
    to_image = ("Add", "?image", ("Add", seen, "?told"))
    to_text = ("Softmax", {"axis": -1}, ("Transpose", {"perm": (1, 0)}, scores))
    heard = {
        (bound["?image"], bound["?meant"], bound["?bias"]): node
        for node, bound in graph.matches(("MatMul", to_text, "?image"))
    }
    for node, bound in graph.matches(to_image):
        image, meant, bias, said, told = (
            bound[f"?{name}"] for name in ("image", "meant", "bias", "said", "told")
        )
        other = heard.get((image, meant, bias))
        split = graph.constant(bound["#(N, M, T)"])
        if other is None or split is None or len(split) != 3 or graph.shape(image)[1:] == ():
            continue
        (locations, width), (_, heads, tokens) = graph.shape(image), split.tolist()
        rows = (heads * tokens, width)
        expected = {
            "#(N, M, T)": [locations, heads, tokens],
            "#(N, M * T)": [locations, heads * tokens],
            "#axis 0": [0],
        }
        shapes = [graph.shape(name) for name in (meant, bias, said, told)]
        if width % _MULTIPLE or shapes != [rows, rows[:1], rows, (1, width)]:
            continue
        if _holds(graph, bound, expected):
            count = graph.add(f"{TWO_WAY} {node.outputs[0]}", np.array([heads]))
            yield (node, other), TWO_WAY, (image, meant, bias, said, told, count)


def _attentions(graph: Graph) -> Iterator[_Fusion]:
    """Scaled dot-product attention, with a bias or without one."""
    query, key, value = (
        ("Transpose", {"perm": perm}, ("Reshape", f"?{name}", f"#{name}"))
        for name, perm in (("query", (1, 0, 2)), ("key", (1, 2, 0)), ("value", (1, 0, 2)))
    )
    scores: Pattern = ("Div", ("MatMul", query, key), "#root")
    for biased in (False, True):
        shares = ("Softmax", {"axis": -1}, ("Add", scores, "?bias") if biased else scores)
        mixed = ("Transpose", {"perm": (1, 0, 2)}, ("MatMul", shares, value))
        for node, bound in graph.matches(("Reshape", mixed, "#(Q, D)")):
            shapes = {name: graph.shape(each) for name, each in bound.items() if name[0] == "?"}
            split = graph.constant(bound["#query"])
            if split is None or len(split) != 3 or len(shapes["?key"]) != 2:
                continue
            (queries, heads, depth), keys = split.tolist(), shapes["?key"][0]
            wide = {"?query": queries, "?key": keys, "?value": keys}
            bias = shapes.pop("?bias", (1, 1, keys))
            fits = shapes == {name: (count, heads * depth) for name, count in wide.items()}
            expected = {
                "#query": [queries, heads, depth],
                "#key": [keys, heads, depth],
                "#value": [keys, heads, depth],
                "#root": np.float32(depth**0.5),
                "#(Q, D)": [queries, heads * depth],
            }
            if not fits or bias not in ((1, 1, keys), (1, queries, keys)):
                continue
            if _holds(graph, bound, expected):
                count = graph.add(f"{ATTENTION} {node.outputs[0]}", np.array([heads]))
                taken = ("?query", "?key", "?value", *(("?bias",) if biased else ()))
                operator = BIASED_ATTENTION if biased else ATTENTION
                yield (node,), operator, (*(bound[name] for name in taken), count)


def _norms(graph: Graph) -> Iterator[_Fusion]:
    """Layer normalisations, with the sum in front of them where nothing else needs it."""
    sums = {node.outputs[0]: node for node in graph.nodes if node.operator == "Add"}
    pattern = ("LayerNormalization", {"axis": -1}, "?x", "#scale", "#shift")
    for node, bound in graph.matches(pattern):
        shape = graph.shape(bound["?x"])
        if len(shape) != 2 or shape[1] % _MULTIPLE:
            continue
        constants = [graph.constant(bound[name]) for name in ("#scale", "#shift")]
        if any(c is None or c.dtype != np.float32 or c.shape != shape[1:] for c in constants):
            continue
        given: tuple[str, ...] = (bound["?x"],)
        before = sums.get(bound["?x"]) if graph.uses(bound["?x"]) == 1 else None
        if before is not None and all(graph.shape(name) == shape for name in before.inputs):
            given = before.inputs
        epsilon = np.array([node.attributes.get("epsilon", 1e-5)], np.float32)
        name = graph.add(f"{NORM} {node.outputs[0]}", epsilon)
        operator = NORM if len(given) == 1 else NORM_OF_SUM
        yield (node,), operator, (*given, bound["#scale"], bound["#shift"], name)


def _convolutions(graph: Graph) -> Iterator[_Fusion]:
    """Those of 3x3 with steps of one, what they are added to, and what is above 0 of it."""
    same = {"pads": (1, 1, 1, 1), "strides": (1, 1), "dilations": (1, 1), "group": 1}
    convolution: Pattern = ("Conv", same, "?image", "#filters", "#bias")
    for summed in (False, True):
        inner = ("Add", convolution, "?residual") if summed else convolution
        for node, bound in graph.matches(("Relu", inner)):
            filters = graph.constant(bound["#filters"])
            image, bias = graph.shape(bound["?image"]), graph.constant(bound["#bias"])
            if filters is None or bias is None or len(image) != 4 or image[0] != 1:
                continue
            (count, channels, *size), (_, _, height, width) = filters.shape, image
            tiles = -(-height // _TILE) * -(-width // _TILE)
            if size != [3, 3] or count % _MULTIPLE or channels % _MULTIPLE or min(image) < 1:
                continue
            if filters.dtype != np.float32 or bias.dtype != np.float32:
                continue
            if tiles < _LEAST_TILES or len(_SPREAD) ** 2 * count * channels > _MOST_WEIGHTS:
                continue
            if summed and graph.shape(bound["?residual"]) != (1, count, height, width):
                continue
            spread = np.einsum("ia,kcab,jb->ijck", _SPREAD, filters, _SPREAD)
            flat = spread.reshape(-1, channels, count).astype(np.float32)
            operator = CONVOLUTION_AND_SUM if summed else CONVOLUTION
            name = graph.add(f"{operator} {node.outputs[0]}", flat)
            residual = (bound["?residual"],) if summed else ()
            yield (node,), operator, (bound["?image"], name, bound["#bias"], *residual)


def _holds(graph: Graph, bound: Mapping[str, str], expected: Mapping[str, Any]) -> bool:
    """Whether the constants of a pattern are what they have to be."""
    found = {name: graph.constant(each) for name, each in bound.items() if name[0] == "#"}
    return found.keys() == expected.keys() and all(
        each is not None and np.array_equal(each, expected[name]) for name, each in found.items()
    )


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
    same = _holds(graph, bound, _constants(sizes, heads, points, queries, value))
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
