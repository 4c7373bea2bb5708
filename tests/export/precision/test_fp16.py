"""Half precision in the graph: types, casts, constants."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from export.precision.fp16 import to_half
from export.precision.fp16_emulation import rounded_twin
from export.precision.graph import read_graph
from sdk.errors import EngineError

HALF, FULL = TensorProto.FLOAT16, TensorProto.FLOAT


def kinds(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


def chain(build, weight) -> Any:
    """Product, normalisation, product: float32 in the middle."""
    return build(
        [
            ("MatMul", ["x", "w"], "a"),
            ("LayerNormalization", ["a", "s", "b"], "n"),
            ("MatMul", ["n", "v"], "c"),
            ("Relu", ["c"], "y"),
        ],
        {"x": (2, 4)},
        {"y": (2, 4)},
        {name: weight(4, 4) for name in "wv"} | {"s": weight(4), "b": weight(4)},
    )


def test_casts_are_where_types_meet(build, run, weight) -> None:
    model = chain(build, weight)
    half = to_half(model, {"LayerNormalization_1"})
    one, two = ["Cast", "MatMul"], ["Cast", "MatMul", "Relu", "Cast"]
    assert kinds(half) == [*one, "Cast", "LayerNormalization", *two]
    graph = read_graph(half)
    assert {name: graph.kinds[name] for name in ("x", "y", "n", "a")} == {
        "x": FULL,
        "y": FULL,
        "n": FULL,
        "a": HALF,
    }
    stored = {t.name: t.data_type for t in half.graph.initializer}
    assert stored == {"w/half": HALF, "v/half": HALF, "s": FULL, "b": FULL}
    x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    (ours,), (theirs,) = run(half, x=x), run(model, x=x)
    assert ours.dtype == np.float32
    assert 0 < np.abs(ours - theirs).max() < 5e-3


def test_everything_half_and_nothing_half(build, weight) -> None:
    model = chain(build, weight)
    assert Counter(kinds(to_half(model, set())))["Cast"] == 2  # of the input, of the output
    kept = to_half(model, {node.name for node in model.graph.node})
    assert kinds(kept) == kinds(model)
    assert {t.data_type for t in kept.graph.initializer} == {FULL}


def test_one_cast_for_many_readers(build, weight) -> None:
    """Float32 neighbours hand their values on as they are; half readers share a Cast."""
    model = build(
        [
            ("Sin", ["x"], "s"),
            ("Cos", ["s"], "c"),
            ("MatMul", ["c", "w"], "a"),
            ("MatMul", ["c", "w"], "b"),
            ("Add", ["a", "b"], "y"),
        ],
        {"x": (2, 4)},
        {"y": (2, 4)},
        {"w": weight(4, 4)},
    )
    half = to_half(model, {"Sin_0", "Cos_1"})
    assert kinds(half) == ["Sin", "Cos", "Cast", "MatMul", "MatMul", "Add", "Cast"]
    assert [t.name for t in half.graph.initializer] == ["w/half"]


def test_movement_keeps_the_type_that_comes(build, weight) -> None:
    model = build(
        [
            ("Sin", ["x"], "s"),
            ("Transpose", ["s"], "t", {"perm": [1, 0]}),
            ("MatMul", ["x", "w"], "m"),
            ("Transpose", ["m"], "u", {"perm": [1, 0]}),
            ("Concat", ["t", "u"], "both", {"axis": 1}),
            ("Sin", ["both"], "y"),
        ],
        {"x": (2, 4)},
        {"y": (4, 4)},
        {"w": weight(4, 4)},
    )
    graph = read_graph(to_half(model, {"Sin_0", "Sin_5"}))
    assert [graph.kinds[name] for name in ("s", "t", "m", "u", "both")] == [
        FULL,
        FULL,
        HALF,
        HALF,
        FULL,
    ]


def test_a_constant_of_two_types(build, weight) -> None:
    model = build(
        [("Add", ["x", "c"], "a"), ("Mul", ["a", "c"], "y")],
        {"x": (4,)},
        {"y": (4,)},
        {"c": weight(4)},
    )
    half = to_half(model, {"Add_0"})
    assert {t.name: t.data_type for t in half.graph.initializer} == {"c": FULL, "c/half": HALF}


def test_casts_that_are_there_aim_at_the_type_in_use(build) -> None:
    model = build(
        [
            ("Cast", ["i_n"], "f", {"to": 1}),
            ("Mul", ["f", "f"], "g"),
            ("Cast", ["g"], "i_y", {"to": 6}),
        ],
        {"i_n": (3,)},
        {"i_y": (3,)},
    )
    half = to_half(model, set())
    assert kinds(half) == ["Cast", "Mul", "Cast"]
    assert read_graph(half).kinds["g"] == HALF
    assert kinds(to_half(model, {"Cast_0", "Mul_1", "Cast_2"})) == kinds(half)


def test_outputs_that_are_read_again(build) -> None:
    model = build([("Relu", ["x"], "y"), ("Relu", ["y"], "z")], {"x": (2,)}, {"y": (2,), "z": (2,)})
    half = to_half(model, set())
    assert kinds(half) == ["Cast", "Relu", "Relu", "Cast", "Cast"]
    assert [value.type.tensor_type.elem_type for value in half.graph.output] == [FULL, FULL]


def test_an_input_that_is_an_output(build) -> None:
    model = build([("Identity", ["x"], "y")], {"x": (2,)}, {"y": (2,)})
    assert kinds(to_half(model, set())) == ["Identity"]


def test_operators_with_types_of_their_own_stay(build) -> None:
    model = build(
        [("Resize", ["x", "", "scales"], "r"), ("Relu", ["r"], "y")],
        {"x": (1, 1, 2, 2)},
        {"y": (1, 1, 4, 4)},
        {"scales": np.array([1, 1, 2, 2], np.float32)},
    )
    half = to_half(model, set())
    assert kinds(half) == ["Resize", "Cast", "Relu", "Cast"]


def test_constants_beyond_half_are_refused(build) -> None:
    model = build([("Add", ["x", "c"], "y")], {"x": (1,)}, {"y": (1,)}, {"c": np.float32([7e4])})
    with pytest.raises(EngineError, match=r"constant c is beyond half.*keep the node Add_0"):
        to_half(model, set())
    assert kinds(to_half(model, {"Add_0"})) == ["Add"]


def test_nodes_that_are_not_there(build) -> None:
    model = build([("Relu", ["x"], "y")], {"x": (2,)}, {"y": (2,)})
    with pytest.raises(EngineError, match=r"found \['Tanh_0'\]"):
        to_half(model, {"Tanh_0"})


def test_the_model_given_is_not_changed(build, weight) -> None:
    model = chain(build, weight)
    before = model.SerializeToString()
    rounded_twin(to_half(model, set()))
    assert model.SerializeToString() == before


def test_whole_networks_stay_near(built, run) -> None:
    """Also with everything in half precision, the graphs are whole and typed as before."""
    from export.precision.fold_transpose import fold_transposes

    rng = np.random.default_rng(0)
    for name in ("text", "image", "ground"):
        model = fold_transposes(onnx.load(built / f"{name}.onnx"))
        half = to_half(model, set())
        for ours, theirs in (
            (half.graph.input, model.graph.input),
            (half.graph.output, model.graph.output),
        ):
            assert [v.SerializeToString() for v in ours] == [v.SerializeToString() for v in theirs]
        feeds = {}
        for value in model.graph.input:
            shape = [size.dim_value for size in value.type.tensor_type.shape.dim]
            whole = value.type.tensor_type.elem_type == TensorProto.INT32
            feeds[value.name] = (
                np.ones(shape, np.int32) if whole else rng.random(shape).astype(np.float32)
            )
        first = run(half, **feeds)[-1], run(model, **feeds)[-1]
        assert np.abs(first[0] - first[1]).max() < 0.1
        before = sum(numpy_helper.to_array(t).nbytes for t in model.graph.initializer)
        after = sum(numpy_helper.to_array(t).nbytes for t in half.graph.initializer)
        assert after < 0.6 * before


def test_the_twin_rounds_where_the_runtime_does_not(build, run) -> None:
    """1 + 1e-4 is 1 in half precision: eight such sums are 1, or 1.0008 in float32."""
    nodes = [("Add", ["x" if n == 0 else f"a{n - 1}", "c"], f"a{n}") for n in range(7)]
    model = build(
        [*nodes, ("Add", ["a6", "c"], "y")], {"x": (1,)}, {"y": (1,)}, {"c": np.float32([1e-4])}
    )
    half = to_half(model, set())
    twin = rounded_twin(half)
    one = np.ones(1, np.float32)
    assert run(twin, x=one)[0] == 1
    assert {t.data_type for t in twin.graph.initializer} == {FULL}
    graph = read_graph(twin)
    assert all(graph.kinds[f"a{n}"] == FULL for n in range(7))


def test_the_twin_of_float32_is_itself(build, weight) -> None:
    model = chain(build, weight)
    assert kinds(rounded_twin(model)) == kinds(model)
