"""All rules, in the order in which they report. One rule is one function."""

from __future__ import annotations

from export.check.rules import integers, numbers, operators, patterns, restrictions, structure
from export.check.rules.rule import Rule

_OPERATORS = "https://github.com/onnx/onnx-tensorrt/blob/main/docs/operators.md"

RULES = (
    Rule("opset", structure.opset, "https://github.com/NVIDIA/TensorRT/issues/4646"),
    Rule("function", structure.function, "our own choice: nothing hides from these rules"),
    Rule("control-flow", structure.control_flow, "our own choice: static graphs fuse and capture"),
    Rule(
        "dynamic-shape",
        structure.dynamic_shape,
        "our own choice: buffers and CUDA graphs are made once, for one shape",
    ),
    Rule("data-dependent-shape", structure.data_dependent_shape, _OPERATORS),
    Rule("grid-sample", operators.grid_sample, "https://github.com/NVIDIA/TensorRT/issues/4813"),
    Rule("operator", operators.operator, _OPERATORS),
    Rule("type", operators.operator_type, _OPERATORS),
    Rule("float64", numbers.float64, _OPERATORS),
    Rule("not-finite", numbers.not_finite, "IEEE 754: infinity minus infinity is not a number"),
    Rule("beyond-half", numbers.beyond_half, "IEEE 754: half precision ends at 65504"),
    Rule("int64", integers.int64, _OPERATORS),
    Rule("top-k", restrictions.top_k, _OPERATORS),
    Rule("scatter-reduction", restrictions.scatter_reduction, _OPERATORS),
    Rule("parameter", restrictions.constant_parameter, _OPERATORS),
    Rule("resize", restrictions.resize, _OPERATORS),
    Rule("pooling", restrictions.pooling, _OPERATORS),
    Rule("extra-output", restrictions.extra_output, _OPERATORS),
    Rule("zero-point", restrictions.zero_point, _OPERATORS),
    Rule("attention", restrictions.attention, _OPERATORS),
    Rule("layer-norm", patterns.layer_norm, "https://github.com/NVIDIA/TensorRT/issues/2781"),
    Rule(
        "global-max",
        patterns.global_max,
        "TensorRT 11.2: fusions across a maximum of the whole tensor give wrong values",
    ),
)
