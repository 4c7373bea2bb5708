"""Eight bits for ONNX Runtime's CPU: what its quantiser does, and what we let it do.

Measured on a CPU with VNNI, one thread: convolutions with calibrated Q/DQ take less than half of
their float32 time; products are faster with ranges found in each run (the runtime has one kernel
for quantising, multiplying and adding the bias) than with Q/DQ, which is slower than float32 there.
Small products gain next to nothing, and round for it. Weights have all eight bits: with seven,
products cannot saturate where there is no VNNI, in kernels that are a seventh faster there than the
exact ones that ``sdk.runtime.arithmetic`` asks for, but one decision in a hundred more is another
than that of float32, on every processor.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from export.precision.equalise import equalise
from export.precision.graph import Graph, read_graph
from export.precision.ranges import Arrays, reader_of

# They may join quantised convolutions: then the values between these stay in eight bits.
_BETWEEN = frozenset({"Add", "MaxPool", "Relu"})
_CONVOLUTION, _PRODUCTS = "Conv", frozenset({"Gemm", "MatMul"})
# Multiplications of a product. Those with 1100 x 256 x 96 make a search a twentieth faster, and one
# decision in a hundred another than that of float32; smaller ones gain nothing.
SMALL = 30_000_000


def to_int8(model: Any, floats: Collection[str], feeds: Sequence[Arrays]) -> Any:
    """A copy of ``model`` with eight-bit weights, one scale a channel, but for ``floats`` (names).

    ``feeds``: calibration inputs; convolutions need them, networks without any do not.
    """
    graph = read_graph(model)
    products = [node.name for node in quantisable(graph) if node.op_type in _PRODUCTS]
    quantised = model
    convolutions = _convolutional(graph, floats)
    if convolutions:
        quantised = _static(equalise(graph, feeds), convolutions, feeds)
    chosen = [name for name in products if name not in floats]
    return _dynamic(quantised, chosen) if chosen else quantised


def quantisable(graph: Graph) -> list[Any]:
    """Convolutions, and products with a matrix of weights on their right."""
    found = []
    for node in graph.nodes:
        weighted = len(node.input) > 1 and node.input[1] in graph.constants
        matrix = weighted and len(graph.shapes[node.input[1]]) == 2
        if weighted and (node.op_type == _CONVOLUTION or (node.op_type in _PRODUCTS and matrix)):
            found.append(node)
    return found


def small_products(graph: Graph) -> list[str]:
    """Names of products with weights that are no faster in eight bits."""
    return [
        node.name
        for node in quantisable(graph)
        if node.op_type in _PRODUCTS and graph.macs(node) < SMALL
    ]


def _convolutional(graph: Graph, floats: Collection[str]) -> list[str]:
    """Convolutions that may be quantised, and what lies between quantised nodes."""
    chosen = {
        node.name
        for node in quantisable(graph)
        if node.op_type == _CONVOLUTION and node.name not in floats
    }
    for node in graph.nodes if chosen else ():
        if node.op_type in _BETWEEN:
            makers = [graph.maker[name].name for name in node.input if name in graph.maker]
            if makers and len(makers) == len(node.input) and chosen.issuperset(makers):
                chosen.add(node.name)
    return sorted(chosen)


def _static(model: Any, nodes: list[str], feeds: Iterable[Arrays]) -> Any:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with quantiser_files(model) as (source, target):
        quantize_static(
            source,
            target,
            reader_of(feeds),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[_CONVOLUTION, *sorted(_BETWEEN)],
            nodes_to_quantize=nodes,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return _read(target)


def _dynamic(model: Any, nodes: list[str]) -> Any:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quantiser_files(model) as (source, target):
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=sorted(_PRODUCTS),
            nodes_to_quantize=nodes,
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": 1},  # float32, where inference knows none
        )
        return _read(target)


@contextmanager
def quantiser_files(model: Any) -> Iterator[tuple[Path, Path]]:
    """Files of the model and of what will be made of it: the runtime's quantisers read and write
    these, and speak of preparations that are made already."""
    import onnx

    inferred = onnx.ModelProto()
    inferred.CopyFrom(model)
    # What the exporter noted of shapes may contradict what is inferred, which stops the quantiser.
    del inferred.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(inferred, data_prop=True)
    root = logging.getLogger()
    level = root.level
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.setLevel(logging.ERROR)
        try:
            source, target = Path(place, "float.onnx"), Path(place, "int8.onnx")
            onnx.save(inferred, source)
            yield source, target
        finally:
            root.setLevel(level)


def _read(path: Path) -> Any:
    import onnx

    return onnx.load(path)
