"""A small but real engine: three ONNX networks that find a square of a named colour.

The text network looks up the colour of each word, the image network averages colours over cells
of 4 x 4 pixels, the ground network outlines the cells that have the colour asked for. Everything
around them is the product: manifest, tokenizer, kernel, ONNX Runtime, search.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sdk.engine.folder import Manifest, write_manifest
from sdk.engine.manifest import ImageInput, Network, TensorInfo, TextInput
from sdk.families.piza import block
from sdk.zoom.history import WEIGHT_SHAPES
from sdk.zoom.state import ZoomPolicy

HEIGHT, WIDTH, CELL, LENGTH = 96, 128, 4, 12
GREY = 114  # of the background, and the mean that preprocessing subtracts
COLORS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1)}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "?", "the", "square", "near", *COLORS]


def _tokenizer():
    import tokenizers
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer


def _write_network(path: Path, nodes, inputs, outputs, constants) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kinds = {"f": TensorProto.FLOAT, "i": TensorProto.INT32}
    graph = helper.make_graph(
        [helper.make_node(*node[:3], **node[3]) for node in nodes],
        path.stem,
        [helper.make_tensor_value_info(n, kinds[kind], shape) for n, kind, shape in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, path)


PROMPT = [("segment_ids", "i", [1, LENGTH]), ("position_ids", "i", [1, LENGTH])]
CELLS = (HEIGHT // CELL) * (WIDTH // CELL)


def _write_text(path: Path) -> None:
    colors = np.array([COLORS.get(word, (0, 0, 0)) for word in WORDS], np.float32) / 3
    _write_network(
        path,
        [("Gather", ["colors", "input_ids"], ["text_features"], {})],
        [("input_ids", "i", [1, LENGTH]), *PROMPT],
        [("text_features", [1, LENGTH, 3])],
        {"colors": colors},
    )


def _write_image(path: Path) -> None:
    _write_network(
        path,
        [
            (
                "AveragePool",
                ["pixels"],
                ["cells"],
                {"kernel_shape": [CELL, CELL], "strides": [CELL, CELL]},
            ),
            ("Reshape", ["cells", "flat"], ["rows"], {}),
            ("Transpose", ["rows"], ["image_features"], {"perm": [0, 2, 1]}),
        ],
        [("pixels", "f", [1, 3, HEIGHT, WIDTH])],
        [("image_features", [1, CELLS, 3])],
        {"flat": np.array([1, 3, CELLS], np.int64)},
    )


def _write_ground(path: Path) -> None:
    rows, columns = np.divmod(np.arange(CELLS, dtype=np.float32), WIDTH // CELL)
    low = np.stack([columns * CELL / WIDTH, rows * CELL / HEIGHT], -1)
    size = np.array([CELL / WIDTH, CELL / HEIGHT], np.float32)
    _write_network(
        path,
        [
            ("ReduceSum", ["text_features", "tokens"], ["query"], {"keepdims": 1}),
            ("Mul", ["image_features", "query"], ["products"], {}),
            ("ReduceSum", ["products", "channels"], ["raw"], {"keepdims": 1}),  # (1, cells, 1)
            ("Clip", ["raw", "zero", "one"], ["alike"], {}),
            ("ReduceMax", ["alike"], ["best"], {"axes": [1], "keepdims": 1}),
            ("Mul", ["best", "share"], ["level"], {}),
            ("Greater", ["alike", "level"], ["match"], {}),
            ("Where", ["match", "low", "one"], ["lows"], {}),
            ("Where", ["match", "high", "zero"], ["highs"], {}),
            ("ReduceMin", ["lows"], ["top_left"], {"axes": [1], "keepdims": 1}),
            ("ReduceMax", ["highs"], ["bottom_right"], {"axes": [1], "keepdims": 1}),
            ("Concat", ["top_left", "bottom_right"], ["outline"], {"axis": 2}),
            ("Concat", ["outline", "everything"], ["boxes"], {"axis": 1}),
            ("Reshape", ["best", "pair"], ["score"], {}),
            ("Concat", ["score", "nothing"], ["scores"], {"axis": 1}),
        ],
        [
            ("image_features", "f", [1, CELLS, 3]),
            ("text_features", "f", [1, LENGTH, 3]),
            *PROMPT,
            ("progress", "f", [1]),
        ],
        [("boxes", [1, 2, 4]), ("scores", [1, 2])],
        {
            "tokens": np.array([1], np.int64),
            "channels": np.array([2], np.int64),
            "zero": np.float32(0),
            "one": np.float32(1),
            "share": np.float32(0.2),
            "low": low[None].astype(np.float32),
            "high": (low + size)[None].astype(np.float32),
            "everything": np.array([[[0, 0, 1, 1]]], np.float32),
            "pair": np.array([1, 1], np.int64),
            "nothing": np.zeros((1, 1), np.float32),
        },
    )


def history_weights(stop_bias: float = -8.0) -> dict[str, NDArray[np.float32]]:
    """Random weights of a history encoder that says "go on" (or "stop", with a large bias)."""
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(0, 0.1, [side or 64 for side in shape]).astype(np.float32)
        for name, shape in WEIGHT_SHAPES.items()
    }
    weights["binary_classifier.2.bias"][:] = stop_bias
    return weights


def networks(suffix: str = ".onnx") -> dict[str, Network]:
    """The networks of the small engine, in files with this suffix."""

    def tensors(kind: str, **shapes: tuple[int, ...]) -> dict[str, TensorInfo]:
        return {name: TensorInfo(shape, kind) for name, shape in shapes.items()}

    ids = {"segment_ids": (1, LENGTH), "position_ids": (1, LENGTH)}
    text = {"text_features": (1, LENGTH, 3)}
    image = {"image_features": (1, CELLS, 3)}
    found = tensors("float32", boxes=(1, 2, 4), scores=(1, 2))
    given = {
        "text": tensors("int32", input_ids=(1, LENGTH), **ids),
        "image": tensors("float32", pixels=(1, 3, HEIGHT, WIDTH)),
        "ground": tensors("float32", **image, **text)
        | tensors("int32", **ids)
        | tensors("float32", progress=(1,)),
    }
    made = {"text": tensors("float32", **text), "image": tensors("float32", **image)}
    return {
        name: Network(f"{name}{suffix}", inputs, made.get(name, found))
        for name, inputs in given.items()
    }


def manifest(**changes) -> Manifest:
    """The manifest of the small engine, without hashes."""
    values = {
        "name": "squares",
        "family": "piza",
        "networks": networks(),
        "inputs": {"pixels": ImageInput((HEIGHT, WIDTH), (GREY,) * 3, (127.0,) * 3)},
        "text": TextInput(LENGTH),
        "block": block(ZoomPolicy(max_steps=4, min_window_px=16.0)),
        "calibration": {"threshold": 0.5},
        "certificate": {"passed": True, "networks": {}, "searches": {}},
        "files": {"history.npz": ""},
    }
    return Manifest(**{**values, **changes})


TARGET = {  # the machine of tests/fakes
    "tensorrt": "11.4.0.106",
    "gpu": "Fake GPU",
    "compute_capability": "9.0",
    "hardware_compatibility": "none",
    "cuda": "13.0",
}
RTX_TARGET = {"tensorrt_rtx": "1.7.1.116", "compute_capabilities": ["8.6", "8.9"]}


@pytest.fixture
def make_manifest() -> Callable[..., Manifest]:
    """``make_manifest(**changes)``: the manifest of the small engine."""
    return manifest


@pytest.fixture
def make_history() -> Callable[..., dict[str, NDArray[np.float32]]]:
    """``make_history(stop_bias)``: weights of a history encoder."""
    return history_weights


@pytest.fixture(scope="session")
def _engine_master(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("engines") / "squares.engine"
    folder.mkdir()
    _write_text(folder / "text.onnx")
    _write_image(folder / "image.onnx")
    _write_ground(folder / "ground.onnx")
    _tokenizer().save(str(folder / "tokenizer.json"))
    np.savez(folder / "history.npz", **history_weights())
    write_manifest(folder, manifest())
    return folder


@pytest.fixture
def engine(_engine_master, tmp_path) -> Path:
    """A copy of the engine folder that a test may damage."""
    return Path(shutil.copytree(_engine_master, tmp_path / "squares.engine"))


@pytest.fixture(scope="session")
def grounder(_engine_master):
    """One open grounder for the tests that only ask."""
    from sdk import Grounder

    with Grounder(_engine_master, threads=1) as opened:
        yield opened


@pytest.fixture
def tokenizer():
    """The engine's tokenizer, 12 tokens long."""
    from sdk.text import Tokenizer

    return Tokenizer(_tokenizer(), LENGTH)


@pytest.fixture
def make_frame() -> Callable[..., NDArray[np.uint8]]:
    """``make_frame(wh, {"red": xyxy, ...})``: a grey BGR frame with coloured rectangles."""

    def make(wh=(640, 480), squares=None) -> NDArray[np.uint8]:
        frame = np.full((wh[1], wh[0], 3), GREY, np.uint8)
        for color, (x1, y1, x2, y2) in (squares or {"red": (400, 100, 430, 128)}).items():
            rgb = [GREY + 113 * channel for channel in COLORS[color]]
            frame[y1:y2, x1:x2] = rgb[::-1]
        return frame

    return make


@pytest.fixture(scope="session")
def golden() -> Path:
    """Outputs of the published implementation; tests that use them skip where they are absent."""
    default = Path(__file__).resolve().parents[3] / "shared" / "golden" / "seed0"
    folder = Path(os.environ.get("PIZA_GOLDEN", default))
    if not folder.is_dir():
        pytest.skip(f"no golden data at {folder}: set PIZA_GOLDEN")
    return folder


@pytest.fixture
def plans(engine, make_manifest):
    """``plans(backend, **target)``: the small engine as one of plans, built for ``target``."""

    def make(backend="tensorrt", **changes):
        for name in ("text", "image", "ground"):
            network = (engine / f"{name}.onnx").read_bytes()
            (engine / f"{name}.plan").write_bytes(b"a fake plan: " + network)
        target = {**(TARGET if backend == "tensorrt" else RTX_TARGET), **changes}
        written = make_manifest(backend=backend, networks=networks(".plan"), target=target)
        write_manifest(engine, written)
        return engine

    return make
