"""Model repositories for Triton: the server's published schema reads what we write, and the model
that searches answers as a ``Grounder`` does, over a stand-in for the server's module."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.triton.config import model_name, network_config, pbtxt
from export.triton.repository import CONFIG, write_repository
from sdk import Grounder
from sdk.cli import piza
from sdk.engine.folder import BUNDLED, read_manifest, write_manifest
from sdk.engine.manifest import Network, TensorInfo
from sdk.errors import EngineError, InputError
from sdk.frame import decode_image, encode_image

ENGINE = BUNDLED / "engine"
FRAME = np.random.default_rng(0).integers(0, 256, (72, 128, 3), np.uint8)
REFS = ["the red car", "the white van left of the bus"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("triton") / "models"
    write_repository(ENGINE, folder, threads=1)
    return folder


@pytest.fixture(scope="module")
def schema() -> Any:
    """The server's ``model_config.proto``, which its client brings: that module of it alone, since
    the rest of the client needs packages that nothing here does."""
    text_format = pytest.importorskip("google.protobuf.text_format")
    found = importlib.util.find_spec("tritonclient")
    if found is None or not found.submodule_search_locations:
        pytest.skip("no tritonclient, which brings model_config.proto")
    path = Path(found.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    published = _module("model_config_pb2", path)
    return SimpleNamespace(
        parse=lambda text: text_format.Parse(text, published.ModelConfig()), types=published
    )


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_written(repository: Path) -> None:
    found = sorted(path.relative_to(repository).as_posix() for path in repository.rglob("*"))
    manifest = read_manifest(ENGINE)
    engine = ["engine.json", *manifest.files]
    assert [each for each in found if (repository / each).is_file()] == sorted(
        [
            "piza-tiny/config.pbtxt",
            "piza-tiny/1/model.py",
            *(f"piza-tiny/1/engine/{name}" for name in engine),
            *(f"piza-tiny-{name}/config.pbtxt" for name in manifest.networks),
            *(f"piza-tiny-{name}/1/model.onnx" for name in manifest.networks),
        ]
    )
    for name, network in manifest.networks.items():
        copy = repository / f"piza-tiny-{name}" / "1" / "model.onnx"
        assert copy.read_bytes() == (ENGINE / network.file).read_bytes()
    assert [each.name for each in repository.parent.iterdir()] == ["models"]  # nothing half made


def test_the_published_schema_reads_the_networks(repository: Path, schema: Any) -> None:
    import onnxruntime

    kinds = {"tensor(float)": "TYPE_FP32", "tensor(int32)": "TYPE_INT32"}
    for name in read_manifest(ENGINE).networks:
        folder = repository / f"piza-tiny-{name}"
        config = schema.parse((folder / CONFIG).read_text())
        assert (config.name, config.backend) == (folder.name, "onnxruntime")
        assert config.max_batch_size == 0
        session = onnxruntime.InferenceSession(folder / "1" / "model.onnx")
        for said, has in (
            (config.input, session.get_inputs()),
            (config.output, session.get_outputs()),
        ):
            assert {
                each.name: (schema.types.DataType.Name(each.data_type), list(each.dims))
                for each in said
            } == {each.name: (kinds[each.type], each.shape) for each in has}
        (group,) = config.instance_group
        assert (group.count, group.kind) == (1, schema.types.ModelInstanceGroup.KIND_CPU)


def test_the_published_schema_reads_the_search(repository: Path, schema: Any) -> None:
    config = schema.parse((repository / "piza-tiny" / CONFIG).read_text())
    kind = schema.types.DataType.Name
    assert (config.name, config.backend, config.max_batch_size) == ("piza-tiny", "python", 0)
    assert [(i.name, kind(i.data_type), list(i.dims), i.optional) for i in config.input] == [
        ("image", "TYPE_UINT8", [-1], True),
        ("frame", "TYPE_UINT8", [-1, -1, 3], True),
        ("ref", "TYPE_STRING", [-1], False),
    ]
    assert [(o.name, kind(o.data_type), list(o.dims)) for o in config.output] == [
        ("xyxy", "TYPE_FP32", [-1, 4]),
        ("score", "TYPE_FP32", [-1]),
        ("found", "TYPE_BOOL", [-1]),
        ("reason", "TYPE_STRING", [-1]),
    ]
    assert {key: value.string_value for key, value in config.parameters.items()} == {"threads": "1"}


@given(text=st.text(st.characters(exclude_categories=["Cs"])), dims=st.lists(st.integers(0, 2**31)))
def test_the_published_schema_reads_any_text(schema: Any, text: str, dims: list[int]) -> None:
    network = Network("x.onnx", {"x": TensorInfo(tuple(dims), "float16")}, {})
    config = schema.parse(network_config(text, network, read_manifest(ENGINE)))
    assert config.name == text
    assert list(config.input[0].dims) == (dims or [1])
    assert config.input[0].HasField("reshape") is (not dims)


def test_the_text_format() -> None:
    message = {"a": "x\n", "b": True, "c": [1, 2], "d": {"e": 1.5}, "f": [{"g": 0}, {"h": []}]}
    assert pbtxt(message) == (
        'a: "x\\n"\nb: true\nc: [1, 2]\nd {\n  e: 1.5\n}\nf {\n  g: 0\n}\nf {\n}\n'
    )


@pytest.mark.parametrize(
    ("name", "expected"), [("a b/c", "a-b-c"), ("../..", "engine"), ("größe.v1", "größe.v1")]
)
def test_names_of_models(name: str, expected: str) -> None:
    assert model_name(name) == expected


class Tensor:
    """As the server's module has it: a name and an array, texts as an array of objects."""

    def __init__(self, name: str, values: Any) -> None:
        assert isinstance(values, np.ndarray)
        assert values.dtype.kind != "U"  # which the server does not take
        self.name, self._values = name, values

    def as_numpy(self) -> Any:
        return self._values


class Response:
    def __init__(self, output_tensors: list[Tensor], error: Any = None) -> None:
        self.outputs = {each.name: each.as_numpy() for each in output_tensors}
        self.error = error


@pytest.fixture
def search(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """``search(**inputs)``: the response of the written model, opened as the server does."""
    server = SimpleNamespace(
        Tensor=Tensor,
        InferenceResponse=Response,
        TritonError=str,
        get_input_tensor_by_name=lambda request, name: request.get(name),
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", server)
    folder = repository / "piza-tiny"
    model = _module("piza_tiny_model", folder / "1" / "model.py").TritonPythonModel()
    said = {"parameters": {"threads": {"string_value": "1"}}}
    model.initialize(
        {
            "model_config": json.dumps(said),
            "model_repository": str(folder),
            "model_version": "1",
        }
    )

    def ask(**inputs: Any) -> Response:
        (response,) = model.execute([{name: Tensor(name, each) for name, each in inputs.items()}])
        return response

    yield ask
    model.finalize()


def texts(*refs: str) -> Any:
    return np.array([each.encode() for each in refs], np.object_)


def test_the_search_answers_as_a_grounder(search: Any) -> None:
    image = encode_image(FRAME, ".jpg")
    with Grounder(ENGINE, threads=1) as grounder:
        expected = grounder.locate(decode_image(image, "it"), REFS)
        plain = grounder.locate(FRAME, REFS[0])
    found = search(image=np.frombuffer(image, np.uint8), ref=texts(*REFS))
    assert found.error is None
    assert {name: each.dtype.kind for name, each in found.outputs.items()} == {
        "xyxy": "f",
        "score": "f",
        "found": "b",
        "reason": "O",
    }
    np.testing.assert_array_equal(found.outputs["xyxy"], [each.xyxy for each in expected])
    np.testing.assert_array_equal(
        found.outputs["score"], np.float32([each.score for each in expected])
    )
    assert found.outputs["found"].tolist() == [each.found for each in expected]
    assert [each.decode() for each in found.outputs["reason"]] == [
        each.reason or "" for each in expected
    ]
    raw = search(frame=FRAME, ref=texts(REFS[0]))
    np.testing.assert_array_equal(raw.outputs["xyxy"], [plain.xyxy])


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"ref": texts("the car")}, "got both or neither"),
        ({"ref": texts("the car"), "frame": FRAME, "image": FRAME[0, :, 0]}, "both or neither"),
        ({"ref": texts("the car"), "image": np.zeros(9, np.uint8)}, "expected an image"),
        ({"ref": texts(""), "frame": FRAME}, "expected"),
        ({"ref": np.array([b"\xff"], np.object_), "frame": FRAME}, "a sentence in UTF-8"),
        ({"ref": texts("the car"), "frame": FRAME[:0]}, "expected"),
    ],
)
def test_what_cannot_be_used_is_an_error_and_the_model_goes_on(search: Any, inputs, words) -> None:
    refused = search(**inputs)
    assert words in refused.error
    assert refused.outputs == {}
    assert search(frame=FRAME, ref=texts("the car")).error is None


def test_a_search_without_a_word_that_is_known_has_no_box(search: Any) -> None:
    with pytest.warns(UserWarning, match="does not know"):
        found = search(frame=FRAME, ref=texts("☃"))
    assert np.isnan(found.outputs["xyxy"]).all()
    assert found.outputs["reason"][0]


def test_no_sentence_has_no_answer(search: Any) -> None:
    found = search(frame=FRAME, ref=texts())
    assert found.error is None
    assert {name: each.shape for name, each in found.outputs.items()} == {
        "xyxy": (0, 4),
        "score": (0,),
        "found": (0,),
        "reason": (0,),
    }


def test_the_command(tmp_path: Path, capsys) -> None:
    argv = ["triton", str(ENGINE), "-o", str(tmp_path / "models")]
    assert piza(argv) == 0
    assert "tritonserver --model-repository" in capsys.readouterr().out
    before = sorted(tmp_path.rglob("*"))
    assert piza(argv) == 2  # a second time
    assert "has piza-tiny, piza-tiny-text" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def changed(folder: Path, **changes: Any) -> Path:
    copy = Path(shutil.copytree(ENGINE, folder))
    write_manifest(copy, dataclasses.replace(read_manifest(copy), **changes))
    return copy


def test_engines_that_are_refused(tmp_path: Path) -> None:
    unproven = changed(tmp_path / "unproven", certificate=None)
    with pytest.raises(EngineError, match="has no certificate"):
        write_repository(unproven, tmp_path / "models")
    assert not (tmp_path / "models").exists()
    search = write_repository(unproven, tmp_path / "models", allow_unproven=True)[0]
    assert 'key: "allow_unproven"' in (search / CONFIG).read_text()

    (unproven / "text.onnx").write_bytes(b"another")
    with pytest.raises(EngineError, match="altered or truncated"):
        write_repository(unproven, tmp_path / "other", allow_unproven=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        write_repository(ENGINE, tmp_path / "file")


def test_plans(tmp_path: Path, monkeypatch) -> None:
    """No plan is at hand: other networks under the names of plans, which nobody opens."""
    manifest = read_manifest(ENGINE)
    networks = {
        name: dataclasses.replace(each, file=f"{name}.plan")
        for name, each in manifest.networks.items()
    }
    folder = Path(shutil.copytree(ENGINE, tmp_path / "plans"))
    for name in networks:
        (folder / f"{name}.onnx").rename(folder / f"{name}.plan")
    files = dict.fromkeys(("history.npz", "tokenizer.json"), "")
    plans = dataclasses.replace(manifest, networks=networks, backend="tensorrt", files=files)
    write_manifest(folder, plans)
    write_repository(folder, tmp_path / "models")
    assert (tmp_path / "models" / "piza-tiny-ground" / "1" / "model.plan").is_file()
    config = (tmp_path / "models" / "piza-tiny-ground" / CONFIG).read_text()
    assert 'backend: "tensorrt"\n' in config
    assert "kind: KIND_GPU\n" in config

    write_manifest(folder, dataclasses.replace(plans, backend="tensorrt-rtx"))
    with pytest.raises(InputError, match="no backend for tensorrt-rtx: build the engine with"):
        write_repository(folder, tmp_path / "rtx")
    with pytest.raises(EngineError, match="expected the shape and a type of"):
        network_config("x", Network("x.onnx", {"x": TensorInfo(None, "float32")}, {}), manifest)
