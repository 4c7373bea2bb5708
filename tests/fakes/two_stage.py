"""A two-stage engine over a detector that says the same of every window.

Its image and text networks know colours alone: the vector of a crop is its mean colour, that of a
sentence the sum of those that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from sdk.engine.folder import write_manifest
from sdk.engine.manifest import ImageInput, Manifest, Network, TensorInfo
from sdk.families.two_stage import Pipeline
from sdk.regions.clip import CROP_FEATURES, CROPS, TOKEN_FEATURES, TOKENIZER_FILE, TOKENS, Clip
from sdk.regions.detector import Detector
from sdk.regions.heads.yolo import Yolo
from sdk.regions.heatmap import HeatmapProposer
from sdk.regions.proposers import FrameProposer, Proposer
from sdk.regions.refiners import Correction
from sdk.regions.scorers import SCORERS, Weighted
from sdk.regions.scoring import Scorer

HW = (480, 640)  # of the network's input; frames of this size are seen pixel by pixel
NAMES = ("car", "bus", "person")
SIDE, BATCH, LENGTH = 16, 4, 6  # of a crop, crops at once, tokens of a text
COLOURS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1)}
WORDS = ("[PAD]", "[UNK]", *COLOURS, "the", "car")
CLIP = Clip(
    "clip-text",
    "clip-image",
    ImageInput((SIDE, SIDE), (120.0,) * 3, (100.0,) * 3),
    BATCH,
    LENGTH,
    pad_id=0,
    scale=10.0,
)
Row = Sequence[float]  # x1, y1, x2, y2 in pixels of the input, score, class


def write_network(
    path: Path,
    nodes: Sequence[Any],
    given: tuple[str, Sequence[int]],
    made: tuple[str, Sequence[int]],
    constants: Mapping[str, Any],
    kind: str = "float32",
) -> Network:
    """One network of one input, of that type, and one output."""
    types = {"float32": TensorProto.FLOAT, "int32": TensorProto.INT32}
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(given[0], types[kind], given[1])],
        [helper.make_tensor_value_info(made[0], TensorProto.FLOAT, made[1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return Network(
        path.name,
        {given[0]: TensorInfo(tuple(given[1]), kind)},
        {made[0]: TensorInfo(tuple(made[1]), "float32")},
    )


def write_detector(path: Path, rows: Sequence[Row]) -> Network:
    """A network that has chosen these boxes, whatever it sees."""
    boxes = np.array(rows, np.float32).reshape(1, -1, 6)
    nodes = [  # nothing is added to the boxes, but something is seen
        helper.make_node("ReduceMean", ["pixels"], ["light"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["light", "zero"], ["nothing"]),
        helper.make_node("Add", ["known", "nothing"], ["boxes"]),
    ]
    constants = {"known": boxes, "zero": np.zeros((), np.float32)}
    return write_network(path, nodes, ("pixels", [1, 3, *HW]), ("boxes", boxes.shape), constants)


def write_clip(folder: Path, clip: Clip) -> dict[str, Network]:
    """The image and the text network, and their tokenizer."""
    numbers = {word: number for number, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(folder / TOKENIZER_FILE))
    colours = np.array([COLOURS.get(word, (0, 0, 0)) for word in WORDS], np.float32)
    text = [
        helper.make_node("Gather", ["colours", TOKENS], ["each"]),
        helper.make_node("ReduceSum", ["each", "tokens"], [TOKEN_FEATURES], keepdims=0),
    ]
    mean = helper.make_node("ReduceMean", [CROPS], [CROP_FEATURES], axes=[2, 3], keepdims=0)
    networks = {
        clip.text_network: write_network(
            folder / f"{clip.text_network}.onnx",
            text,
            (TOKENS, [1, clip.max_tokens]),
            (TOKEN_FEATURES, [1, 3]),
            {"colours": colours, "tokens": np.array([1], np.int64)},
            "int32",
        )
    }
    if clip.image_network is not None:
        networks[clip.image_network] = write_network(
            folder / f"{clip.image_network}.onnx",
            [mean],
            (CROPS, [clip.batch, 3, *clip.image.hw]),
            (CROP_FEATURES, [clip.batch, 3]),
            {},
        )
    return networks


def make(
    folder: Path,
    rows: Sequence[Row],
    scorers: Sequence[str | Scorer] = ("words",),
    proposer: Proposer | HeatmapProposer | None = None,
    said: Mapping[str, Any] = MappingProxyType({}),
    correction: tuple[Correction, Callable[[Path], Network]] | None = None,
    **changes: object,
) -> Path:
    """Writes the engine, one without a detector for a heatmap. ``said``: other values of its
    ``Clip``; ``correction``: with what writes its network; ``changes``: to its manifest."""
    folder.mkdir(exist_ok=True)
    clip = replace(CLIP, **said)
    chosen = [SCORERS[each] if isinstance(each, str) else each for each in scorers]
    uses_clip = correction is not None or any(each.uses for each in chosen)
    networks: dict[str, Network] = {}
    inputs: dict[str, ImageInput] = {}
    detector = None
    if not isinstance(proposer, HeatmapProposer):
        networks["detector"] = write_detector(folder / "detector.onnx", rows)
        inputs["pixels"] = ImageInput(HW, (0.0,) * 3, (255.0,) * 3)
        detector = Detector("detector", HW, Yolo("boxes", "chosen", len(NAMES), HW), NAMES)
    if uses_clip:
        networks |= write_clip(folder, clip)
        inputs[CROPS] = clip.image
    if correction is not None:
        name = correction[0].refiner.network
        networks[name] = correction[1](folder / f"{name}.onnx")
    pipeline = Pipeline(
        detector,
        proposer or FrameProposer(),
        tuple(map(Weighted, chosen)),
        clip=clip if uses_clip else None,
        correction=None if correction is None else correction[0],
    )
    values = {
        "name": "two",
        "family": "two-stage",
        "networks": networks,
        "inputs": inputs,
        "text": None,
        "calibration": {"threshold": 0.25},
        "block": pipeline.to_mapping(),
        "certificate": {"passed": True},
        "files": {TOKENIZER_FILE: ""} if uses_clip else {},
    }
    write_manifest(folder, Manifest(**{**values, **changes}))  # type: ignore[arg-type]
    return folder
