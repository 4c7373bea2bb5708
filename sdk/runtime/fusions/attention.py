"""Attention between image and text in both directions, and of few to few."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sdk.runtime.fusions.fusion import MULTIPLE, Fusion, holds
from sdk.runtime.onnx_graph import Graph, Pattern

TWO_WAY = "TwoWayAttention"
ATTENTION, BIASED_ATTENTION = "Attend", "AttendBiased"


def two_way_attentions(graph: Graph) -> Iterator[Fusion]:
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
        if width % MULTIPLE or shapes != [rows, rows[:1], rows, (1, width)]:
            continue
        if holds(graph, bound, expected):
            count = graph.add(f"{TWO_WAY} {node.outputs[0]}", np.array([heads]))
            yield (node, other), TWO_WAY, (image, meant, bias, said, told, count)


def attentions(graph: Graph) -> Iterator[Fusion]:
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
            if holds(graph, bound, expected):
                count = graph.add(f"{ATTENTION} {node.outputs[0]}", np.array([heads]))
                taken = ("?query", "?key", "?value", *(("?bias",) if biased else ()))
                operator = BIASED_ATTENTION if biased else ATTENTION
                yield (node,), operator, (*(bound[name] for name in taken), count)
