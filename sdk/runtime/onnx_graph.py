"""An ONNX graph as far as rewriting takes it: its nodes, their patterns, and the bytes again.

The vehicle side has no package for it; the field numbers are those of onnx.proto. What a rewrite
does not touch stays as its bytes are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A pattern of what a tensor is made by: "?name" is any tensor, "#name" an initialiser, and a tuple
# an operator with patterns of its inputs; one in front of which a mapping stands has attributes
# that it must have. The same name twice is the same tensor.
Pattern = str | tuple[Any, ...]
_Field = tuple[int, Any]  # its number, and a whole number or the bytes of what has a length
_GRAPH, _OPSET = 7, 8  # of a model
_NODE, _INITIALISER, _OUTPUT, _VALUE = 1, 5, 12, 13  # of a graph
_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 6: np.dtype("<i4"), 7: np.dtype("<i8")}
_FLOATS, _FLOAT = 1, Struct("<f")
_COMMUTATIVE = {"Add", "Mul", "Max", "Min"}


@dataclass(frozen=True, eq=False)
class Node:
    """A node; ``message`` is all of it."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    message: bytes

    @cached_property
    def attributes(self) -> dict[str, float | tuple[int, ...]]:
        """Those that are numbers, or whole numbers in a row."""
        found: dict[str, float | tuple[int, ...]] = {}
        for number, given in _fields(self.message):
            if number != 5:
                continue
            parts = list(_fields(given))
            name = next(_text(value) for key, value in parts if key == 1)
            kind = next((value for key, value in parts if key == 20), 0)
            if kind == 1:  # FLOAT
                found[name] = next(
                    (_FLOAT.unpack(value)[0] for key, value in parts if key == 2), 0.0
                )
            elif kind == 2:  # INT; left out where it is 0
                found[name] = next((_signed(value) for key, value in parts if key == 3), 0)
            elif kind == 7:  # INTS
                found[name] = tuple(_whole(value for key, value in parts if key == 8))
        return found


@dataclass(eq=False)
class Graph:
    """The graph of a model; ``replace`` changes it."""

    nodes: list[Node]
    outputs: tuple[str, ...]
    _values: Mapping[str, memoryview]
    _tensors: Mapping[str, memoryview]
    _model: list[_Field]
    _rest: list[_Field]
    _added: list[bytes] = field(default_factory=list)

    @classmethod
    def parse(cls, model: bytes) -> Graph:
        """The graph of an ``onnx.ModelProto``."""
        parts = list(_fields(memoryview(model)))
        [graph] = (value for number, value in parts if number == _GRAPH)
        fields = list(_fields(graph))
        rest = [each for each in fields if each[0] != _NODE]
        described = [value for number, value in rest if number in (11, _OUTPUT, _VALUE)]
        return cls(
            [_node(value) for number, value in fields if number == _NODE],
            tuple(_first(value, 1) for number, value in rest if number == _OUTPUT),
            {_first(value, 1): value for value in described},
            {_first(value, 8): value for number, value in rest if number == _INITIALISER},
            parts,
            rest,
        )

    def constant(self, name: str) -> NDArray[Any] | None:
        """An initialiser's values; None where there is none, or of no type that patterns need."""
        parts = list(_fields(self._tensors.get(name, b"")))
        kind: Any = next((value for number, value in parts if number == 2), 0)
        raw = next((value for number, value in parts if number == 9), None)
        if kind not in _TYPES or raw is None:
            return None
        return np.frombuffer(raw, _TYPES[kind]).reshape(
            tuple(_whole(value for number, value in parts if number == 1))
        )

    def uses(self, name: str) -> int:
        """How many nodes take a tensor; an output of the graph counts too."""
        return self._uses[name]

    @cached_property
    def _uses(self) -> Counter[str]:
        """As the graph was when it was parsed."""
        taken = [name for node in self.nodes for name in node.inputs]
        return Counter([*taken, *self.outputs])

    def shape(self, name: str) -> tuple[int, ...]:
        """The sides of a tensor of floats, -1 for those without a number; none of another tensor,
        nor where they are not told."""
        value: Any = self._values.get(name, b"")
        for number in (2, 1):  # its type, that of a tensor
            value = next((inner for key, inner in _fields(value) if key == number), b"")
        parts = dict(_fields(value))
        if parts.get(1) != _FLOATS:
            return ()
        return tuple(
            next((_signed(size) for key, size in _fields(side) if key == 1), -1)
            for _, side in _fields(parts.get(2, b""))
        )

    def matches(self, pattern: Pattern) -> Iterator[tuple[Node, dict[str, str]]]:
        """Nodes that a pattern fits, and the tensors that its names stand for."""
        makers = {name: node for node in self.nodes for name in node.outputs}
        for node in self.nodes:
            bound = self._bind(pattern, node.outputs[0], {}, makers)
            if bound is not None:
                yield node, bound

    def _bind(
        self, pattern: Pattern, name: str, bound: dict[str, str], makers: Mapping[str, Node]
    ) -> dict[str, str] | None:
        if isinstance(pattern, str):
            if bound.get(pattern, name) != name or (
                pattern[0] == "#" and name not in self._tensors
            ):
                return None
            return {**bound, pattern: name}
        node = makers.get(name)
        wanted, (operator, *inputs) = {}, pattern
        if isinstance(inputs[0], Mapping):
            wanted, *inputs = inputs
        if node is None or node.operator != operator or len(node.inputs) != len(inputs):
            return None
        if any(node.attributes.get(key) != value for key, value in wanted.items()):
            return None
        orders = [node.inputs]
        if operator in _COMMUTATIVE:
            orders.append(node.inputs[::-1])
        for order in orders:
            known: dict[str, str] | None = bound
            for each, of in zip(inputs, order, strict=True):
                known = None if known is None else self._bind(each, of, known, makers)
            if known is not None:
                return known
        return None

    def replace(
        self, nodes: Sequence[Node], domain: str, operator: str, inputs: Iterable[str]
    ) -> None:
        """Another node makes what each of ``nodes`` made, in their order."""
        parts = [(1, each.encode()) for each in inputs]
        parts += [(2, each.encode()) for node in nodes for each in node.outputs]
        parts += [(4, operator.encode()), (7, domain.encode())]
        self.nodes = [node for node in self.nodes if node not in nodes]
        self.nodes.append(_node(_message(parts)))

    def add(self, name: str, values: NDArray[Any]) -> str:
        """A new initialiser, of one of the types that ``constant`` reads; returns its name."""
        kind = next(key for key, dtype in _TYPES.items() if dtype == values.dtype)
        sides = [(1, side) for side in values.shape]
        raw = np.ascontiguousarray(values, _TYPES[kind]).tobytes()
        self._added.append(_message([*sides, (2, kind), (8, name.encode()), (9, raw)]))
        return name

    def model(self, domain: str) -> bytes:
        """The model again, without nodes and initialisers that nothing needs; ``domain`` is known
        in it."""
        nodes = self._sorted()
        needed = {*self.outputs, *(name for node in nodes for name in node.inputs)}
        graph: list[_Field] = [(_NODE, node.message) for node in nodes]
        graph += [
            (number, value)
            for number, value in self._rest
            if number != _INITIALISER or _first(value, 8) in needed
        ]
        graph += [(_INITIALISER, each) for each in self._added]
        parts = [(n, _message(graph) if n == _GRAPH else value) for n, value in self._model]
        return _message([*parts, (_OPSET, _message([(1, domain.encode()), (2, 1)]))])

    def _sorted(self) -> list[Node]:
        """The nodes that outputs need, each behind what it needs itself."""
        makers = {name: node for node in self.nodes for name in node.outputs}
        done: dict[Node, None] = {}
        waiting = [makers[name] for name in reversed(self.outputs) if name in makers]
        while waiting:
            node = waiting[-1]
            needed = [makers[name] for name in reversed(node.inputs) if name in makers]
            missing = [each for each in needed if each not in done]
            if missing and node not in done:
                waiting += missing
            else:
                done[waiting.pop()] = None
        return list(done)


def _node(message: Any) -> Node:
    inputs, outputs, operator = [], [], ""
    for number, value in _fields(message):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 4:
            operator = _text(value)
    return Node(operator, tuple(inputs), tuple(outputs), bytes(message))


def _first(message: Any, number: int) -> str:
    return next((_text(value) for key, value in _fields(message) if key == number), "")


def _text(value: Any) -> str:
    return bytes(value).decode()


def _signed(value: Any) -> int:
    return int(value) - (1 << 64 if value >> 63 else 0)


def _whole(values: Iterable[Any]) -> Iterator[int]:
    """Whole numbers of a repeated field, packed or one by one."""
    for value in values:
        if isinstance(value, int):
            yield _signed(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            yield _signed(number)


def _fields(message: Any) -> Iterator[_Field]:
    """The fields of a message; numbers of four and eight bytes as bytes too."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            length, at = _varint(message, at)
        yield number, message[at : at + length]
        at += length


def _varint(message: Any, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _message(parts: Iterable[_Field]) -> bytes:
    written = bytearray()
    for number, value in parts:
        if isinstance(value, int):
            written += _number(number << 3) + _number(value)
        else:
            written += _number(number << 3 | 2) + _number(len(value)) + bytes(value)
    return bytes(written)


def _number(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
