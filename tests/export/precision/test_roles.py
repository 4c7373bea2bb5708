"""Each role, planted in a small graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.precision import roles
from export.precision.graph import read_graph
from export.precision.groups import RESIDUAL_SUMS, half_groups, layer_groups
from export.precision.roles import ALWAYS_FLOAT, ROLES, find_roles


def by_output(model: Any) -> dict[str, str]:
    """Role by the first output of the node."""
    found = find_roles(read_graph(model))
    outputs = {node.name: node.output[0] for node in model.graph.node}
    return {outputs[name]: role for name, role in found.items()}


def test_layer_norm(build, weight) -> None:
    model = build(
        [
            ("LayerNormalization", ["x", "s", "b"], "n"),
            ("MatMul", ["n", "w"], "p"),
            ("Relu", ["p"], "y"),
        ],
        {"x": (2, 4)},
        {"y": (2, 4)},
        {"s": np.ones(4, np.float32), "b": weight(4), "w": weight(4, 4)},
    )
    assert by_output(model) == {"n": roles.NORMALISATION}


def test_attention_scores(build, weight) -> None:
    """From the product of queries and keys to the softmax; projections and values stay out."""
    model = build(
        [
            ("MatMul", ["x", "wq"], "q"),
            ("MatMul", ["x", "wk"], "k"),
            ("Transpose", ["k"], "kt", {"perm": [1, 0]}),
            ("MatMul", ["q", "kt"], "s"),
            ("Div", ["s", "root"], "d"),
            ("Add", ["d", "mask"], "m"),
            ("Softmax", ["m"], "a"),
            ("MatMul", ["a", "x"], "v"),
            ("MatMul", ["v", "wo"], "y"),
        ],
        {"x": (3, 4)},
        {"y": (3, 4)},
        {
            **{name: weight(4, 4) for name in ("wq", "wk", "wo")},
            "root": np.float32(2),
            "mask": weight(3, 3),
        },
    )
    assert by_output(model) == dict.fromkeys("sdma", roles.SCORES)


def test_bi_directional_attention(build, weight) -> None:
    """Both softmaxes over one matrix, and the products with the values of the other side."""
    model = build(
        [
            ("MatMul", ["x", "w"], "q"),
            ("Transpose", ["t"], "k", {"perm": [1, 0]}),
            ("MatMul", ["q", "k"], "s"),
            ("Add", ["s", "mask"], "masked"),
            ("Softmax", ["masked"], "a"),
            ("Transpose", ["s"], "st", {"perm": [1, 0]}),
            ("Softmax", ["st"], "b"),
            ("MatMul", ["a", "t"], "u"),
            ("MatMul", ["b", "x"], "v"),
            ("MatMul", ["u", "w"], "y"),
            ("MatMul", ["v", "w"], "z"),
        ],
        {"x": (5, 4), "t": (3, 4)},
        {"y": (5, 4), "z": (3, 4)},
        {"w": weight(4, 4), "mask": weight(5, 3)},
    )
    found = by_output(model)
    assert set(found.values()) == {roles.FUSION}
    assert {"s", "masked", "a", "st", "b", "u", "v"} <= set(found)
    assert not {"q", "y", "z"} & set(found)


def test_sampling_coordinates(build, weight) -> None:
    """From offsets to cell and bilinear share; what is read there is no coordinate."""
    model = build(
        [
            ("MatMul", ["x", "w"], "offsets"),
            ("Mul", ["offsets", "size"], "scaled"),
            ("Sub", ["scaled", "size"], "place"),
            ("Floor", ["place"], "low"),
            ("Sub", ["place", "low"], "far"),
            ("Cast", ["low"], "cell", {"to": 6}),
            ("Reshape", ["cell", "flat"], "rows"),
            ("Gather", ["value", "rows"], "picked"),
            ("Reshape", ["far", "row"], "share"),
            ("MatMul", ["share", "picked"], "sampled"),
            ("MatMul", ["sampled", "w"], "y"),
        ],
        {"x": (2, 4), "value": (9, 4)},
        {"y": (1, 4)},
        {
            "w": weight(4, 4),
            "size": np.float32(2),
            "flat": np.array([8]),
            "row": np.array([1, 8]),
        },
    )
    found = by_output(model)
    assert {k for k, role in found.items() if role == roles.SAMPLING} == {
        "scaled",
        "place",
        "low",
        "far",
        "share",
    }
    assert not {"offsets", "picked", "sampled", "y"} & set(found)


def test_position_embeddings(build, weight) -> None:
    model = build(
        [
            ("Cast", ["i_ids"], "p", {"to": 1}),
            ("Div", ["p", "wave"], "d"),
            ("Sin", ["d"], "s"),
            ("Cos", ["d"], "c"),
            ("Concat", ["s", "c"], "code", {"axis": 1}),
            ("Add", ["x", "code"], "sum"),
            ("MatMul", ["sum", "w"], "m"),
            ("Relu", ["m"], "y"),
        ],
        {"i_ids": (3, 1), "x": (3, 4)},
        {"y": (3, 4)},
        {"wave": weight(1, 2), "w": weight(4, 4)},
    )
    assert by_output(model) == dict.fromkeys(("p", "d", "s", "c", "code"), roles.POSITION)


def test_box_head_inverse_sigmoid_and_logits(build, weight) -> None:
    """The end of a decoder: refined boxes, and the best by their logits."""
    model = build(
        [
            ("MatMul", ["q", "w0"], "h"),
            ("Add", ["h", "model.bbox_embed.0.layers.0.bias"], "hb"),
            ("Relu", ["hb"], "r"),
            ("MatMul", ["r", "w1"], "delta"),
            ("Add", ["delta", "model.bbox_embed.0.layers.1.bias"], "d"),
            ("Sub", ["one", "ref"], "rest"),
            ("Div", ["ref", "rest"], "odds"),
            ("Log", ["odds"], "logit"),
            ("Add", ["d", "logit"], "refined"),
            ("Sigmoid", ["refined"], "boxes"),
            ("Transpose", ["t"], "tt", {"perm": [1, 0]}),
            ("MatMul", ["q", "tt"], "similar"),
            ("ReduceMax", ["similar", "last"], "best", {"keepdims": 0}),
            ("Sigmoid", ["best"], "scores"),
            ("TopK", ["scores", "k"], ("top", "order")),
        ],
        {"q": (3, 4), "t": (2, 4), "ref": (3, 4)},
        {"boxes": (3, 4), "top": (2,)},
        {
            "w0": weight(4, 4),
            "w1": weight(4, 4),
            "model.bbox_embed.0.layers.0.bias": weight(4),
            "model.bbox_embed.0.layers.1.bias": weight(4),
            "one": np.float32(1),
            "last": np.array([-1]),
            "k": np.array([2]),
        },
    )
    found = by_output(model)
    assert {k for k, v in found.items() if v == roles.BOX_HEAD} == {"h", "hb", "r", "delta", "d"}
    assert {k for k, v in found.items() if v == roles.INVERSE_SIGMOID} == {
        "rest",
        "odds",
        "logit",
        "refined",
    }
    assert {"similar", "best", "scores", "top", "boxes"} <= {
        k for k, v in found.items() if v == roles.OUTPUTS
    }
    graph = read_graph(model)
    assert list(layer_groups(graph)) == [roles.BOX_HEAD]
    names = {node.output[0]: node.name for node in graph.nodes}
    assert names["r"] in half_groups(graph)[roles.BOX_HEAD]


def test_layers_by_module(build, weight) -> None:
    model = build(
        [
            ("MatMul", ["x", "w"], "a"),
            ("Add", ["a", "model.base.model.encoder.layers.0.fc1.bias"], "b"),
            ("MatMul", ["b", "w"], "c"),
            ("Add", ["c", "model.base.model.encoder.layers.0.fc2.bias"], "d"),
            ("Add", ["x", "d"], "sum"),
            ("MatMul", ["sum", "w"], "nameless"),
            ("Relu", ["nameless"], "y"),
        ],
        {"x": (2, 4)},
        {"y": (2, 4)},
        {
            "w": weight(4, 4),
            "model.base.model.encoder.layers.0.fc1.bias": weight(4),
            "model.base.model.encoder.layers.0.fc2.bias": weight(4),
        },
    )
    graph = read_graph(model)
    groups = layer_groups(graph)
    assert groups == {
        "encoder.layers.0": ["MatMul_0", "Add_1", "MatMul_2", "Add_3"],
        "MatMul_5": ["MatMul_5"],
    }
    assert half_groups(graph) == {**groups, RESIDUAL_SUMS: ["Add_4"]}


def test_a_graph_without_roles(build) -> None:
    assert by_output(build([("Relu", ["x"], "y")], {"x": (2,)}, {"y": (2,)})) == {}


def test_no_weights_are_always_float(built) -> None:
    """What always stays in float32 costs no multiplication with weights, in a whole network."""
    import onnx

    from export.precision.fold_transpose import fold_transposes

    seen = set()
    for name in ("text", "image", "ground"):
        graph = read_graph(fold_transposes(onnx.load(built / f"{name}.onnx")))
        found = find_roles(graph)
        seen |= set(found.values())
        for node in graph.nodes:
            if found.get(node.name) in ALWAYS_FLOAT:
                assert graph.macs(node) == 0, node.name
    assert seen == set(ROLES)
