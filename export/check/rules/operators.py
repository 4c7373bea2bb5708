"""Rules on operators and their types, after the parser's table."""

from __future__ import annotations

import onnx
from onnx import TensorProto

from export.check.graph import DEFAULT_DOMAINS, Graph, label
from export.check.operators import Target
from export.check.rules.rule import Spots

TABLE_NAMES = {
    TensorProto.FLOAT: "FP32",
    TensorProto.FLOAT16: "FP16",
    TensorProto.BFLOAT16: "BF16",
    TensorProto.FLOAT8E4M3FN: "FP8",
    TensorProto.FLOAT4E2M1: "FP4",
}
TAKEN = frozenset(
    {
        *TABLE_NAMES,
        *(TensorProto.INT8, TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8),
        *(TensorProto.BOOL, TensorProto.INT4, TensorProto.DOUBLE, TensorProto.UNDEFINED),
    }
)  # types of values
PREFERRED = ("FP32", "INT32", "FP16", "INT8", "BOOL")  # of the table's names; any row has one
# The value whose type the table means, where it is not the first input: (inputs, outputs).
MEANT: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "Cast": ((0,), (0,)),
    "Constant": ((), (0,)),
    "ConstantOfShape": ((), (0,)),
    "If": ((), ()),
    "Loop": ((), ()),
    "OneHot": ((2,), ()),
    "RandomNormal": ((), (0,)),
    "RandomUniform": ((), (0,)),
    "Scan": ((), ()),
    "Where": ((1,), ()),
}
# What to do about a type, by operator; of all others, a cast does.
TYPE_INSTEAD = {
    "Clip": "bound integers with Max and Min",
    "DequantizeLinear": "quantise to signed eight bits, and leave biases in floating point",
    "Equal": "compare numbers, or combine booleans with And, Or, Xor, Not",
}
INSTEAD = {
    "BitwiseAnd": "combine booleans with And",
    "BitwiseNot": "turn booleans with Not",
    "BitwiseOr": "combine booleans with Or",
    "BitwiseXor": "combine booleans with Xor",
    "BitShift": "multiply by, or divide by, a power of two",
    "Attention": "export it as MatMul, Softmax, MatMul",
    "RMSNormalization": "use LayerNormalization, or write it out and keep it in FP32",
    "Swish": "export it as Sigmoid and Mul",
    "DynamicQuantizeLinear": "quantise with constant scales (QuantizeLinear, DequantizeLinear)",
    "QLinearConv": "quantise with QuantizeLinear and DequantizeLinear around Conv",
    "QLinearMatMul": "quantise with QuantizeLinear and DequantizeLinear around MatMul",
    "MatMulInteger": "quantise with QuantizeLinear and DequantizeLinear around MatMul",
    "ConvInteger": "quantise with QuantizeLinear and DequantizeLinear around Conv",
}


def grid_sample(graph: Graph, _: Target) -> Spots:
    """TensorRT 10.14 to 11.1 compute wrong values for it, also in FP32, and say nothing."""
    for node in graph.nodes:
        if node.op_type == "GridSample":
            yield label(node), "sample by Gather and bilinear weights: GridSample is miscompiled"


def operator(graph: Graph, target: Target) -> Spots:
    """Operators of other domains, and those that the parser does not know."""
    for node in graph.nodes:
        if node.domain not in DEFAULT_DOMAINS:
            yield (
                label(node),
                f"export with operators of ai.onnx only: TensorRT has no {node.op_type} of"
                f" {node.domain}",
            )
        elif not target.supports(node.op_type):
            instead = INSTEAD.get(node.op_type, "replace it, or compute it on the host")
            yield label(node), f"TensorRT's parser has no {node.op_type}: {instead}"


def operator_type(graph: Graph, target: Target) -> Spots:
    """Types that the parser does not take at all, or not for the operator; float64 has its own
    rule."""
    for value in graph.inputs:
        kind = graph.type_of(value.name)
        if kind not in TAKEN:
            yield value.name, f"TensorRT has no {TensorProto.DataType.Name(kind)}: use another type"
    for node in graph.nodes:
        if node.domain not in DEFAULT_DOMAINS or not target.supports(node.op_type):
            continue
        taken = target.types[node.op_type]
        for kind in sorted({graph.type_of(name) for name in _meant(node)}):
            name = TABLE_NAMES.get(kind) or TensorProto.DataType.Name(kind)
            if kind not in (TensorProto.UNDEFINED, TensorProto.DOUBLE) and name not in taken:
                cast = f"cast to {next(known for known in PREFERRED if known in taken)}"
                instead = TYPE_INSTEAD.get(node.op_type, cast)
                yield label(node), f"{node.op_type} does not take {name}: {instead}"


def _meant(node: onnx.NodeProto) -> list[str]:
    inputs, outputs = MEANT.get(node.op_type, ((0,), ()))
    return [
        names[index]
        for names, indices in ((node.input, inputs), (node.output, outputs))
        for index in indices
        if index < len(names)
    ]
