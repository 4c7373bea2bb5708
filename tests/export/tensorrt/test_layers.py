"""What builders and inspectors say of layers, read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.tensorrt.layers import (
    Layer,
    Tensor,
    read_inspector,
    read_message,
    weights_by_type,
)
from sdk.errors import EngineError

# As TensorRT for RTX 1.7.1 writes it.
GEMM = (
    "Name: node_linear_2+node_linear_1_myl0_1, LayerType: gemm, Inputs: [ { Name: x_4_myl0,"
    " Dimensions: [64,96], Strides: [96,1], StrideOrder: [1,0], Datatype: Half, Format: (Linear)"
    " Row major linear format }], Constants: [ { Name: w_myl0, Dimensions: [96,288], Strides:"
    " [288,1], StrideOrder: [1,0], Datatype: Half, Format: (Linear) Row major linear format }, {"
    " Name: alpha_myl0, Dimensions: [1], Strides: [1], StrideOrder: [0], Datatype: Float, Format:"
    " (Linear) Row major linear format }], Outputs: [ { Name: y_myl0, Dimensions: [64,288],"
    " Strides: [288,1], StrideOrder: [1,0], Datatype: Half, Format: (Linear) Row major linear"
    " format }], TacticName: __myelin_CASK_STUB, StreamId: 0, Metadata: [ONNX Layer:"
    " node_linear_2][ONNX Layer: node_linear_1]"
)
CONV = (
    "Name: __myl_FcAddCast_myl0_238, LayerType: runtime_fusion, Inputs: [], Constants: [],"
    " Outputs: [], TacticName: , StreamId: 0, Metadata: [ONNX Layer: conv[3]]__gemm_from_conv1x1"
)
WAIT = (
    "Name: __mye7223_myl0_22, LayerType: wait, Inputs: [], Constants: [], Outputs: [], TacticName:"
    " , StreamId: 1, EventId: 1, Metadata: "
)
REST = "\n\nI/O Tensors:\n Name: pixels, IOMode: Input, DataType: Float\n"


def test_the_builders_message() -> None:
    gemm, conv, wait = read_message(f"Layers:\n{GEMM}\n{CONV}\n{WAIT}{REST}")
    assert gemm == Layer(
        "node_linear_2+node_linear_1_myl0_1",
        (Tensor("x_4_myl0", 64 * 96, "fp16"),),
        (Tensor("w_myl0", 96 * 288, "fp16"), Tensor("alpha_myl0", 1, "fp32")),
        frozenset({"node_linear_2", "node_linear_1"}),
    )
    assert gemm.kinds == ("fp16", "fp32")
    assert conv.nodes == {"conv[3]"}
    assert wait == Layer("__mye7223_myl0_22", (), (), frozenset())


def test_no_message_is_no_layers() -> None:
    assert read_message("") == []
    assert read_message(f"Layers:{REST}") == []


@pytest.mark.parametrize("line", ["gemm", GEMM.replace("Inputs", "Ins"), GEMM[:300]])
def test_another_form_is_no_evidence(line: str) -> None:
    with pytest.raises(EngineError, match="describes its layers in an unknown form"):
        read_message(f"Layers:\n{GEMM}\n{line}")


NAMES = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1).filter(
    lambda name: not any(each in name for each in ("[", "{", "}"))
)


@given(st.lists(NAMES, unique=True, max_size=4), st.lists(st.integers(1, 2**31), max_size=5))
def test_names_may_hold_anything_but_braces(names: list[str], sizes: list[int]) -> None:
    tensor = f"{{ Name: t, Dimensions: {str(sizes).replace(' ', '')}, Datatype: Int8, Format: x }}"
    line = (
        f"Name: a, LayerType: gemm, Inputs: [ {tensor}], Constants: [], Outputs: [], TacticName: t,"
        f" Metadata: {''.join(f'[ONNX Layer: {name}]' for name in names)}"
    )
    (layer,) = read_message(line)
    assert layer.nodes == set(names)
    count = 1
    for size in sizes:
        count *= size
    assert layer.inputs == (Tensor("t", count, "int8"),)


def described(**parts: object) -> str:
    return json.dumps({"Layers": [{"Name": "a", **parts}]})


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        ({"Format/Datatype": "Row major linear FP16 format"}, "fp16"),  # TensorRT 10
        ({"Format/Datatype": "Channel major FP16 format where channel % 8 == 0"}, "fp16"),
        ({"Format/Datatype": "Thirty-two wide channel vectorized row major Int8 format."}, "int8"),
        ({"Format/Datatype": "Float"}, "fp32"),
        ({"Format/Datatype": "N/A due to dynamic shapes"}, ""),
        ({"DataType": "Half", "Format": "Row major linear FP32 format"}, "fp16"),  # TensorRT 11
        ({"Datatype": "BFloat16"}, "bf16"),
        ({}, ""),
    ],
)
def test_the_inspectors_types(tensor: dict[str, str], kind: str) -> None:
    given_one = {"Name": "half", "Dimensions": [2, 3], **tensor}
    (layer,) = read_inspector(described(Inputs=[given_one]))
    assert layer.inputs == (Tensor("half", 6, kind),)


def test_the_inspectors_weights_and_nodes() -> None:
    said = described(
        Weights={"Type": "Int8", "Count": 9408},
        Metadata="[ONNX Layer: conv1]\x1e[ONNX Layer: relu1]",
    )
    (layer,) = read_inspector(said)
    assert layer.constants == (Tensor("a weights", 9408, "int8"),)
    assert layer.nodes == {"conv1", "relu1"}


@pytest.mark.parametrize(
    "said", ['{"Layers": ["a name"]}', '{"Layers": []}', "{}"], ids=["names", "none", "nothing"]
)
def test_an_inspector_that_says_nothing(said: str) -> None:
    assert read_inspector(said) == []


def test_strange_parts_are_passed_over() -> None:
    (layer,) = read_inspector(described(Inputs="none", Constants=[3], Weights=7))
    assert (layer.inputs, layer.constants) == ((), ())


def test_a_constant_counts_once() -> None:
    shared, own = Tensor("w", 100, "int8"), Tensor("b", 10, "fp32")
    layers = [
        Layer("a", (), (shared, own), frozenset()),
        Layer("b", (shared,), (shared, Tensor("indices", 5, "")), frozenset()),
    ]
    assert weights_by_type(layers) == {"fp32": 10, "int8": 100}
