"""A two-stage engine over a detector that says the same of every window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sdk.engine.folder import write_manifest
from sdk.engine.manifest import ImageInput, Manifest, Network, TensorInfo
from sdk.families.two_stage import Pipeline
from sdk.regions.detector import Detector
from sdk.regions.heads.yolo import Yolo
from sdk.regions.proposers import FrameProposer, Proposer
from sdk.regions.scorers import SCORERS, Weighted

HW = (480, 640)  # of the network's input; frames of this size are seen pixel by pixel
NAMES = ("car", "bus", "person")
Row = Sequence[float]  # x1, y1, x2, y2 in pixels of the input, score, class


def write_detector(path: Path, rows: Sequence[Row]) -> None:
    """A network that has chosen these boxes, whatever it sees."""
    boxes = np.array(rows, np.float32).reshape(1, -1, 6)
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, *HW])
    out = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, boxes.shape)
    nodes = [  # nothing is added to the boxes, but something is seen
        helper.make_node("ReduceMean", ["pixels"], ["light"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["light", "zero"], ["nothing"]),
        helper.make_node("Add", ["known", "nothing"], ["boxes"]),
    ]
    constants = {"known": boxes, "zero": np.zeros((), np.float32)}
    graph = helper.make_graph(
        nodes,
        "detector",
        [pixels],
        [out],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def make(
    folder: Path,
    rows: Sequence[Row],
    scorers: Sequence[str] = ("words",),
    proposer: Proposer | None = None,
    **changes: object,
) -> Path:
    """Writes the engine. ``changes``: to its manifest."""
    folder.mkdir(exist_ok=True)
    write_detector(folder / "detector.onnx", rows)
    detector = Detector("detector", HW, Yolo("boxes", "chosen", len(NAMES), HW), NAMES)
    weighted = tuple(Weighted(SCORERS[name]) for name in scorers)
    pipeline = Pipeline(detector, proposer or FrameProposer(), weighted)
    pixels = {"pixels": TensorInfo((1, 3, *HW), "float32")}
    boxes = {"boxes": TensorInfo((1, len(rows), 6), "float32")}
    values = {
        "name": "two",
        "family": "two-stage",
        "networks": {"detector": Network("detector.onnx", pixels, boxes)},
        "inputs": {"pixels": ImageInput(HW, (0.0,) * 3, (255.0,) * 3)},
        "text": None,
        "calibration": {"threshold": 0.25},
        "block": pipeline.to_mapping(),
        "certificate": {"passed": True},
    }
    write_manifest(folder, Manifest(**{**values, **changes}))  # type: ignore[arg-type]
    return folder
