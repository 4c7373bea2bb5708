"""How the networks' threads wait, and when one network is loaded once more for one thread."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from sdk.runtime import onnx_network
from sdk.runtime.onnx_network import OnnxNetwork, _waiting


@pytest.mark.parametrize("version", ["1.20.0", "1.26.1", "1.9.0"])
def test_threads_of_versions_that_would_spin_for_long_sleep(version: str) -> None:
    assert _waiting(version) == {"allow_spinning": "0"}


@pytest.mark.parametrize("version", ["1.27.0", "1.31.1", "1.100.0", "1.28.0.dev20260801", "2.0"])
def test_threads_spin_for_microseconds(version: str) -> None:
    options = _waiting(version)
    assert options["allow_spinning"] == "1"
    assert 0 < int(options["spin_duration_us"]) <= 50


def test_the_option_is_one_that_onnxruntime_reads(capfd: pytest.CaptureFixture[str]) -> None:
    """An unknown key would be ignored in silence, a bad value of a known one is complained of."""
    if _waiting(onnxruntime.__version__)["allow_spinning"] == "0":
        pytest.skip("this version has no such option")
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.spin_duration_us", "soon")
    onnxruntime.InferenceSession(_identity(), options, providers=["CPUExecutionProvider"])
    assert "spin_duration_us" in capfd.readouterr().err


@pytest.mark.parametrize(("small", "loaded"), [(64e6, [2, 1]), (0, [2])])
def test_one_thread_is_tried_where_all_became_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: float, loaded: list[int]
) -> None:
    (tmp_path / "x.onnx").write_bytes(_identity())
    threads: list[int] = []
    load = onnx_network._load
    monkeypatch.setattr(onnx_network, "_SMALL", small)
    monkeypatch.setattr(
        onnx_network,
        "_load",
        lambda path, count, *rest: (threads.append(count), load(path, count, *rest))[1],
    )
    network = OnnxNetwork(tmp_path / "x.onnx", 2)
    for cost in (1.0, 1.0, 1.0, 9.0, 9.0, 9.0):
        network._choice.learn(2, cost)
    x = onnxruntime.OrtValue.ortvalue_from_numpy(np.array([3.0], np.float32))
    for _ in range(3):
        (y,) = network.run(["y"], {"x": x})
        assert y.numpy().tolist() == [3.0]
    assert threads == loaded


def _identity() -> bytes:
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", ends[:1], ends[1:])
    opset = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString())
