"""A network in eight bits says on every processor what it says in float32."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from export.precision.int8 import to_int8
from export.precision.qdq import to_qdq
from export.precision.ranges import tensor_ranges

# Runs model.onnx on x.npy as this project's sessions do, and as others do.
_ELSEWHERE = """
import sys
import numpy as np
import onnxruntime
from sdk.runtime.arithmetic import eight_bits

folder = sys.argv[1]
for name, entries in (("ours", eight_bits().session_entries), ("others", {})):
    options = onnxruntime.SessionOptions()
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options)
    np.save(f"{folder}/{name}.npy", session.run(None, {"x": np.load(f"{folder}/x.npy")})[0])
"""


@pytest.fixture
def large(build) -> Any:
    """A convolution and a product whose eight-bit values are all large: 255 and 127."""
    return build(
        [
            ("Conv", ["x", "k"], "c", {"pads": [1, 1, 1, 1]}),
            ("Reshape", ["c", "flat"], "f"),
            ("MatMul", ["f", "w"], "y"),
        ],
        {"x": (1, 4, 6, 8)},
        {"y": (4, 3)},
        {
            "k": np.full((4, 4, 3, 3), 0.1, np.float32),
            "w": np.full((48, 3), 0.1, np.float32),
            "flat": np.array([4, 48]),
        },
    )


def feeds() -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [{"x": rng.uniform(0.9, 1.0, (1, 4, 6, 8)).astype(np.float32)} for _ in range(2)]


def lower(model: Any, manner: str) -> Any:
    if manner == "tensorrt":
        return to_qdq(model, set(), tensor_ranges(model, feeds()))
    return to_int8(model, set(), feeds())


@pytest.mark.parametrize("manner", ["onnxruntime", "tensorrt"])
def test_large_values_do_not_saturate(large, run, run_eight_bits, manner: str) -> None:
    x = feeds()[0]["x"]
    (expected,), (found,) = run(large, x=x), run_eight_bits(lower(large, manner), x=x)
    np.testing.assert_allclose(found, expected, rtol=0.01)


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="qemu-user is not installed")
@pytest.mark.parametrize("manner", ["onnxruntime", "tensorrt"])
def test_a_processor_without_vnni(large, run, tmp_path: Path, manner: str) -> None:
    x = feeds()[0]["x"]
    np.save(tmp_path / "x.npy", x)
    onnx.save(lower(large, manner), tmp_path / "model.onnx")
    python = [sys.executable, "-c", _ELSEWHERE, str(tmp_path)]
    subprocess.run(["qemu-x86_64", "-cpu", "Haswell", *python], check=True, capture_output=True)
    (expected,) = run(large, x=x)
    np.testing.assert_allclose(np.load(tmp_path / "ours.npy"), expected, rtol=0.01)
    assert np.abs(np.load(tmp_path / "others.npy") / expected - 1).max() > 0.1  # what would be
