"""Eight bits for TensorRT: symmetric Q/DQ pairs with calibrated scales.

TensorRT takes precision from the graph. It quantises a convolution or product when both inputs come
from a QuantizeLinear and DequantizeLinear pair with zero point 0: one scale for an activation, one
for each output channel of a weight (NVIDIA, TensorRT documentation, "Working with Quantized
Types"). Biases stay in float32, and so do products of two activations: scores and contexts of the
attentions. What TensorRT makes of these graphs has not been tried by this project: it is ONNX
Runtime that the certificate of a workstation is made with.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from export.precision.graph import Graph, read_graph
from export.precision.int8 import quantisable, quantiser_files
from sdk.errors import EngineError

_PAIR = ("QuantizeLinear", "DequantizeLinear")


def to_qdq(model: Any, floats: Collection[str], ranges: Any) -> Any:
    """A network with Q/DQ pairs around its layers.

    Args:
        model: the float32 network, an ``onnx.ModelProto``; not changed.
        floats: names of the nodes that stay in float32.
        ranges: what ``export.precision.ranges.tensor_ranges`` found of ``model``.

    Returns:
        A copy with the pairs; ``model`` itself where no layer takes eight bits.

    Raises:
        EngineError: an activation was not finite in ``ranges``, or the quantiser left a layer
            without its pairs.
    """
    graph = read_graph(model)
    chosen = [node for node in quantisable(graph) if node.name not in floats]
    if not chosen:
        return model
    _check_ranges(ranges)
    quantised = _quantised(model, [node.name for node in chosen], ranges)
    _check_pairs(read_graph(quantised), [node.name for node in chosen])
    return quantised


def _quantised(model: Any, names: list[str], ranges: Any) -> Any:
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import save_tensors_data

    kinds = sorted({node.op_type for node in model.graph.node if node.name in names})
    with quantiser_files(model) as (source, target):
        found = Path(source.parent, "ranges.json")
        save_tensors_data(ranges, found)
        quantize_static(
            source,
            target,
            None,
            calibration_cache_path=found,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=kinds,
            nodes_to_quantize=names,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "AddQDQPairToWeight": True,
                "OpTypesToExcludeOutputQuantization": kinds,  # the next layer's input is enough
            },
        )
        return onnx.load(target)


def _check_ranges(ranges: Any) -> None:
    """Of all activations: a single NaN does not show in its own range, but in those after it."""
    for tensor, found in ranges.data.items():
        low, high = found.range_value
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise EngineError(
                f"expected finite values to calibrate eight bits with, found {tensor} from"
                f" {np.min(low):g} to {np.max(high):g}: does the float32 engine give finite boxes?"
            )


def _check_pairs(graph: Graph, names: list[str]) -> None:
    """What the quantiser promises, and TensorRT relies upon."""
    import onnx

    nodes = {node.name: node for node in graph.nodes}
    for name in names:
        for tensor in nodes[name].input[:2]:
            back = graph.maker.get(tensor)
            there = graph.maker.get(back.input[0]) if back is not None else None
            pairs = [node for node in (there, back) if node is not None]
            if tuple(node.op_type for node in pairs) != _PAIR:
                raise EngineError(f"the quantiser left {name} without Q/DQ on {tensor}")
            for pair in pairs:
                scale, zero = (
                    onnx.numpy_helper.to_array(graph.constants[pair.input[index]])
                    for index in (1, 2)
                )
                if zero.dtype != np.int8 or zero.any() or not _positive(scale):
                    raise EngineError(f"the quantiser gave {pair.name} no symmetric int8 scale")


def _positive(scale: Any) -> bool:
    return all(math.isfinite(value) and value > 0 for value in np.ravel(scale))
