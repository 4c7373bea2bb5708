"""What the nodes of a grounding network are there for, as far as half precision cares.

Grounding DINO loses its boxes when all of it runs in half precision
(https://github.com/NVIDIA/TensorRT/issues/3413): these are the parts that users and NVIDIA keep in
float32. They are found by what nodes do and how they hang together, since names differ from one
exporter to the next; only the box head is known by the name that its parameters have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from export.precision.graph import LINEAR, MOVEMENT, Graph

NORMALISATION = "normalisation"
FUSION = "bi-directional attention"
SCORES = "attention scores"
SAMPLING = "sampling coordinates"
POSITION = "position embeddings"
INVERSE_SIGMOID = "inverse sigmoid"
OUTPUTS = "logits and outputs"
BOX_HEAD = "box head"

# None of these holds a weight that takes part in a product, so that they cost hardly any speed; and
# what half precision does to them shows on TensorRT alone: ONNX Runtime computes the inner sums of
# its half-precision kernels on the CPU in float32. So no measurement here can set them free.
ALWAYS_FLOAT = (NORMALISATION, FUSION, SCORES, SAMPLING, POSITION, INVERSE_SIGMOID, OUTPUTS)
ROLES = (*ALWAYS_FLOAT, BOX_HEAD)

# fmt: off
_NORMS = frozenset({
    "BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization",
    "LpNormalization", "RMSNormalization", "SimplifiedLayerNormalization",
})
# fmt: on
# fmt: off
_ACTIVATIONS = frozenset({
    "Elu", "Erf", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu", "Relu",
    "Tanh",
})
# fmt: on
_SOFTMAX = frozenset({"LogSoftmax", "Softmax"})
_WAVES = frozenset({"Cos", "Sin"})
_BOX_HEAD_NAME = "bbox_embed"

Nodes = dict[str, Any]  # by name


def find_roles(graph: Graph) -> dict[str, str]:
    """Role by node name, for the nodes that make float32 and have one. The first role wins."""
    found: dict[str, str] = {}
    for role, find in _FINDERS:
        for node in find(graph):
            if graph.makes_float(node):
                found.setdefault(node.name, role)
    return found


def _normalisation(graph: Graph) -> Iterable[Any]:
    return [node for node in graph.nodes if node.op_type in _NORMS]


def _fusion(graph: Graph) -> Iterable[Any]:
    """Two softmaxes over one matrix of scores: their arithmetic, and what they multiply."""
    nodes: Nodes = {}
    for matrix, softmaxes in _score_matrices(graph).items():
        if len(softmaxes) > 1:
            for softmax in softmaxes:
                nodes |= _before(graph, softmax, stop_after={matrix})
                nodes |= _products_after(graph, softmax)
    return nodes.values()


def _scores(graph: Graph) -> Iterable[Any]:
    nodes: Nodes = {}
    for node in graph.nodes:
        if node.op_type in _SOFTMAX:
            nodes |= _before(graph, node)
    return nodes.values()


def _sampling(graph: Graph) -> Iterable[Any]:
    """From offsets to rows and bilinear weights: all that an integer cell is worked out from."""
    nodes: Nodes = {}
    for node in graph.nodes:
        if node.op_type == "Floor":
            nodes |= _before(graph, node, through=lambda _: True)
            nodes |= _after_place(graph, graph.maker.get(node.input[0], node))
    return nodes.values()


def _position(graph: Graph) -> Iterable[Any]:
    nodes: Nodes = {}
    for node in graph.nodes:
        if node.op_type in _WAVES:
            nodes |= _before(graph, node, through=lambda _: True) | _movement_after(graph, node)
    return nodes.values()


def _inverse_sigmoid(graph: Graph) -> Iterable[Any]:
    nodes: Nodes = {}
    for node in graph.nodes:
        if node.op_type == "Log":
            nodes |= _before(graph, node, through=lambda _: True)
            nodes |= {user.name: user for user in graph.users[node.output[0]]}
    return nodes.values()


def _outputs(graph: Graph) -> Iterable[Any]:
    """Contrastive logits and what becomes of them, back to the last layers with weights."""
    ends = [
        graph.maker[value.name] for value in graph.model.graph.output if value.name in graph.maker
    ]
    ends += [node for node in graph.nodes if node.op_type == "TopK"]
    nodes: Nodes = {}
    for end in ends:
        if not graph.of_linear_layer(end) and end.op_type not in _ACTIVATIONS:
            nodes |= _before(graph, end)
    return nodes.values()


def _box_head(graph: Graph) -> Iterable[Any]:
    found = [
        node
        for node in graph.nodes
        if graph.of_linear_layer(node) and _BOX_HEAD_NAME in graph.parameter_path(node)
    ]
    after = [user for node in found for user in graph.users[node.output[0]]]
    return [*found, *(node for node in after if node.op_type in _ACTIVATIONS)]


_FINDERS: tuple[tuple[str, Callable[[Graph], Iterable[Any]]], ...] = (
    (NORMALISATION, _normalisation),
    (FUSION, _fusion),
    (SAMPLING, _sampling),
    (SCORES, _scores),
    (POSITION, _position),
    (INVERSE_SIGMOID, _inverse_sigmoid),
    (BOX_HEAD, _box_head),
    (OUTPUTS, _outputs),
)


def _score_matrices(graph: Graph) -> dict[str, list[Any]]:
    """Softmaxes by the product of two activations that they come from."""
    found: dict[str, list[Any]] = {}
    for node in graph.nodes:
        if node.op_type in _SOFTMAX:
            for name, before in _before(graph, node).items():
                if before.op_type == "MatMul":
                    found.setdefault(name, []).append(node)
    return found


def _before(
    graph: Graph,
    node: Any,
    stop_after: Iterable[str] = (),
    through: Callable[[Any], bool] | None = None,
) -> Nodes:
    """A node and the arithmetic that leads to it: back to layers with weights (not included), to
    normalisations and activations (not included) and to products of two activations (included)."""
    nodes: Nodes = {}
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if current.name in nodes:
            continue
        nodes[current.name] = current
        product = current.op_type in LINEAR
        if current is not node and (product or current.name in stop_after):
            continue
        for name in current.input:
            maker = graph.maker.get(name)
            if maker is not None and not _ends(graph, maker, through):
                waiting.append(maker)
    return nodes


def _ends(graph: Graph, node: Any, through: Callable[[Any], bool] | None) -> bool:
    """Whether a walk back stops before this node."""
    if graph.of_linear_layer(node) or node.op_type in _NORMS | _ACTIVATIONS:
        return True
    if through is not None:  # coordinates: products of activations are none
        return node.op_type in LINEAR | _SOFTMAX or not through(node)
    return False


def _after_place(graph: Graph, place: Any) -> Nodes:
    """What is computed from places in a map, until values are read there or weighted."""
    nodes: Nodes = {}
    waiting = [place]
    while waiting:
        current = waiting.pop()
        if current.name in nodes:
            continue
        nodes[current.name] = current
        for name in current.output:
            for user in graph.users.get(name, ()):
                reads = user.op_type == "Gather" and name == user.input[1]
                if user.op_type not in LINEAR and not reads:
                    waiting.append(user)
    return nodes


def _movement_after(graph: Graph, node: Any) -> Nodes:
    nodes: Nodes = {}
    waiting = list(graph.users[node.output[0]])
    while waiting:
        current = waiting.pop()
        if current.op_type in MOVEMENT and current.name not in nodes:
            nodes[current.name] = current
            waiting += [user for name in current.output for user in graph.users.get(name, ())]
    return nodes


def _products_after(graph: Graph, softmax: Any) -> Nodes:
    """What an attention multiplies by its softmax, and the way there."""
    nodes: Nodes = {}
    waiting = list(graph.users[softmax.output[0]])
    while waiting:
        current = waiting.pop()
        if current.name not in nodes and current.op_type in MOVEMENT | {"MatMul"}:
            nodes[current.name] = current
            if current.op_type in MOVEMENT:
                waiting += [user for name in current.output for user in graph.users.get(name, ())]
    return nodes
