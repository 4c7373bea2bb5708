"""An ONNX graph as a web of nodes: who makes a tensor, who reads it, of what type and size."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from export.check.graph import attribute
from sdk.errors import EngineError

LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
# Operators that carry values from place to place and never compute with them.
# fmt: off
MOVEMENT = frozenset({
    "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND",
    "Identity", "Pad", "Reshape", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile",
    "Transpose", "Unsqueeze",
})
# fmt: on


@dataclass(frozen=True, eq=False)
class Graph:
    """A static-shape ONNX model with its lookups.

    ``maker``: the node that makes a tensor; ``users``: the nodes that read it; ``constants``:
    initialisers by name; ``kinds``: ONNX element types; ``shapes``: sizes.
    """

    model: Any
    maker: dict[str, Any]
    users: dict[str, list[Any]]
    constants: dict[str, Any]
    kinds: dict[str, int]
    shapes: dict[str, tuple[int, ...]]

    @property
    def nodes(self) -> list[Any]:
        """In an order in which they can run."""
        return list(self.model.graph.node)

    def is_float(self, tensor: str) -> bool:
        """Whether a tensor is of type float32."""
        return self.kinds.get(tensor) == _float32()

    def makes_float(self, node: Any) -> bool:
        """Whether the first output of a node is float32."""
        return self.is_float(node.output[0])

    def carries_weights(self, node: Any) -> bool:
        """A convolution or product one side of which is constant."""
        return node.op_type in LINEAR and any(name in self.constants for name in node.input)

    def adds_bias(self, node: Any) -> bool:
        """The Add of a vector to a product with weights: the second half of a linear layer."""
        if node.op_type != "Add":
            return False
        biases = [name for name in node.input if name in self.constants]
        products = [self.maker[name] for name in node.input if name in self.maker]
        small = all(
            math.prod(self.shapes[name]) == max(self.shapes[name] or (1,)) for name in biases
        )
        return bool(biases) and small and any(self.carries_weights(node) for node in products)

    def of_linear_layer(self, node: Any) -> bool:
        """Whether a node is one of the two halves of a linear layer, or a convolution."""
        return self.carries_weights(node) or self.adds_bias(node)

    def parameter_path(self, node: Any) -> str:
        """The module that a linear layer is, '' when no constant says so.

        PyTorch's exporter names biases, and weights that it does not transpose, by their place in
        the model: ``model.encoder.layers.0.fc1.bias``.
        """
        named = [*node.input]
        if self.carries_weights(node):  # the bias is in the Add that follows
            named += [
                n for user in self.users[node.output[0]] if self.adds_bias(user) for n in user.input
            ]
        for name in named:
            stem, _, leaf = name.rpartition(".")
            if name in self.constants and stem and leaf in ("bias", "weight", "weight_bias"):
                return stem
        return ""

    def macs(self, node: Any) -> int:
        """Multiplications with weights that a node needs, 0 for nodes without weights."""
        if not self.carries_weights(node):
            return 0
        made = math.prod(self.shapes[node.output[0]])
        if node.op_type == "Conv":
            return made * math.prod(self.shapes[node.input[1]][1:])
        if node.op_type == "ConvTranspose":
            return math.prod(self.shapes[node.input[0]]) * math.prod(self.shapes[node.input[1]][1:])
        return made * self.shapes[node.input[0]][0 if attribute(node, "transA") else -1]

    def topology(self) -> str:
        """12 hexadecimal digits that change with nodes and edges, and do not with weights."""
        said = [(node.name, node.op_type, *node.input, "->", *node.output) for node in self.nodes]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:12]


def read_graph(model: Any, source: str = "the network") -> Graph:
    """Looks through a network.

    Args:
        model: an ``onnx.ModelProto``, not changed.
        source: what messages call it.

    Returns:
        The graph, with the type and shape of every tensor.

    Raises:
        EngineError: precision cannot be chosen for it: open shapes, unnamed nodes, control flow.
    """
    import onnx

    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    graph = model.graph
    names = [node.name for node in graph.node]
    if "" in names or len(set(names)) < len(names):
        raise EngineError(f"{source}: expected nodes with names of their own: export it again")
    nested = [n.name for n in graph.node for a in n.attribute if a.HasField("g")]
    if nested:
        raise EngineError(f"{source}: expected no control flow, found it in {nested[0]}")
    users: dict[str, list[Any]] = defaultdict(list)
    for node in graph.node:
        for name in dict.fromkeys(node.input):
            users[name].append(node)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kinds = {name: tensor.data_type for name, tensor in constants.items()}
    shapes = {name: tuple(tensor.dims) for name, tensor in constants.items()}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        kinds[value.name] = kind.elem_type
        sizes = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim)
        if -1 in sizes:
            raise EngineError(f"{source}: expected static shapes, found {value.name} {sizes}")
        shapes[value.name] = sizes
    maker = {name: node for node in graph.node for name in node.output if name}
    return Graph(model, maker, users, constants, kinds, shapes)


def _float32() -> int:
    import onnx

    return int(onnx.TensorProto.FLOAT)
