"""The call in docs/serving.md, as it stands there: Triton's client asks the model that ``piza
triton`` wrote, over the server's published gRPC service, whose server side is played here."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from export.triton.repository import write_repository
from sdk import Grounder
from sdk.engine.folder import BUNDLED
from sdk.frame import encode_image, read_image

PAGE = Path(__file__).resolve().parents[3] / "docs" / "serving.md"
ADDRESS = "localhost:8001"  # in the page


def client_packages() -> Any:
    """Triton's client with gRPC, and gRPC; skips where they are not installed."""
    for name in ("tritonclient", "rapidjson", "grpc"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"no {name}: pip install 'tritonclient[grpc]'")
    import grpc
    import tritonclient.grpc as triton
    from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

    return SimpleNamespace(
        grpc=grpc, triton=triton, texts=deserialize_bytes_tensor, bytes=serialize_byte_tensor
    )


class Tensor:
    def __init__(self, name: str, values: Any) -> None:
        self.name, self.values = name, values

    def as_numpy(self) -> Any:
        return self.values


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the model is served."""
    packages = client_packages()
    service = packages.triton.service_pb2
    folder = write_repository(BUNDLED / "engine", tmp_path / "models", threads=1)[0]
    server_module = SimpleNamespace(
        Tensor=Tensor,
        InferenceResponse=lambda tensors, error=None: SimpleNamespace(tensors=tensors, error=error),
        TritonError=str,
        get_input_tensor_by_name=lambda request, name: request.get(name),
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", server_module)
    spec = importlib.util.spec_from_file_location("served_model", folder / "1" / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.TritonPythonModel()
    model.initialize(
        {"model_config": json.dumps({}), "model_repository": str(folder), "model_version": "1"}
    )

    class Service(packages.triton.service_pb2_grpc.GRPCInferenceServiceServicer):
        def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
            assert request.model_name == "piza-tiny"
            given = {}
            for said, raw in zip(request.inputs, request.raw_input_contents, strict=True):
                values = (
                    packages.texts(raw)
                    if said.datatype == "BYTES"
                    else np.frombuffer(raw, {"UINT8": np.uint8}[said.datatype])
                )
                given[said.name] = Tensor(said.name, values.reshape(said.shape))
            (response,) = model.execute([given])
            if response.error is not None:
                context.abort(packages.grpc.StatusCode.INTERNAL, response.error)
            told = service.ModelInferResponse(model_name=request.model_name)
            kinds = {"xyxy": "FP32", "score": "FP32", "found": "BOOL", "reason": "BYTES"}
            for each in response.tensors:
                values = each.values
                told.outputs.add(name=each.name, datatype=kinds[each.name], shape=values.shape)
                text = kinds[each.name] == "BYTES"
                raw = packages.bytes(values).item() if text else values.tobytes()
                told.raw_output_contents.append(raw)
            return told

    server = packages.grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    packages.triton.service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Service(), server)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()
    model.finalize()


def test_the_call_of_the_page(address: str, tmp_path: Path, monkeypatch) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (72, 128, 3), np.uint8)
    (tmp_path / "frame.jpg").write_bytes(encode_image(frame, ".jpg"))
    (code,) = re.findall(r"```python\n(import numpy.*?)```", PAGE.read_text(), re.DOTALL)
    assert ADDRESS in code
    monkeypatch.chdir(tmp_path)
    told: dict[str, Any] = {}
    exec(compile(code.replace(ADDRESS, address), str(PAGE), "exec"), told)

    refs = [each.decode() for each in told["refs"]]
    with Grounder(BUNDLED / "engine", threads=1) as grounder:
        expected = grounder.locate(read_image(tmp_path / "frame.jpg"), refs)
    answer = told["answer"]
    np.testing.assert_array_equal(answer.as_numpy("xyxy"), [each.xyxy for each in expected])
    assert answer.as_numpy("found").tolist() == [each.found for each in expected]
    assert [each.decode() for each in answer.as_numpy("reason")] == [
        each.reason or "" for each in expected
    ]
