"""A few-shot engine whose first network proposes the boxes that it is told to, and whose second one
says what it is told to of them; its image and text networks are those of the fake two-stage one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sdk.engine.folder import write_manifest
from sdk.engine.manifest import ImageInput, Manifest, Network, TensorInfo
from sdk.families.few_shot import JUDGE, PIXELS, PROPOSE, FewShot
from sdk.regions.class_bank import ClassBank
from sdk.regions.clip import CROPS, TOKENIZER_FILE
from sdk.regions.proposers import FrameProposer, Proposer
from sdk.regions.region_proposals import (
    CLASSES,
    FEATURES,
    MOVES,
    OBJECTNESS,
    OFFSETS,
    PROPOSALS,
    VARIANCES,
    AnchorGrid,
)

HW = (96, 128)  # of the network's input; frames of this size are seen pixel by pixel
LABELS = ("car", "sign", "scooter")
GRID = AnchorGrid(HW, 16, (16.0,), (1.0,))
PROPOSED = 6
Row = Sequence[float]  # x1, y1, x2, y2 in pixels of the input, and the score of each class


def make(
    two_stage: ModuleType,
    folder: Path,
    rows: Sequence[Row],
    texts: Mapping[str, str] | None = None,
    proposer: Proposer | None = None,
    block: Mapping[str, Any] = MappingProxyType({}),
    **changes: object,
) -> Path:
    """Writes the engine.

    two_stage: the module that has the fake image and text networks. texts: of the bank, None for an
    engine without CLIP. block: other values in it. changes: to the manifest.
    """
    folder.mkdir(exist_ok=True)
    networks = {
        PROPOSE: _write_propose(folder / f"{PROPOSE}.onnx", rows),
        JUDGE: _write_judge(folder / f"{JUDGE}.onnx", rows),
    }
    inputs = {PIXELS: ImageInput(HW, (0.0,) * 3, (255.0,) * 3)}
    clip = bank = None
    if texts is not None:
        clip, bank = two_stage.CLIP, ClassBank(texts, "the car")
        networks |= two_stage.write_clip(folder, clip)
        inputs[CROPS] = clip.image
    told = FewShot(
        LABELS, GRID, PROPOSED, proposer=proposer or FrameProposer(), clip=clip, bank=bank
    )
    values = {
        "name": "few",
        "family": "few-shot",
        "networks": networks,
        "inputs": inputs,
        "text": None,
        "calibration": {"threshold": 0.25},
        "block": told.to_mapping() | dict(block),
        "certificate": {"passed": True},
        "files": {} if clip is None else {TOKENIZER_FILE: ""},
    }
    write_manifest(folder, Manifest(**{**values, **changes}))  # type: ignore[arg-type]
    return folder


def _write_propose(path: Path, rows: Sequence[Row]) -> Network:
    """The first anchors are moved onto the boxes, in their order; all others are nothing."""
    anchors = GRID.boxes
    size = np.array(HW[::-1] * 2, np.float64)
    objectness = np.full((1, len(anchors)), -9.0, np.float32)
    offsets = np.zeros((1, len(anchors), 4), np.float32)
    offsets[..., 2:] = -1e3  # without a side
    for number, row in enumerate(rows):
        x1, y1, x2, y2 = np.array(row[:4]) / size
        centre, sides = np.array([(x1 + x2) / 2, (y1 + y2) / 2]), np.array([x2 - x1, y2 - y1])
        objectness[0, number] = 9.0 - number
        offsets[0, number, :2] = (centre - anchors[number, :2]) / anchors[number, 2:] / VARIANCES[0]
        offsets[0, number, 2:] = np.log(sides / anchors[number, 2:]) / VARIANCES[1]
    nodes = [
        helper.make_node("ReduceMean", [PIXELS], ["light"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["light", "zero"], ["nothing"]),
        helper.make_node("Add", ["seen", "nothing"], [FEATURES]),
        helper.make_node("Add", ["believed", "nothing"], [OBJECTNESS]),
        helper.make_node("Add", ["moved", "nothing"], [OFFSETS]),
    ]
    features = np.zeros((1, 2, HW[0] // 16, HW[1] // 16), np.float32)
    constants = {"seen": features, "believed": objectness, "moved": offsets}
    made = {FEATURES: features.shape, OBJECTNESS: objectness.shape, OFFSETS: offsets.shape}
    return _write(path, nodes, {PIXELS: (1, 3, *HW)}, made, constants)


def _write_judge(path: Path, rows: Sequence[Row]) -> Network:
    """The scores of each row for the proposal of its number, background for all others."""
    classes = np.full((1, PROPOSED, len(LABELS) + 1), -20.0, np.float32)
    classes[..., -1] = 20.0
    for number, row in enumerate(rows):
        scores = np.array(row[4:])
        classes[0, number] = np.log(np.maximum([*scores, 1 - scores.sum()], 1e-9))
    nodes = [
        helper.make_node("ReduceMean", [FEATURES], ["light"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["light", "zero"], ["nothing"]),
        helper.make_node("Add", ["known", "nothing"], [CLASSES]),
        helper.make_node("Mul", [PROPOSALS, "zero"], [MOVES]),
    ]
    given = {FEATURES: (1, 2, HW[0] // 16, HW[1] // 16), PROPOSALS: (1, PROPOSED, 4)}
    made = {CLASSES: classes.shape, MOVES: (1, PROPOSED, 4)}
    return _write(path, nodes, given, made, {"known": classes})


def _write(
    path: Path,
    nodes: Sequence[Any],
    given: Mapping[str, tuple[int, ...]],
    made: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, Any],
) -> Network:
    constants = {**constants, "zero": np.zeros((), np.float32)}

    def values(sizes: Mapping[str, tuple[int, ...]]) -> list[Any]:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, of) for name, of in sizes.items()
        ]

    arrays = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, path.stem, values(given), values(made), arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return Network(
        path.name,
        {name: TensorInfo(tuple(of), "float32") for name, of in given.items()},
        {name: TensorInfo(tuple(of), "float32") for name, of in made.items()},
    )
