"""Products of graphs, held against the layers of plans; planted ones that became another type."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser
from onnx.shape_inference import infer_shapes

from export.tensorrt.layers import Layer, Tensor
from export.tensorrt.products import UNKNOWN, find_products, prove_types
from export.tensorrt.targets import choose_targets, parse_targets
from sdk.errors import EngineError, InputError

FLOATS = "(float[4,8] x) => (y) <float[8,6] w = {0}> { [n] y = MatMul(x, w) }"
HALVES = FLOATS.replace("float", "float16")
# Both factors dequantised, one of them moved about.
EIGHTS = """(float[4,8] x) => (y) <float[6,8] w = {0}, float s = {0.1}, int8 z = {0}> {
  p = QuantizeLinear(x, s, z) a = DequantizeLinear(p, s, z)
  q = QuantizeLinear(w, s, z) b = DequantizeLinear(q, s, z)
  t = Transpose<perm = [1, 0]>(b)
  [n] y = MatMul(a, t)
}"""
MADE = """(float[1,8] x) => (y) <float16[8,6] w = {0}> {
  s = Sigmoid(x) [cast] h = Cast<to = 10>(s) [n] y = MatMul(h, w)
}"""
PADDED = """(float[1,1,4,4] x) => (y) <float[1,1,3,3] w = {0}, int64[8] p = {0,0,1,1,0,0,1,1}> {
  a = Pad(x, p) [n] y = Conv(a, w)
}"""
ATTENTION = """(float16[2,5,8] q, float16[2,8,5] k, float16[2,5,8] v) => (y) {
  [scores] s = MatMul(q, k)
  [weights] w = Softmax(s)
  [mixed] y = MatMul(w, v)
}"""


def graph(text: str) -> onnx.ModelProto:
    """From ONNX's text; constants that are given as {0} are filled."""
    model = helper.make_model(
        parser.parse_graph("g " + text), opset_imports=[helper.make_opsetid("", 18)]
    )
    for tensor in model.graph.initializer:
        if tensor.dims and tensor.data_type != onnx.TensorProto.INT64:
            kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
            full = numpy_helper.from_array(np.ones(tensor.dims, kind), tensor.name)
            tensor.CopyFrom(full)
    return infer_shapes(model)


def layer(nodes: str, *tensors: tuple[int, str], name: str = "a") -> Layer:
    read = tuple(Tensor(f"t{k}", *each) for k, each in enumerate(tensors))
    return Layer(name, read[:1], read[1:], frozenset(nodes.split()))


@pytest.mark.parametrize(
    ("text", "kind", "kinds"),
    [
        (FLOATS, "fp32", {"fp32"}),
        (HALVES, "fp16", {"fp16"}),
        (EIGHTS, "int8", {"int8"}),
    ],
)
def test_products_have_a_type(text: str, kind: str, kinds: set[str]) -> None:
    (found,) = find_products(graph(text))
    assert (found.node, found.operator, found.kind) == ("n", "MatMul", kind)
    assert [each.elements for each in found.factors] == [32, 48]
    assert all(each.kinds == kinds for each in found.factors)


def test_products_of_constants_are_worked_out_before() -> None:
    text = "(float[4,6] x) => (y) <float[4,8] a = {0}, float[8,6] w = {0}> {"
    assert find_products(graph(f"{text} m = MatMul(a, w) y = Add(x, m) }}")) == []


def test_one_side_in_eight_bits_is_a_product_in_float() -> None:
    """Of weights that are stored so alone; a plan may read them as they are."""
    text = EIGHTS.replace("MatMul(a, t)", "MatMul(x, t)")
    (found,) = find_products(graph(text))
    assert found.kind == "fp32"
    assert [each.kinds for each in found.factors] == [{"fp32"}, {"fp32", "int8"}]


def proven(text: str, *layers: Layer, complete: bool = True) -> dict[str, int]:
    return prove_types(find_products(graph(text)), layers, "net.onnx", complete)


@pytest.mark.parametrize(
    ("text", "layers", "counts"),
    [
        (FLOATS, [layer("n", (32, "fp32"), (48, "fp32"))], {"fp32": 1}),
        (HALVES, [layer("n", (64, "fp16"), (144, "fp16"), (1, "fp32"))], {"fp16": 1}),
        (EIGHTS, [layer("n", (32, "int8"), (48, "int8"), (6, "fp32"))], {"int8": 1}),
        # The bias in a layer of its own, which reads what the product gives.
        (HALVES, [layer("n", (24, "fp16")), layer("n", (32, "fp16"), (48, "fp16"))], {"fp16": 1}),
        # What makes one factor reads something smaller in another type, and the other as it is.
        (MADE, [layer("cast n", (8, "fp32"), (48, "fp16"))], {"fp16": 1}),
        (PADDED, [layer("n", (16, "fp32"), (9, "fp32"))], {"fp32": 1}),  # padded by the layer
        # A fused attention makes one factor of its second product itself.
        (
            ATTENTION,
            [layer("scores weights mixed", (80, "fp16"), (80, "fp16"), (80, "fp16"))],
            {"fp16": 2},
        ),
    ],
)
def test_what_has_its_type(text: str, layers: list[Layer], counts: dict[str, int]) -> None:
    assert proven(text, *layers) == counts


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        (HALVES, [layer("n", (32, "fp32"), (48, "fp32"))]),
        (HALVES, [layer("n", (32, "fp16"), (48, "fp32"))]),
        (FLOATS, [layer("n", (32, "fp16"), (48, "fp16"))]),
        (EIGHTS, [layer("n", (32, "fp32"), (48, "fp32"))]),
        # That some other tensor of the layer, or a small one, is in eight bits proves nothing.
        (EIGHTS, [layer("n", (32, "int8"), (48, "fp32"))]),
        (EIGHTS, [layer("n", (32, "int8"), (1, "int8"), (48, "fp32"))]),
        (HALVES, [layer("n", (48, "fp16"))]),
        (PADDED, [layer("n", (15, "fp32"), (9, "fp32"))]),
        # Eight bits that are cast before they are multiplied.
        (EIGHTS, [layer("n", (32, "int8"), (48, "int8"), name="__myl_CastMulFc_myl0_3")]),
        # The softmax was fused, and the values became float32.
        (
            ATTENTION,
            [
                layer("scores", (80, "fp16"), (80, "fp16")),
                layer("weights mixed", (50, "fp16"), (80, "fp32")),
            ],
        ),
    ],
)
def test_what_became_another_type_is_refused(text: str, layers: list[Layer]) -> None:
    with pytest.raises(EngineError, match=r"net\.onnx: 1 of \d products have another type"):
        proven(text, *layers)


def test_what_no_layer_names_is_not_proven() -> None:
    text = FLOATS.replace("} ", "}").replace("{ [n]", "{ [m] z = MatMul(x, w) [n]")
    half = [layer("n", (32, "fp32"), (48, "fp32"))]
    assert proven(text, *half, complete=False) == {"fp32": 1, UNKNOWN: 1}
    with pytest.raises(EngineError, match="no layer of the plan names m, and 1 of 2 products"):
        proven(text, *half)
    for complete in (False, True):
        with pytest.raises(EngineError, match="2 of 2 products in all"):
            proven(text, complete=complete)
    assert proven("(float[2] x) => (y) { y = Relu(x) }") == {}


TARGETS = ("8.0", "8.6", "8.9", "12.0", "12.1")


def test_targets_are_all_that_the_networks_allow() -> None:
    half, whole, eight = (
        {name: find_products(graph(text))}
        for name, text in (("half", HALVES), ("whole", FLOATS), ("eight", EIGHTS))
    )
    assert choose_targets(None, half) == ("7.5", *TARGETS)
    assert choose_targets(("7.5",), half) == ("7.5",)
    for each, reason in ((whole, "in float32"), (eight, "in eight bits")):
        assert choose_targets(None, {**half, **each}) == TARGETS
        assert choose_targets(("8.9",), each) == ("8.9",)
        with pytest.raises(InputError, match=rf"7\.5 cannot be.*n of \w+ is a product {reason}"):
            choose_targets(("7.5", "8.9"), {**half, **each})


def test_targets_as_they_are_typed() -> None:
    assert parse_targets("sm120, SM86,sm86") == ("8.6", "12.0")
    for text in ("sm87", "", "8.6", "sm90,sm80"):
        with pytest.raises(InputError, match=r"expected targets among sm75, .*got '"):
            parse_targets(text)
    with pytest.raises(InputError, match=r"among 7\.5.*got 8\.7: other GPUs take --backend tens"):
        choose_targets(("8.7",), {})
    with pytest.raises(InputError, match="got none"):
        choose_targets((), {})
