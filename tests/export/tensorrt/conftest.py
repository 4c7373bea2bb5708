"""piza-tiny's networks in a precision, in seconds: nothing is searched for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

import onnx
import pytest

from benchmarks.commands.plans import lowered
from sdk.engine.folder import BUNDLED

Networks = dict[str, Path]


@pytest.fixture(scope="session")
def builds() -> None:
    """TensorRT for RTX is here; it needs no GPU to build."""
    if importlib.util.find_spec("tensorrt_rtx") is None:
        pytest.skip("tensorrt-rtx is not installed: pip install -e '.[dev]' on Linux, x86-64")


@pytest.fixture(scope="session")
def piza_tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Networks]:
    """``piza_tiny(precision)``: the ONNX files of the bundled model, by name."""

    @cache
    def make(precision: str) -> Networks:
        folder = tmp_path_factory.mktemp(precision)
        for source in (BUNDLED / "engine").glob("*.onnx"):
            onnx.save(lowered(onnx.load(source), precision), folder / source.name)
        return {path.stem: path for path in sorted(folder.glob("*.onnx"))}

    return make
