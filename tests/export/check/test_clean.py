"""What must not be reported: the neighbours of the traps."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.check.checking import check_model
from export.check.operators import TARGETS
from sdk.errors import InputError

X = "(float[2,3] x) => (y)"
CLEAN = {
    "plain": f"{X} {{ y = Relu(x) }}",
    "a shape for Reshape": f"{X} <int64[2] s = {{3, 2}}> {{ y = Reshape(x, s) }}",
    "shape arithmetic": "(float[2,6] x) => (y) <int64 i = {0}, int64[1] a = {0},"
    " int64[1] two = {2}, int64[1] rest = {-1}> { s = Shape(x) n = Gather(s, i)"
    " u = Unsqueeze(n, a) m = Mul(u, two) t = Concat<axis = 0>(m, rest) y = Reshape(x, t) }",
    "several indices into a shape": f"{X} <int64[2] i = {{1, 0}}>"
    " { s = Shape(x) t = Gather(s, i) y = Reshape(x, t) }",
    "one column": f"{X} <int64 i = {{1}}> {{ y = Gather<axis = 1>(x, i) }}",
    "one column, kept": f"{X} <int64[1] i = {{1}}> {{ y = Gather<axis = 1>(x, i) }}",
    "a slice to the end": f"{X} <int64[2] s = {{0, 1}}, int64[2] e = {{9223372036854775807, 3}},"
    " int64[2] a = {0, 1}> { y = Slice(x, s, e, a) }",
    "indices of TopK, moved": "(float[1,5,3] x, float[1,5] c) => (y) <int64[1] k = {2},"
    " int64[1] a = {-1}, int64[3] s = {1, 2, 3}>"
    " { v, i = TopK(c, k) u = Unsqueeze(i, a) e = Expand(u, s)"
    " y = GatherElements<axis = 1>(x, e) }",
    "indices that go out": "(float[5] x) => (float[2] v, int64[2] i) <int64[1] k = {2}>"
    " { v, i = TopK(x, k) }",
    "indices of TopK, cast": "(float[5] x) => (y) <int64[1] k = {2}, int32 w = {3}>"
    " { v, i = TopK(x, k) j = Cast<to = 6>(i) y = Add(j, w) }",
    "GatherND demands int64": "(float[5,3] x, int32[4,1] i) => (y)"
    " { j = Cast<to = 7>(i) y = GatherND(x, j) }",
    "and behind another node": "(float[5,3] x, int32[4] i) => (y) <int64[1] a = {-1}>"
    " { j = Cast<to = 7>(i) k = Unsqueeze(j, a) y = GatherND(x, k) }",
    "ScatterND without reduction": "(float[5] x, float[1] u) => (y) <int64[1,1] i = {2}>"
    " { y = ScatterND(x, i, u) }",
    "int32 ids": "(float[5,3] x, int32[2] i) => (y) { y = Gather(x, i) }",
    "integer minimum": "(int32[2] x) => (y) <int32 l = {7}> { y = Min(x, l) }",
    "the largest of half": f"{X} <float w = {{65504.0}}> {{ y = Add(x, w) }}",
    "a finite mask": f"{X} <float w = {{-1e4}}> {{ y = Add(x, w) }}",
    "an empty constant": f"{X} <float[0,3] w = {{}}> {{ y = Concat<axis = 0>(x, w) }}",
    "K at the limit": "(float[5000] x) => (y) <int64[1] k = {3840}> { y, i = TopK(x, k) }",
    "K as a node": "(float[50] x) => (y) { k = Constant<value = int64[1] {3}>()"
    " y, i = TopK(x, k) }",
    "the maximum of a row": "(float[1,4,9,8] x) => (y) <int64[1] a = {-1}>"
    " { m = ReduceMax(x, a) y = Sub(x, m) }",
    "the maximum of a single row": "(float[1,8] x) => (y) { m = ReduceMax(x) y = Sub(x, m) }",
    "the maximum of a vector": "(float[8] x) => (y) { m = ReduceMax(x) y = Sub(x, m) }",
    "the maximum of integers": "(int32[4,8] x) => (y) { y = ReduceMax(x) }",
    "a native norm": f"{X} <float[3] w = {{1.0, 1.0, 1.0}}> {{ y = LayerNormalization(x, w) }}",
    "a mean of squares": f"{X} {{ s = Mul(x, x) y = ReduceMean<axes = [-1]>(s) }}",
    "a difference from another mean": "(float[2,3] x, float[2,3] z) => (y) <float two = {2.0}>"
    " { m = ReduceMean<axes = [-1]>(z) d = Sub(x, m) s = Pow(d, two)"
    " y = ReduceMean<axes = [-1]>(s) }",
    "an absolute deviation": f"{X} {{ m = ReduceMean<axes = [-1]>(x) d = Sub(x, m) a = Abs(d)"
    " y = ReduceMean<axes = [-1]>(a) }",
    "symmetric int8": f"{X} <float s = {{0.1}}, int8 z = {{0}}>"
    " { q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z) }",
    "mixed precision": f"{X} {{ h = Cast<to = 10>(x) e = Exp(h) y = Cast<to = 1>(e) }}",
    "a product in float32, and what comes after it": "(float16[4,8] x, float16[8,8] w) => (y)"
    " { a = Cast<to = 1>(x) b = Cast<to = 1>(w) m = MatMul(a, b) r = Relu(m)"
    " y = Cast<to = 10>(r) }",
    "linear resizing": "(float[1,1,4,4] x) => (y) <float[4] s = {1.0, 1.0, 2.0, 2.0}>"
    " { y = Resize<mode = \"linear\">(x, , s) }",
    "plain pooling": "(float[1,1,8,8] x) => (y)"
    " { y = MaxPool<kernel_shape = [2, 2], dilations = [1, 1]>(x) }",
    "a layer that learns no more": "(float[1,2,4,4] x) => (y) <float[2] w = {1.0, 1.0},"
    " float r = {0.5}, bool t = {0}>"
    " { n = BatchNormalization(x, w, w, w, w) y = Dropout(n, r, t) }",
    "a remainder of fmod": "(float[2] x, float[2] z) => (y) { y = Mod<fmod = 1>(x, z) }",
    "booleans": "(bool[2] a, bool[2] b) => (y) { c = And(a, b) y = Not(c) }",
    "a choice": "(bool[2] c, float[2] a, float[2] b) => (y) { y = Where(c, a, b) }",
    "the default domain by name": "(float[2,3] x) => (float[2,3] y) { y = ai.onnx.Relu(x) }",
}  # fmt: skip


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_is_reported(check, name: str) -> None:
    assert check(CLEAN[name]) == []


@pytest.mark.parametrize("opset", [17, 18, 19])
def test_opsets(check, opset: int) -> None:
    assert check(CLEAN["plain"], opset) == []


def test_nodes_without_a_name_go_by_their_output(check) -> None:
    assert check("(int32[2] a) => (y) { y = BitwiseNot(a) }") == [("operator", "y")]


def test_old_initialisers_are_inputs_too(check, parse) -> None:
    """Up to IR version 3 they had to be."""
    model = parse(f"{X} <int64[2] s = {{3, 2}}> {{ y = Reshape(x, s) }}")
    model.graph.input.append(helper.make_tensor_value_info("s", TensorProto.INT64, (2,)))
    assert check(model) == []


def test_a_network_that_contradicts_itself_is_still_judged(check, parse) -> None:
    """Shapes that do not fit: inference gives up, the rules go on with what they know."""
    model = parse("(float[2,3] x, float[7,5] z) => (y) { a = MatMul(x, z) [n] y = Frob(a) }")
    assert ("operator", "n") in check(model)


HOSTILE = {
    "circles": "(float[2,3] x) => (y) { a = Cast<to = 1>(b) b = Cast<to = 1>(a)"
    " m = ReduceMean(a) y = Sub(b, m) z = ReduceMean(y) }",
    "too few inputs": "(float[2,3] x) => (y) { s = Mul(x) p = Pow(s) d = Sub(x) m = ReduceMean(p)"
    " t = TopK(x) g = Gather(x) y = ReduceMean(d) }",
    "no inputs at all": "() => (y) { m = ReduceMax() s = Shape() y = Reshape() }",
    "axes that are not there": "(float[2,3] x) => (y) <int64[2] a = {7, -9}>"
    " { y = ReduceMax(x, a) }",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_damaged_networks_are_judged_without_a_crash(check, name: str) -> None:
    assert all(rule for rule, _ in check(HOSTILE[name]))


def test_long_chains(check) -> None:
    moves = "".join(f"v{k + 1} = Identity(v{k})" for k in range(3000))
    text = f"(float[5,3] x, int64[2] v0) => (y) {{ {moves} y = Gather(x, v3000) }}"
    assert check(text) == [("int64", "v0")]


def test_constants_that_are_cut_off(parse) -> None:
    model = parse(f"{X} <float[3] w = {{1.0, 1.0, 1.0}}> {{ y = Add(x, w) }}")
    model.graph.initializer[0].ClearField("float_data")
    model.graph.initializer[0].raw_data = b"1234567"
    with pytest.raises(InputError, match="the constant 'w' cannot be read"):
        check_model(model, "net")


def test_shared_constants_are_reported_once(check, parse) -> None:
    model = parse(f"{X} {{ a = Add(x, w) y = Add(a, w) }}")
    wide = np.array([np.inf], np.float32)
    model.graph.initializer.append(numpy_helper.from_array(wide, "w"))
    assert check(model) == [("not-finite", "w")]


def test_the_table_is_whole() -> None:
    old, new = (TARGETS[version].types for version in ("10.3", "11.4"))
    assert old.keys() == new.keys()
    assert len(old) == 201
    assert new["LayerNormalization"] == {"FP32", "FP16", "BF16"}
    assert not old["Attention"]
    assert TARGETS["11.4"].supports("Attention")
    assert not TARGETS["11.4"].supports("NoSuchOperator")
