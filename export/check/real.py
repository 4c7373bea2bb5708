"""The answer of a real builder: TensorRT for RTX, which needs no GPU to give it."""

from __future__ import annotations

import enum
from pathlib import Path

import onnx

from export.check.checking import Finding, network_files
from export.tensorrt.builder import BuilderCrashError, Order, build_plan
from export.tensorrt.plans import build_proven
from export.tensorrt.products import find_products
from export.tensorrt.targets import choose_targets, enumerator
from sdk.errors import EngineError, InputError, MissingRuntimeError
from sdk.runtime.tensorrt import RTX


class Answer(enum.Enum):
    """What becomes of a network."""

    BUILDS = "builds"
    PROFILE = "wants a profile of its open shapes"
    REFUSED = "refused"
    CRASHES = "crashes the builder"


def ask(source: Path, targets: tuple[str, ...]) -> tuple[Answer, str]:
    """Whether an ONNX file builds for ``targets``, and what is said against it.

    Args:
        source: the file.
        targets: names of ``ComputeCapability``, such as ``"SM89"``.

    Raises:
        MissingRuntimeError: TensorRT for RTX is not installed.
    """
    try:
        build_plan(Order(RTX, str(source), None, targets))
    except MissingRuntimeError:
        raise
    except BuilderCrashError as error:
        return Answer.CRASHES, str(error)
    except EngineError as error:
        profile = "optimization profile" in str(error)
        return Answer.PROFILE if profile else Answer.REFUSED, str(error)
    return Answer.BUILDS, ""


def ask_path(path: Path) -> dict[str, list[Finding]]:
    """What the builder says against networks, of all targets that they allow, or that it would
    compute in other types than theirs; by network, of an ONNX file or of all those in a folder.

    Raises:
        InputError: there is nothing to ask about.
        MissingRuntimeError: TensorRT for RTX is not installed.
    """
    return {file.stem: _ask_file(file) for file in network_files(path)}


def _ask_file(file: Path) -> list[Finding]:
    try:
        products = find_products(onnx.load(file))
        targets = tuple(map(enumerator, choose_targets(None, {file.stem: products})))
        build_proven(Order(RTX, str(file), None, targets), products)
    except (InputError, MissingRuntimeError):
        raise
    except EngineError as error:
        return [Finding("builder", file.stem, "-", str(error))]
    return []
