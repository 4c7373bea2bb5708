"""All rules, in the order in which they report. One rule is one function."""

from __future__ import annotations

from export.check.rules import integers, numbers, operators, patterns, restrictions, structure
from export.check.rules.rule import About, Rule

_OPERATORS = "https://github.com/onnx/onnx-tensorrt/blob/main/docs/operators.md"
_ASKED = "its builder's answers, docs/data/check.json"
_BUILD, _NUMBERS, _CHOICE = About.BUILD, About.NUMBERS, About.CHOICE

RULES = (
    Rule("opset", structure.opset, _NUMBERS, "https://github.com/NVIDIA/TensorRT/issues/4646"),
    Rule("function", structure.function, _CHOICE, "nothing hides from these rules"),
    Rule("control-flow", structure.control_flow, _CHOICE, "static graphs fuse and capture"),
    Rule(
        "dynamic-shape",
        structure.dynamic_shape,
        _CHOICE,
        "buffers and CUDA graphs are made once, for one shape",
    ),
    Rule("data-dependent-shape", structure.data_dependent_shape, _BUILD, _OPERATORS),
    Rule(
        "grid-sample",
        operators.grid_sample,
        _NUMBERS,
        "https://github.com/NVIDIA/TensorRT/issues/4813",
    ),
    Rule("operator", operators.operator, _BUILD, _OPERATORS),
    Rule("type", operators.operator_type, _BUILD, _OPERATORS),
    Rule("float64", numbers.float64, _NUMBERS, "it is narrowed to float32 without a word"),
    Rule(
        "not-finite",
        numbers.not_finite,
        _NUMBERS,
        "IEEE 754: infinity minus infinity is not a number",
    ),
    Rule("beyond-half", numbers.beyond_half, _NUMBERS, "IEEE 754: half precision ends at 65504"),
    Rule("int64", integers.int64, _CHOICE, _OPERATORS),
    Rule("top-k", restrictions.top_k, _BUILD, _OPERATORS),
    Rule("scatter-reduction", restrictions.scatter_reduction, _BUILD, _OPERATORS),
    Rule("parameter", restrictions.constant_parameter, _BUILD, _OPERATORS),
    Rule("resize", restrictions.resize, _BUILD, _OPERATORS),
    Rule("pooling", restrictions.pooling, _BUILD, _OPERATORS),
    Rule("extra-output", restrictions.extra_output, _BUILD, _OPERATORS),
    Rule("zero-point", restrictions.zero_point, _BUILD, _OPERATORS),
    Rule("training", restrictions.training, _BUILD, _OPERATORS),
    Rule("remainder", restrictions.remainder, _BUILD, _ASKED),
    Rule("attention", restrictions.attention, _BUILD, _ASKED),
    Rule(
        "layer-norm",
        patterns.layer_norm,
        _NUMBERS,
        "https://github.com/NVIDIA/TensorRT/issues/2781",
    ),
    Rule("narrowed-product", patterns.narrowed_product, _NUMBERS, _ASKED),
    Rule(
        "global-max",
        patterns.global_max,
        _NUMBERS,
        "TensorRT 11.2: fusions across a maximum of the whole tensor give wrong values",
    ),
)
