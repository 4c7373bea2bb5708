"""The exported networks: what they take and give, that they equal PyTorch, what they hold."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.check.checking import check_model
from export.onnx.graphs import export_network
from sdk.engine.folder import read_manifest
from sdk.engine.manifest import ImageInput
from sdk.text import Tokenizer
from sdk.zoom.history import HistoryEncoder
from train.families.piza import history_weights
from train.models.grounding_dino.deformable import gather_sampler, grid_sampler
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.networks import networks

NAMES = ("text", "image", "ground")
T, D, K, H, W = 24, 32, 5, 60, 100
N = 4 * 7 + 2 * 4  # strides 16 and 32
INT, FLOAT = onnx.TensorProto.INT32, onnx.TensorProto.FLOAT
PROMPT = {"segment_ids": (INT, [1, T]), "position_ids": (INT, [1, T])}
INPUTS = {
    "text": {"input_ids": (INT, [1, T]), **PROMPT},
    "image": {"pixels": (FLOAT, [1, 3, H, W])},
    "ground": {
        "image_features": (FLOAT, [1, N, D]),
        "text_features": (FLOAT, [1, T, D]),
        **PROMPT,
        "progress": (FLOAT, [1]),
    },
}
OUTPUTS = {
    "text": {"text_features": (FLOAT, [1, T, D])},
    "image": {"image_features": (FLOAT, [1, N, D])},
    "ground": {"boxes": (FLOAT, [1, K, 4]), "scores": (FLOAT, [1, K])},
}


@pytest.fixture(scope="module")
def graphs(built: Path) -> dict[str, onnx.ModelProto]:
    return {name: onnx.load(built / f"{name}.onnx") for name in NAMES}


def described(values: Any) -> dict[str, tuple[int, list[int]]]:
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            [size.dim_value for size in value.type.tensor_type.shape.dim],
        )
        for value in values
    }


@pytest.mark.parametrize("name", NAMES)
def test_inputs_and_outputs(graphs, name: str) -> None:
    graph = graphs[name].graph
    assert described(graph.input) == INPUTS[name]
    assert list(described(graph.input)) == list(INPUTS[name])
    assert described(graph.output) == OUTPUTS[name]
    assert list(described(graph.output)) == list(OUTPUTS[name])


@pytest.mark.parametrize("name", NAMES)
def test_what_the_networks_hold(graphs, name: str) -> None:
    """A clean graph in one piece, with native layer norms; what is constant is a constant."""
    model = graphs[name]
    onnx.checker.check_model(model, full_check=True)
    assert check_model(model, name) == []
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    assert not model.functions
    kinds = {node.op_type for node in model.graph.node}
    assert not kinds & {"GridSample", "Loop", "If", "Scan", "Shape", "NonZero", "Range"}
    tensors = [*model.graph.initializer]
    assert onnx.TensorProto.DOUBLE not in {tensor.data_type for tensor in tensors}
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in tensors)
    typed = described(model.graph.value_info)
    assert set(typed) >= {n for node in model.graph.node for n in node.output} - set(OUTPUTS[name])
    assert not {kind for kind, _ in typed.values()} & {onnx.TensorProto.DOUBLE}
    if name != "image":
        assert "LayerNormalization" in kinds


def test_layer_norms_are_all_native(graphs, model: PizaGrounder) -> None:
    """As many nodes as PyTorch runs for the last decoder layer's answer."""
    count = {
        name: [n.op_type for n in graphs[name].graph.node].count("LayerNormalization")
        for name in NAMES
    }
    assert count["text"] == 3  # embeddings, and two of the BERT layer
    # fusion 2, text 2, image 2, proposals 1, 4 in each of two decoder layers, and a last one
    assert count["ground"] == 16


@pytest.mark.parametrize("name", [*(f"{name}.onnx" for name in NAMES), "engine.json"])
def test_nothing_tells_where_it_was_made(built: Path, checkpoint: Path, name: str) -> None:
    data = (built / name).read_bytes()
    root = Path(__file__).resolve().parents[3]
    places = {root, Path(torch.__file__).parents[1], Path.home(), Path(tempfile.gettempdir())}
    for place in (*places, checkpoint, built):
        assert place == Path("/") or str(place).encode() not in data
    for word in (b"site-packages", b"Traceback", b'File "', b".py:"):
        assert word not in data


def test_exports_are_reproducible(built: Path, model: PizaGrounder, tmp_path: Path) -> None:
    [text, *_] = networks(model)
    export_network(text, tmp_path / "text.onnx")
    assert (tmp_path / "text.onnx").read_bytes() == (built / "text.onnx").read_bytes()


def session(folder: Path, name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(folder / f"{name}.onnx", options)


@pytest.mark.parametrize("ref", [["red car"], ["red car", "blue sign", "white van near the bus"]])
@pytest.mark.parametrize("sampler", [grid_sampler, gather_sampler])
def test_networks_equal_pytorch(built, checkpoint, model, sampler, ref) -> None:
    """On random pixels and progress, prompts of one and of three phrases; padding included."""
    tokens, _ = Tokenizer.from_file(checkpoint / "tokenizer.json", T).encode_phrases(ref)
    rng = np.random.default_rng(len(ref))
    feeds = {
        "input_ids": tokens.ids[None],
        "segment_ids": tokens.segments[None],
        "position_ids": tokens.positions[None],
        "pixels": rng.normal(size=(1, 3, H, W)).astype(np.float32),
        "progress": np.array([0.35], np.float32),
    }
    for network in networks(model, sampler):
        known = {name: feeds[name] for name in network.inputs}
        assert list(known) == list(INPUTS[network.name])
        ours = session(built, network.name).run(list(network.outputs), known)
        with torch.inference_mode():
            given = [torch.from_numpy(array.copy()) for array in known.values()]
            theirs = network.module(*given)
        theirs = theirs if isinstance(theirs, tuple) else (theirs,)
        for name, a, b in zip(network.outputs, ours, theirs, strict=True):
            np.testing.assert_allclose(a, b.numpy(), atol=2e-5, rtol=1e-4, err_msg=name)
            feeds[name] = a
    assert (np.diff(feeds["scores"]) <= 0).all()
    assert (feeds["boxes"][..., 2:] >= feeds["boxes"][..., :2]).all()


def test_swin_backbones_are_exported_too(swin_model: PizaGrounder, tmp_path: Path) -> None:
    """60 x 100 is padded to whole windows of 4 x 4 patches at every stage."""
    [_, image, _] = networks(swin_model)
    export_network(image, tmp_path / "image.onnx")
    pixels = np.random.default_rng(0).normal(size=(1, 3, H, W)).astype(np.float32)
    [ours] = session(tmp_path, "image").run(None, {"pixels": pixels})
    with torch.inference_mode():
        theirs = swin_model.encode_image(torch.from_numpy(pixels))
    assert ours.shape == (1, 8 * 13 + 4 * 7 + 2 * 4 + 1 * 2, D)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=2e-5, rtol=1e-4)


def test_progress_reaches_the_ground_network(built: Path) -> None:
    ground = session(built, "ground")
    rng = np.random.default_rng(0)
    kinds = {INT: np.int32, FLOAT: np.float32}
    feeds = {
        n: rng.random(shape).astype(kinds[kind]) for n, (kind, shape) in INPUTS["ground"].items()
    }
    feeds["segment_ids"][:] = 1
    answers = [
        ground.run(None, {**feeds, "progress": np.array([progress], np.float32)})[1]
        for progress in (0.0, 0.0, 0.5)
    ]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert np.abs(answers[0] - answers[2]).max() > 1e-5


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_no_numbers_read_no_memory_outside(built: Path, bad: float) -> None:
    """Indices stay where they belong: ONNX Runtime refuses others, TensorRT would read them."""
    ground = session(built, "ground")
    kinds = {INT: np.int32, FLOAT: np.float32}
    feeds = {n: np.ones(shape, kinds[kind]) for n, (kind, shape) in INPUTS["ground"].items()}
    feeds["image_features"][0, 3] = bad
    boxes, scores = ground.run(None, feeds)
    assert not np.isfinite(boxes).all() or not np.isfinite(scores).all()


def test_the_manifest_says_what_the_checkpoint_is(built: Path, model: PizaGrounder) -> None:
    manifest = read_manifest(built)
    config = model.config
    assert (manifest.name, manifest.input_hw, manifest.max_tokens) == ("least", (H, W), T)
    assert manifest.inputs == {"pixels": ImageInput((H, W), config.mean, config.std)}
    for name, network in manifest.networks.items():
        assert {n: list(each.shape) for n, each in network.inputs.items()} == {
            n: shape for n, (_, shape) in INPUTS[name].items()
        }
    assert manifest.threshold == config.threshold
    assert manifest.block["max_steps"] == config.max_steps
    assert manifest.versions.keys() == {"torch", "transformers", "onnx"}
    assert manifest.files.keys() == {
        *(f"{name}.onnx" for name in NAMES),
        "tokenizer.json",
        "history.npz",
    }
    assert {path.name for path in built.iterdir()} == {*manifest.files, "engine.json"}
    assert json.loads((built / "engine.json").read_text())["family"] == "piza"


def test_the_history_encoder_goes_along(built: Path, model: PizaGrounder) -> None:
    history = [[0, 0, 640, 480], [10, 20, 100, 90]]
    expected = HistoryEncoder(history_weights(model))(history)
    assert HistoryEncoder.from_npz(built / "history.npz")(history) == expected
