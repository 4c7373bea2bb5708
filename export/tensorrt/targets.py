"""The GPUs that TensorRT for RTX builds plans for, by compute capability, and which of them a
network allows.

What is said of 7.5 was found with TensorRT for RTX 1.7.1: a product of matrices in float32 is
refused ("FP32 GEMM is not supported"), and eight-bit products are computed in float32 without a
word, for the other targets of the plan too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from export.tensorrt.products import Product
from sdk.errors import InputError

TARGETS = ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")
TURING = "7.5"
_MATRICES = ("Gemm", "MatMul")


def parse_targets(text: str) -> tuple[str, ...]:
    """``"sm86,sm120"`` as capabilities, ``("8.6", "12.0")``; raises InputError for what is none."""
    names = [name.strip().lower() for name in text.split(",")]
    known = {enumerator(each).lower(): each for each in TARGETS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"expected targets among {', '.join(known)}, got {unknown[0]!r}")
    return tuple(sorted({known[name] for name in names}, key=TARGETS.index))


def enumerator(capability: str) -> str:
    """TensorRT's name of a compute capability: ``SM86`` of ``"8.6"``."""
    return f"SM{capability.replace('.', '')}"


def check_known(targets: Sequence[str]) -> None:
    """Raises InputError unless all are capabilities that TensorRT for RTX builds for."""
    unknown = [each for each in targets if each not in TARGETS]
    if unknown or not targets:
        raise InputError(
            f"expected compute capabilities among {', '.join(TARGETS)}, got"
            f" {', '.join(unknown) or 'none'}: other GPUs take --backend tensorrt, on the machine"
            " itself"
        )


def choose_targets(
    wanted: Sequence[str] | None, products: Mapping[str, Iterable[Product]]
) -> tuple[str, ...]:
    """The targets of an engine: those wanted, or all that its networks allow.

    Args:
        wanted: capabilities, None for all.
        products: of each network, by name.

    Raises:
        InputError: a network does not allow a target that is wanted.
    """
    reason = _against_turing(products)
    if wanted is None:
        return tuple(each for each in TARGETS if each != TURING or reason is None)
    check_known(wanted)
    if TURING in wanted and reason is not None:
        raise InputError(f"{TURING} cannot be among the targets of this engine: {reason}")
    return tuple(wanted)


def _against_turing(products: Mapping[str, Iterable[Product]]) -> str | None:
    for name, found in products.items():
        for each in found:
            if each.kind == "fp32" and each.operator in _MATRICES:
                return (
                    f"{each.node} of {name} is a product in float32, which TensorRT for RTX does"
                    " not build for it"
                )
            if each.kind == "int8":
                return (
                    f"{each.node} of {name} is a product in eight bits, and TensorRT for RTX"
                    " computes these in float32 then, for all targets: --precision fp16, or leave"
                    " it out"
                )
    return None
