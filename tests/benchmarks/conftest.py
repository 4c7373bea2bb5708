"""Grounders that answer without networks, and an engine that always points at the same places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tokenizers
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers.models import WordLevel
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from evaluation.questions import Case
from evaluation.scenes import vocabulary
from export.onnx.description import described
from sdk.engine.folder import Manifest, write_manifest
from sdk.engine.manifest import ImageInput, TextInput
from sdk.families.piza import block
from sdk.results.grounding import Grounding, Zoom
from sdk.zoom.history import WEIGHT_SHAPES
from sdk.zoom.state import ZoomPolicy

Box = Sequence[float]
LENGTH, HEIGHT, WIDTH, FEATURES = 64, 54, 96, 4
PROMPT = ["segment_ids", "position_ids"]


def answer(ref: str, windows: Sequence[Box], found: bool = True) -> Grounding:
    """A search whose steps chose these boxes."""
    zooms = []
    window: Box = (0.0, 0.0, 1920.0, 1080.0)
    for box in windows:
        xyxy = np.array(box, np.float32)
        zooms.append(
            Zoom(
                window_xyxy=np.array(window, np.float32),
                xyxy=xyxy,
                raw_score=0.75,
                candidates_xyxy=xyxy[None],
                candidates_scores=np.array([0.75], np.float32),
                progress=0.0,
                stop_probability=0.5,
            )
        )
        window = box
    return Grounding(
        ref=ref,
        found=found,
        score=0.75 if zooms else 0.0,
        xyxy=zooms[-1].xyxy if zooms else None,
        zooms=tuple(zooms),
        frame_wh=(1920, 1080),
        engine="fake",
        timing_ms={
            "total": 6.0,
            "crop": 1.0,
            "text": 1.0,
            "image": 2.0,
            "ground": 1.0,
            "host": 1.0,
        },
    )


class Oracle:
    """Knows the true box of each expression of the cases; of all others it says: not found."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.boxes = {case.ref: case.target_xyxy for case in cases}
        self.frames: list[NDArray[np.uint8]] = []

    def locate(self, frame: NDArray[np.uint8], ref: Sequence[str]) -> list[Grounding]:
        self.frames.append(frame)
        return [self._one(each) for each in ref]

    def _one(self, ref: str) -> Grounding:
        if ref not in self.boxes:
            return answer(ref, [], found=False)
        x1, y1, x2, y2 = self.boxes[ref]
        return answer(ref, [(x1 - 50, y1 - 40, x2 + 60, y2 + 30), (x1, y1, x2, y2)])


@pytest.fixture(name="answer")
def answer_fixture() -> Callable[..., Grounding]:
    return answer


@pytest.fixture
def oracle() -> type[Oracle]:
    return Oracle


def write_constant_network(
    path: Path, inputs: dict[str, tuple[Any, ...]], outputs: dict[str, np.ndarray]
) -> None:
    """A network that takes these inputs and always gives these outputs."""
    kinds = {"i": TensorProto.INT32, "f": TensorProto.FLOAT}
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))
            for name, value in outputs.items()
        ],
        path.stem,
        [helper.make_tensor_value_info(n, kinds[kind], s) for n, (kind, *s) in inputs.items()],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
            for name, value in outputs.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engines") / "still.engine"
    folder.mkdir()
    prompt = dict.fromkeys(PROMPT, ("i", 1, LENGTH))
    text = {"text_features": np.zeros((1, LENGTH, FEATURES), np.float32)}
    image = {"image_features": np.zeros((1, 9, FEATURES), np.float32)}
    ground = {
        "boxes": np.array([[[0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1]]], np.float32),
        "scores": np.array([[0.9, 0.1]], np.float32),
    }
    write_constant_network(folder / "text.onnx", {"input_ids": ("i", 1, LENGTH), **prompt}, text)
    write_constant_network(folder / "image.onnx", {"pixels": ("f", 1, 3, HEIGHT, WIDTH)}, image)
    features = {name: ("f", *value.shape) for name, value in {**image, **text}.items()}
    inputs = {**features, **prompt, "progress": ("f", 1)}
    write_constant_network(folder / "ground.onnx", inputs, ground)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "?", ",", *vocabulary()]
    ids = {word: k for k, word in enumerate(dict.fromkeys(words))}
    tokenizer = tokenizers.Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    weights = {
        name: np.zeros([side or 64 for side in shape], np.float32)
        for name, shape in WEIGHT_SHAPES.items()
    }
    np.savez(folder / "history.npz", **weights)
    manifest = Manifest(
        name="still",
        family="piza",
        networks={n: described(folder / f"{n}.onnx") for n in ("text", "image", "ground")},
        inputs={"pixels": ImageInput((HEIGHT, WIDTH), (114.0,) * 3, (127.0,) * 3)},
        text=TextInput(LENGTH),
        block=block(ZoomPolicy(max_steps=2)),
        files={"history.npz": ""},
        calibration={"threshold": 0.5},
        certificate={"passed": True, "networks": {}, "searches": {}},
    )
    write_manifest(folder, manifest)
    return folder
