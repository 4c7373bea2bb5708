"""Does a plan compute its products in the types of its graph? Every product is looked up.

Strongly typed means that the graph decides; TensorRT for RTX 1.7 computes the eight-bit
convolutions of a plan that is for compute capability 7.5 as well in float32 all the same, and says
nothing.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from export.check.graph import Graph, label
from export.precision.graph import LINEAR, MOVEMENT
from export.tensorrt.layers import Layer, Tensor
from sdk.errors import EngineError

UNKNOWN = "unknown"  # products that no layer of the plan names
_KINDS = {
    TensorProto.FLOAT: "fp32",
    TensorProto.DOUBLE: "fp32",  # which TensorRT does not know
    TensorProto.FLOAT16: "fp16",
    TensorProto.BFLOAT16: "bf16",
    TensorProto.INT8: "int8",
    TensorProto.FLOAT8E4M3FN: "fp8",
    TensorProto.INT4: "int4",
    TensorProto.FLOAT4E2M1: "fp4",
}
QUANTISED = ("int8", "fp8", "int4", "fp4")
# The names of generated kernels list what they do, in order: here a cast comes before the product.
_DEQUANTISES = re.compile(r"__myl_\w*?Cast\w*?(?:Fc|Corr|MulSum)")


@dataclass(frozen=True)
class Factor:
    """One side of a product.

    Attributes:
        source: the value.
        elements: how many numbers are read for it at least: a layer may pad, repeat or join what
            it reads itself.
        kinds: the types in which a layer may read it.
        maker: the node that computes it, "" where it is an input, a constant, or dequantised: that
            must be read as it is.
    """

    source: str
    elements: int
    kinds: frozenset[str]
    maker: str


@dataclass(frozen=True)
class Product:
    """A MatMul, Gemm, Conv or ConvTranspose that is computed at run time, in type ``kind``."""

    node: str
    operator: str
    kind: str
    factors: tuple[Factor, Factor]


def find_products(model: onnx.ModelProto) -> list[Product]:
    """All products of a network but those of constants, which the builder works out."""
    graph = Graph(model)
    return [
        _product(graph, node)
        for node in graph.nodes
        if node.op_type in LINEAR and not graph.fixed.issuperset(node.input[:2])
    ]


def prove_types(
    products: Sequence[Product], layers: Iterable[Layer], name: str, complete: bool
) -> dict[str, int]:
    """How many products a plan computes in which type, each as its graph has it.

    Args:
        products: of the graph.
        layers: of the plan.
        name: of the network, for errors.
        complete: every product has to be found. TensorRT for RTX names all; older TensorRTs are
            said to hide parts of a network in one layer, of which nothing is proven then.

    Returns:
        Counts by type; under ``UNKNOWN`` those that no layer names.

    Raises:
        EngineError: a product has another type in the plan, or cannot be found.
    """
    by_node: defaultdict[str, list[Layer]] = defaultdict(list)
    for layer in layers:
        for node in layer.nodes:
            by_node[node].append(layer)
    counts = Counter(each.kind if by_node[each.node] else UNKNOWN for each in products)
    lost = [each.node for each in products if not by_node[each.node]]
    if lost and (complete or len(lost) == len(products)):
        raise EngineError(
            f"{name}: no layer of the plan names {lost[0]}, and {len(lost)} of {len(products)}"
            " products in all, so that nothing says whether it has their types; please report this"
            " with your TensorRT version"
        )
    wrong = [
        each
        for each in products
        if by_node[each.node] and not any(_computes(layer, each) for layer in by_node[each.node])
    ]
    if wrong:
        first = wrong[0]
        read = {kind for layer in by_node[first.node] for kind in layer.kinds}
        known = first.kind == "fp32" and "fp16" in read
        advice = ": keep what comes after it in float32 as well" if known else ""
        raise EngineError(
            f"{name}: {len(wrong)} of {len(products)} products have another type in the plan than"
            f" in the graph, {first.node} ({first.operator}) first: expected {first.kind}, its"
            f" layers read {' and '.join(sorted(read))}. TensorRT changed it silently; do not use"
            f" this plan{advice}"
        )
    return dict(sorted(counts.items()))


def _product(graph: Graph, node: onnx.NodeProto) -> Product:
    plain = _KINDS.get(graph.type_of(node.input[0]), "")
    origins = [_origin(graph, name) for name in node.input[:2]]
    quantised = all(each.stored for each in origins)
    factors = [
        Factor(
            source=name,
            elements=origin.elements,
            kinds=frozenset({origin.stored} if quantised else {origin.stored, plain} - {""}),
            maker=origin.maker,
        )
        for name, origin in zip(node.input[:2], origins, strict=True)
    ]
    kind = origins[0].stored if quantised else plain
    return Product(_name(node), node.op_type, kind, (factors[0], factors[1]))


def _name(node: onnx.NodeProto) -> str:
    """As TensorRT's parser names it: those without a name of their own by their first output."""
    return node.name or f"node_of_{label(node)}"


@dataclass(frozen=True)
class _Origin:
    """Where a value comes from, but for being moved about.

    ``stored``: the narrow type that it is dequantised from, "" where it is not. ``maker``: the node
    that computes it, "" where none does. ``elements``: the least that it had on the way.
    """

    stored: str
    maker: str
    elements: int


def _origin(graph: Graph, name: str) -> _Origin:
    least = _elements(graph, name)
    for _ in graph.nodes:  # bounded, should a damaged file go round in circles
        node = graph.producer.get(name)
        if node is None or not node.input:
            break
        if node.op_type == "DequantizeLinear":
            return _Origin(_KINDS.get(graph.type_of(node.input[0]), ""), "", least)
        if node.op_type not in MOVEMENT:
            return _Origin("", _name(node), least)
        parts = node.input if node.op_type == "Concat" else node.input[:1]
        least = min(least, *(_elements(graph, part) for part in parts))
        name = node.input[0]
    return _Origin("", "", least)


def _elements(graph: Graph, name: str) -> int:
    """1 where all sizes are open."""
    shape = graph.shapes.get(name, ())
    return math.prod(size for size in shape if size is not None and size > 0)


def _computes(layer: Layer, product: Product) -> bool:
    """Whether a layer computes a product in its type: it reads both factors so, or one of them and
    makes the other itself, as a fused attention does. What it reads may be larger than a factor:
    products share weights in one piece, and channels are padded."""
    if product.kind in QUANTISED and _DEQUANTISES.match(layer.name):
        return False
    tensors = (*layer.inputs, *layer.constants)
    first, second = (
        {k for k, tensor in enumerate(tensors) if _is(tensor, factor)} for factor in product.factors
    )
    a, b = product.factors
    if first and second and (a.source == b.source or len(first | second) > 1):
        return True
    return bool((first and b.maker in layer.nodes) or (second and a.maker in layer.nodes))


def _is(tensor: Tensor, factor: Factor) -> bool:
    return tensor.kind in factor.kinds and tensor.elements >= factor.elements
