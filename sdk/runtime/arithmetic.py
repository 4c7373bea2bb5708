"""What eight-bit products come to on this machine, and how ONNX Runtime is made to give them right.

x86 processors without VNNI add pairs of unsigned-by-signed products up in 16 bits, where large ones
saturate: 255 x 127 twice is 32767 there, and an engine in eight bits another engine. ONNX Runtime
has kernels that add in 32 bits for these processors too, slower ones, which a session must ask for;
where there is VNNI, asking costs all that eight bits gain. What it takes is not concluded from the
processor's name but tried, with the ONNX Runtime that is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from platform import machine

import numpy as np

from sdk.engine.manifest import Arithmetic, Manifest
from sdk.kernel import import_kernel
from sdk.runtime.onnx_network import import_onnxruntime

_ATTEMPTS: tuple[Mapping[str, str], ...] = ({}, {"session.x64quantprecision": "1"})
_SIDE = 8  # of the weights that are tried
_LARGEST_A, _LARGEST_B = 255, 127


@dataclass(frozen=True)
class EightBits:
    """The arithmetic of this machine, and the session entries that it takes to have it."""

    arithmetic: Arithmetic
    session_entries: Mapping[str, str] = field(default_factory=dict)


@cache
def eight_bits() -> EightBits:
    """Tries products that saturate where products can; a few milliseconds, once a process.

    Raises MissingRuntimeError without ONNX Runtime or the compiled kernel.
    """
    instructions = f"{machine()} {import_kernel().eight_bit_instructions()}"
    for entries in _ATTEMPTS:
        if _exact(entries):
            return EightBits(Arithmetic(instructions, exact=True), entries)
    return EightBits(Arithmetic(instructions, exact=False))


def arithmetic_doubt(manifest: Manifest) -> str | None:
    """Why the certificate of an engine may not hold on this machine; None when it does.

    Exact products are the same on every machine. A certificate of before they were noted was
    measured with what a processor does of itself. That of plans that were built for other machines
    is of their networks.
    """
    measured_over = (manifest.certificate or {}).get("backend", manifest.backend)
    if measured_over != manifest.backend:
        return f"its certificate was measured over {measured_over}, before its plans were ever run"
    if (manifest.backend, manifest.precision) != ("onnxruntime", "int8"):
        return None
    if manifest.certificate is None:
        return None
    here, there = eight_bits(), manifest.arithmetic
    if there is None:
        covered = here.arithmetic.exact and not here.session_entries
    else:
        covered = here.arithmetic == there or (here.arithmetic.exact and there.exact)
    if covered:
        return None
    measured = "an arithmetic that it does not name" if there is None else str(there)
    return f"its certificate was measured with {measured}, this machine has {here.arithmetic}"


def _exact(entries: Mapping[str, str]) -> bool:
    """Whether rows of the largest numbers have the product that they ought to have."""
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    session = ort.InferenceSession(_product(), options, providers=["CPUExecutionProvider"])
    for rows in (1, _SIDE):  # a single row has a kernel of its own
        (found,) = session.run(None, {"a": np.full((rows, _SIDE), _LARGEST_A, np.uint8)})
        if (found != _SIDE * _LARGEST_A * _LARGEST_B).any():
            return False
    return True


def _product() -> bytes:
    """An ONNX model, y = MatMulInteger(a, b), with int8 weights b of 127.

    Written by hand, for the vehicle side has no package for it: the field numbers are those of
    onnx.proto.
    """

    def part(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def value(name: bytes, kind: int) -> bytes:  # ValueInfoProto with a tensor type
        return part(1, name) + part(2, part(1, bytes([8, kind])))

    node = part(1, b"a") + part(1, b"b") + part(2, b"y") + part(4, b"MatMulInteger")
    sides, int8 = bytes([8, _SIDE] * 2), bytes([16, 3])
    weights = sides + int8 + part(8, b"b") + part(9, bytes([_LARGEST_B]) * _SIDE**2)
    graph = part(1, node) + part(2, b"g") + part(5, weights)
    graph += part(11, value(b"a", 2)) + part(12, value(b"y", 6))  # uint8, int32
    ir_version, opset = bytes([8, 8]), part(8, bytes([16, 13]))
    return ir_version + opset + bytes([7 << 3 | 2, len(graph) & 127 | 128, len(graph) >> 7]) + graph
