"""Each trap, planted in a small network, is found where it is, and nothing else."""

from __future__ import annotations

import pytest
from onnx import helper

from export.check.operators import TARGETS
from export.check.rules import RULES
from export.check.rules.operators import PREFERRED

X = "(float[2,3] x) => (y)"
NORM = """{{
  [mean] m = ReduceMean<axes = [-1]>(x)
  [minus] d = Sub(x, m)
  {square}
  [variance] v = ReduceMean<axes = [-1]>(s)
  e = Add(v, eps)
  r = Sqrt(e)
  y = Div(d, r)
}}"""

# (rule, what it is found at, network); opset 18 unless the network says so
TRAPS = [
    ("control-flow", "n", "(bool c) => (y) { [n] y = If(c) <then_branch = a () => (float[1] p)"
     " <float[1] p = {1.0}> {}, else_branch = b () => (float[1] q) <float[1] q = {2.0}> {}> }"),
    ("dynamic-shape", "x", "(float[N,3] x) => (y) { y = Relu(x) }"),
    ("dynamic-shape", "x", "(float[?,3] x) => (y) { y = Relu(x) }"),
    ("dynamic-shape", "y", "(float[2,3] x) => (float[N,3] y) { y = Relu(x) }"),
    ("data-dependent-shape", "n", f"{X} {{ [n] y = NonZero(x) }}"),
    ("data-dependent-shape", "n",
     "(float[2,3] x, int64[2] s) => (y) { [n] y = Reshape(x, s) }"),
    ("grid-sample", "n",
     "(float[1,1,4,4] x, float[1,2,2,2] g) => (y) { [n] y = GridSample(x, g) }"),
    ("operator", "n", "(int32[2] a) => (y) { [n] y = BitwiseNot(a) }"),
    ("operator", "n", "(int32[2] a, int32[2] b) => (y) { [n] y = BitwiseAnd(a, b) }"),
    ("operator", "n", "(uint8[2] a, uint8[2] b) => (y) { [n] y = BitShift<direction = \"LEFT\">"
     "(a, b) }"),
    ("operator", "n", f"{X} {{ [n] y = FusedThing(x) }}"),
    ("operator", "n", f"{X} {{ [n] y = com.microsoft.Gelu(x) }}"),
    ("operator", "n", f"{X} {{ [n] y, s, z = DynamicQuantizeLinear(x) }}"),
    ("type", "n", "(int32[2,3] x, int32 l) => (y) { [n] y = Clip(x, l) }"),
    ("type", "n", "(bool[2] a, bool[2] b) => (y) { [n] y = Equal(a, b) }"),
    ("type", "n", f"{X} {{ [n] y = Cast<to = 5>(x) }}"),
    ("type", "z", "(float[2] x, uint32[2] z) => (y) { y = Pow(x, z) }"),
    ("float64", "x", "(double[2] x) => (y) { y = Cast<to = 1>(x) }"),
    ("float64", "n", f"{X} {{ [n] z = Cast<to = 11>(x) s = Sin(z) y = Cast<to = 1>(s) }}"),
    ("float64", "w", f"{X} <double[1] w = {{1.0}}> {{ z = Cast<to = 1>(w) y = Add(x, z) }}"),
    ("float64", "n",
     f"{X} {{ [n] c = Constant<value = double {{1.0}}>() z = Cast<to = 1>(c) y = Add(x, z) }}"),
    ("not-finite", "w", f"{X} <float[2] w = {{0.0, -inf}}> {{ s = ReduceSum(w) y = Add(x, s) }}"),
    ("not-finite", "w", f"{X} <float w = {{nan}}> {{ y = Add(x, w) }}"),
    ("not-finite", "n", f"{X} {{ [n] c = Constant<value = float {{-inf}}>() y = Add(x, c) }}"),
    ("not-finite", "n", f"{X} {{ [n] c = Constant<value_float = -inf>() y = Add(x, c) }}"),
    ("beyond-half", "w", f"{X} <float w = {{-1e5}}> {{ y = Add(x, w) }}"),
    ("beyond-half", "n", f"{X} {{ [n] c = Constant<value = float {{3.4e38}}>() y = Min(x, c) }}"),
    ("int64", "i", "(float[5,3] x, int64[2] i) => (y) { y = Gather(x, i) }"),
    ("int64", "n", "(float[5,3] x, float[2] i) => (y) { [n] j = Cast<to = 7>(i)"
     " k = Unsqueeze(j, a) y = Gather(x, k) }".replace("=> (y) {", "=> (y) <int64[1] a = {0}> {")),
    ("int64", "n", "(float[5] x) => (y) <int64[1] k = {2}, int64 w = {3}>"
     " { v, i = TopK(x, k) [n] y = Mod(i, w) }"),
    ("int64", "n", "(float[5,3] x) => (y) <int64[2] i = {4, 1}> { [n] y = Gather(x, i) }"),
    ("int64", "n", "(bool[2] c) => (y) <int64[2] a = {4, 1}, int64[2] b = {0, 0}>"
     " { [n] y = Where(c, a, b) }"),
    ("top-k", "n", "(float[5] x, int64[1] k) => (float[2] y) { [n] y, i = TopK(x, k) }"),
    ("top-k", "n", "(float[5000] x) => (y) <int64[1] k = {3841}> { [n] y, i = TopK(x, k) }"),
    ("top-k", "n", "(float[5] x) => (y) <int64[1] k = {2}> { [n] y, i = TopK<sorted = 0>(x, k) }"),
    ("scatter-reduction", "n", "(float[5] x, float[1] u) => (y) <int64[1,1] i = {2}>"
     " { [n] y = ScatterND<reduction = \"add\">(x, i, u) }"),
    ("scatter-reduction", "n", "(float[5] x, float[1] u) => (y) <int64[1] i = {2}>"
     " { [n] y = ScatterElements<reduction = \"max\">(x, i, u) }"),
    ("parameter", "n", "(float[2,3] x, int64[1] a) => (y) { [n] y = ReduceSum(x, a) }"),
    ("parameter", "n", "(float[2,3] x) => (y) <int64 z = {0}, int64 o = {1}>"
     " { s = Shape(x) r = Size(s) a = Range(z, r, o) [n] y = ReduceSum(x, a) }"),
    ("parameter", "n", "(float[2,1] x, int64[1] a) => (y) { [n] y = Squeeze(x, a) }"),
    ("resize", "n", "(float[1,1,4,4] x) => (y) <float[4] s = {1.0, 1.0, 2.0, 2.0}>"
     " { [n] y = Resize<mode = \"cubic\">(x, , s) }"),
    ("resize", "n", "(float[1,1,4,4] x) => (y) <float[4] s = {1.0, 1.0, 2.0, 2.0}>"
     " { [n] y = Resize<mode = \"linear\", antialias = 1>(x, , s) }"),
    ("pooling", "n", "(float[1,1,8,8] x) => (y)"
     " { [n] y = MaxPool<kernel_shape = [2, 2], dilations = [2, 2]>(x) }"),
    ("pooling", "n", "(float[1,1,8,8] x) => (y)"
     " { [n] y = LpPool<kernel_shape = [2, 2], p = 3>(x) }"),
    ("extra-output", "n", "(float[1,1,8,8] x) => (y)"
     " { [n] y, i = MaxPool<kernel_shape = [2, 2]>(x) }"),
    ("extra-output", "n", f"{X} <float[3] w = {{1.0, 1.0, 1.0}}>"
     " { [n] y, m = LayerNormalization(x, w) }"),
    ("zero-point", "n", f"{X} <float s = {{0.1}}, int8 z = {{3}}>"
     " { [n] q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s) }"),
    ("training", "n", "(float[1,2,4,4] x) => (y) <float[2] w = {1.0, 1.0}>"
     " { [n] y, m, v = BatchNormalization<training_mode = 1>(x, w, w, w, w) }"),
    ("training", "n", f"{X} <float r = {{0.5}}, bool t = {{1}}> {{ [n] y = Dropout(x, r, t) }}"),
    ("training", "n", "(float[2,3] x, bool t) => (y) <float r = {0.5}>"
     " { [n] y = Dropout(x, r, t) }"),
    ("remainder", "n", "(float[2] x, float[2] z) => (y) { [n] y = Mod(x, z) }"),
    ("layer-norm", "variance", "(float[2,3] x) => (y) <float eps = {1e-5}, float two = {2.0}> "
     + NORM.format(square="s = Pow(d, two)")),
    ("layer-norm", "variance", "(float[2,3] x) => (y) <float eps = {1e-5}> "
     + NORM.format(square="s = Mul(d, d)")),
    ("layer-norm", "variance", "(float16[2,3] x) => (y) <float eps = {1e-5}, float two = {2.0}> "
     + NORM.format(square="h = Cast<to = 1>(d) s = Pow(h, two)").replace("Div(d, r)", "Div(h, r)")),
    ("narrowed-product", "n", "(float16[4,8] x) => (y) <float[8,8] w = {"
     + ", ".join(["0.1"] * 64) + "}> { a = Cast<to = 1>(x) [n] m = MatMul(a, w)"
     " y = Cast<to = 10>(m) }"),
    ("global-max", "n", "(float[1,4,9,8] x) => (y) { [n] m = ReduceMax(x) y = Sub(x, m) }"),
    ("global-max", "n", "(float[1,4,9,8] x) => (y) { [n] m = ReduceMin<keepdims = 0>(x)"
     " y = Sub(x, m) }"),
    ("global-max", "n", "(float[1,4,9,8] x) => (y) <int64[2] a = {2, 3}>"
     " { [n] m = ReduceMax(x, a) y = Sub(x, m) }"),
    ("global-max", "n", "(float[1,4,9,8] x) => (y) <int64[1] a = {0}, int64[1] s = {-1}>"
     " { f = Reshape(x, s) [n] m = ReduceMax(f, a) y = Sub(x, m) }"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "node", "network"), TRAPS)
def test_each_trap_is_found(check, rule: str, node: str, network: str) -> None:
    assert check(network) == [(rule, node)]


@pytest.mark.parametrize("opset", [13, 16, 20, 21])
def test_opsets(check, opset: int) -> None:
    """Whether GridSample's "linear" is understood is known of TensorRT for RTX alone."""
    text, found = f"{X} {{ y = Relu(x) }}", [("opset", f"opset {opset}")]
    assert check(text, opset) == check(text, opset, "11.4") == found
    assert check(text, opset, "rtx") == (found if opset < 17 else [])


# What TensorRT for RTX takes, and the documents of the others do not.
TAKEN_BY_RTX = [
    ("top-k", "(float[5] x) => (y) <int64[1] k = {2}> { [n] y, i = TopK<sorted = 0>(x, k) }"),
    ("resize", "(float[1,1,4,4] x) => (y) <float[4] s = {1.0, 1.0, 2.0, 2.0}>"
     " { [n] y = Resize<mode = \"cubic\">(x, , s) }"),
    ("type", "(int32[2,3] x, int32 l) => (y) { [n] y = Clip(x, l) }"),
    ("type", "(bool[2] a, bool[2] b) => (y) { [n] y = Equal(a, b) }"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "network"), TAKEN_BY_RTX)
def test_what_rtx_takes(check, rule: str, network: str) -> None:
    assert check(network, tensorrt="11.4") == [(rule, "n")]
    assert check(network, tensorrt="rtx") == []


def test_an_input_that_says_nothing_of_its_shape(check, parse) -> None:
    model = parse(f"{X} {{ y = Relu(x) }}")
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert check(model) == [("dynamic-shape", "x")]


def test_functions(check, parse) -> None:
    """And what they hide."""
    model = parse("(float[1,1,4,4] x, float[1,2,2,2] g) => (y) { [n] y = own.hidden(x, g) }")
    body = [helper.make_node("GridSample", ["a", "b"], ["c"], name="inside")]
    opset = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("own", "hidden", ["a", "b"], ["c"], body, opset))
    [function, inside] = check(model)
    assert function == ("function", "hidden")
    assert inside[0] == "grid-sample"


def test_attention_differs_between_versions(check) -> None:
    """10.3 has none; 11.4 wants 4-D, and no softcap; TensorRT for RTX refuses or crashes."""
    text = "(float[1,2,5,8] q) => (y) { [n] y = Attention(q, q, q) }"
    assert check(text, 23, "10.3")[1:] == [("operator", "n")]
    assert check(text, 23, "11.4")[1:] == []
    assert check(text, 23, "rtx") == [("attention", "n")]
    capped = text.replace("Attention", "Attention<softcap = 2.0>")
    assert check(capped, 23, "11.4")[1:] == [("attention", "n")]
    flat = "(float[1,5,8] q) => (y) { [n] y = Attention<q_num_heads=2, kv_num_heads=2>(q, q, q) }"
    assert check(flat, 23, "11.4")[1:] == [("attention", "n")]


def test_axes_of_slices_differ_between_versions(check) -> None:
    text = (
        "(float[2,3] x, int64[1] a) => (y) <int64[1] s = {0}, int64[1] e = {1}>"
        " { [n] y = Slice(x, s, e, a) }"
    )
    assert ("parameter", "n") in check(text, tensorrt="10.3")
    assert ("parameter", "n") not in check(text, tensorrt="11.4")


def test_traps_inside_of_branches_are_found(check) -> None:
    text = (
        "(bool c, float[1,4,9,8] x) => (y) { [if] y = If(c) <"
        "then_branch = a () => (float p) { [deep] p = ReduceMax<keepdims = 0>(x) },"
        "else_branch = b () => (float q) <float q = {-inf}> {}> }"
    )
    assert set(check(text)) == {("control-flow", "if"), ("global-max", "deep"), ("not-finite", "q")}


@pytest.mark.parametrize("version", TARGETS)
def test_of_every_operator_a_type_can_be_named(version: str) -> None:
    types = TARGETS[version].types
    assert not [name for name, known in types.items() if known and not known & set(PREFERRED)]


def test_every_rule_has_a_trap() -> None:
    apart = {"opset", "function", "attention"}
    assert {rule.name for rule in RULES} == {trap[0] for trap in TRAPS} | apart
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.source and rule.find.__doc__ for rule in RULES)
