"""Eight bits on small networks: what is quantised, and how near it stays."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from onnx import TensorProto

from export.precision.fold_stem import fold_stems
from export.precision.graph import read_graph
from export.precision.int8 import to_int8


@pytest.fixture
def convolving(build):
    """A stem, a residual block, a product."""
    rng = np.random.default_rng(0)

    def kernel(*shape: int) -> np.ndarray:
        return (rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    pads = {"pads": [1, 1, 1, 1]}
    return build(
        [
            ("Conv", ["x", "k0", "b"], "a", {"strides": [2, 2], "pads": [3, 3, 3, 3]}),
            ("Relu", ["a"], "ar"),
            ("Conv", ["ar", "k1"], "c", pads),
            ("Add", ["ar", "c"], "sum"),
            ("Relu", ["sum"], "r"),
            ("Reshape", ["r", "flat"], "f"),
            ("MatMul", ["f", "w"], "y"),
        ],
        {"x": (1, 3, 16, 24)},
        {"y": (8, 5)},
        {
            "k0": kernel(8, 3, 7, 7),
            "b": kernel(8, 1)[:, 0],
            "k1": kernel(8, 8, 3, 3),
            "w": kernel(96, 5),
            "flat": np.array([8, 96]),
        },
    )


def pixels(count: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    return [{"x": rng.normal(size=(1, 3, 16, 24)).astype(np.float32)} for _ in range(count)]


def test_a_network_in_eight_bits(convolving, run, run_eight_bits) -> None:
    feeds = pixels(4)
    small = to_int8(convolving, set(), feeds)
    kinds = Counter(node.op_type for node in small.graph.node)
    assert kinds["DynamicQuantizeLinear"] == kinds["MatMulInteger"] == 1
    assert kinds["Conv"] == 2
    weights = [t for t in small.graph.initializer if t.data_type == TensorProto.INT8 and t.dims]
    assert {tuple(t.dims) for t in weights} >= {(8, 3, 7, 7), (8, 8, 3, 3), (96, 5)}
    scales = [t for t in small.graph.initializer if t.name.startswith("k1") and "scale" in t.name]
    assert [tuple(t.dims) for t in scales] == [(8,)]  # one a channel
    for ours, theirs in ((small.graph.input, convolving.graph.input),):
        assert [v.SerializeToString() for v in ours] == [v.SerializeToString() for v in theirs]
    (ours,), (theirs,) = run_eight_bits(small, **feeds[0]), run(convolving, **feeds[0])
    assert ours.dtype == np.float32
    assert 0 < np.linalg.norm(ours - theirs) < 0.05 * np.linalg.norm(theirs)


def test_nodes_that_stay(convolving, run) -> None:
    everything = {node.name for node in convolving.graph.node}
    kept = to_int8(convolving, everything, pixels(1))
    assert [n.op_type for n in kept.graph.node] == [n.op_type for n in convolving.graph.node]
    some = to_int8(convolving, {"Conv_2", "MatMul_6"}, pixels(2))
    kinds = Counter(node.op_type for node in some.graph.node)
    assert kinds["MatMul"] == 1
    assert "MatMulInteger" not in kinds
    floats = {t.name for t in some.graph.initializer if t.data_type == TensorProto.FLOAT}
    assert {"k1", "w"} <= floats
    assert "k0" not in floats


def test_products_need_no_calibration(build, run, run_eight_bits, weight) -> None:
    model = build([("MatMul", ["x", "w"], "y")], {"x": (3, 4)}, {"y": (3, 4)}, {"w": weight(4, 4)})
    small = to_int8(model, set(), [])
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    assert np.abs(run_eight_bits(small, x=x)[0] - run(model, x=x)[0]).max() < 0.05


def test_stems_become_deep_and_say_the_same(convolving, run) -> None:
    folded = fold_stems(read_graph(convolving))
    assert [n.op_type for n in folded.graph.node][:2] == ["SpaceToDepth", "Conv"]
    shapes = {t.name: tuple(t.dims) for t in folded.graph.initializer}
    assert shapes["k0"] == (8, 12, 4, 4)
    feeds = pixels(1)[0]
    assert np.allclose(run(folded, **feeds)[0], run(convolving, **feeds)[0], atol=1e-4)


@pytest.mark.parametrize(("side", "pad"), [(3, 1), (5, 2), (7, 3), (2, 0), (4, 1)])
def test_stems_of_every_size(build, run, side: int, pad: int) -> None:
    rng = np.random.default_rng(side)
    weight = rng.normal(size=(4, 3, side, side)).astype(np.float32)
    model = build(
        [("Conv", ["x", "w"], "y", {"strides": [2, 2], "pads": [pad] * 4})],
        {"x": (1, 3, 8, 12)},
        {"y": (1, 4, 4, 6)},
        {"w": weight},
    )
    folded = fold_stems(read_graph(model))
    assert folded.graph.node[0].op_type == "SpaceToDepth"
    x = rng.normal(size=(1, 3, 8, 12)).astype(np.float32)
    assert np.allclose(run(folded, x=x)[0], run(model, x=x)[0], atol=1e-4)


@pytest.mark.parametrize(
    ("channels", "out", "attributes"),
    [
        (3, (1, 4, 8, 12), {"pads": [1, 1, 1, 1]}),  # no stride
        (8, (1, 4, 4, 6), {"strides": [2, 2], "pads": [1, 1, 1, 1]}),  # many channels
        (3, (1, 4, 3, 5), {"strides": [2, 2]}),  # another size
        (3, (1, 4, 4, 6), {"strides": [2, 2], "pads": [2, 2, 2, 2], "dilations": [2, 2]}),
    ],
)
def test_what_is_no_stem_stays(build, channels: int, out: tuple, attributes: dict) -> None:
    model = build(
        [("Conv", ["x", "w"], "y", attributes)],
        {"x": (1, channels, 8, 12)},
        {"y": out},
        {"w": np.ones((4, channels, 3, 3), np.float32)},
    )
    folded = fold_stems(read_graph(model))
    assert [node.op_type for node in folded.graph.node] == ["Conv"]
