"""An engine of the family clip-box over the image and text networks of the fake two-stage one.

Its head says what it is told to: boxes, or the value of each action by the action before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sdk.engine.folder import write_manifest
from sdk.engine.manifest import Manifest, Network, TensorInfo
from sdk.families.clip_box import HEAD, ClipBox
from sdk.regions.clip import CROPS, TOKENIZER_FILE
from sdk.regions.refiners import Actor, Refiner
from sdk.regions.refiners.acting import ACTIONS, BOX, PAST, REMEMBERED, VALUES
from sdk.regions.refiners.refiner import IMAGE_FEATURES, TEXT_FEATURES
from sdk.regions.refiners.telling import BOXES

FEATURES = 3


def make(
    two_stage: ModuleType,
    folder: Path,
    refiner: Refiner,
    said: Any,
    block: Mapping[str, Any] = MappingProxyType({}),
    **changes: object,
) -> Path:
    """Writes the engine.

    two_stage: the module that has the fake image and text networks. said: boxes (K, 4), or actions
    in their order. block: other values in it. changes: to the manifest.
    """
    folder.mkdir(exist_ok=True)
    clip = replace(two_stage.CLIP, batch=1)
    networks = two_stage.write_clip(folder, clip)
    networks[HEAD] = write_head(folder / f"{HEAD}.onnx", refiner, said)
    values = {
        "name": "boxes",
        "family": "clip-box",
        "networks": networks,
        "inputs": {CROPS: clip.image},
        "text": None,
        "calibration": {"threshold": 0.5},
        "block": ClipBox(clip, refiner).to_mapping() | dict(block),
        "certificate": {"passed": True},
        "files": {TOKENIZER_FILE: ""},
    }
    write_manifest(folder, Manifest(**{**values, **changes}))  # type: ignore[arg-type]
    return folder


def write_head(path: Path, refiner: Refiner, said: Any) -> Network:
    """The refiner's network: boxes (K, 4), or actions in their order."""
    return _write_script(path, said) if isinstance(refiner, Actor) else _write_boxes(path, said)


def _write_boxes(path: Path, boxes: Sequence[Sequence[float]]) -> Network:
    """The same boxes for every image and sentence, plus nothing of either."""
    known = np.array(boxes, np.float32).reshape(-1, 4)
    nodes = [
        *_nothing((IMAGE_FEATURES, TEXT_FEATURES)),
        helper.make_node("Add", ["known", "nothing"], [BOXES]),
    ]
    given = {IMAGE_FEATURES: (1, FEATURES), TEXT_FEATURES: (1, FEATURES)}
    return _write(path, nodes, given, BOXES, known.shape, {"known": known})


def _write_script(path: Path, actions: Sequence[str]) -> Network:
    """Values those actions most, one after the other, each 1.5, the trigger 3; the others 0."""
    count = len(ACTIONS)
    table = np.zeros((REMEMBERED * count, count), np.float32)
    for number in range(1, len(actions)):
        # How many actions there were is told by the oldest that is remembered.
        for each in range(count):
            table[(number - 1) * count + each, ACTIONS.index(actions[number])] = 10.0**number
    table[:, :] = table / 10.0 ** max(len(actions) - 1, 1)
    first = np.zeros((1, count), np.float32)
    first[0, ACTIONS.index(actions[0])] = 1.0 / 10.0 ** len(actions)
    nodes = [
        helper.make_node("MatMul", [PAST, "table"], ["later"]),
        helper.make_node("Add", ["later", "first"], ["wanted"]),
        helper.make_node("ReduceMax", ["wanted"], ["most"], axes=[1], keepdims=1),
        helper.make_node("Div", ["wanted", "most"], ["shares"]),
        helper.make_node("Mul", ["shares", "worth"], ["valued"]),
        *_nothing((IMAGE_FEATURES, TEXT_FEATURES, BOX)),
        helper.make_node("Add", ["valued", "nothing"], [VALUES]),
    ]
    worth = np.full((1, count), 1.5, np.float32)
    worth[0, ACTIONS.index("trigger")] = 3.0
    given = {
        IMAGE_FEATURES: (1, FEATURES), TEXT_FEATURES: (1, FEATURES),
        PAST: (1, REMEMBERED * count), BOX: (1, 4),
    }  # fmt: skip
    constants = {"table": table, "first": first, "worth": worth}
    return _write(path, nodes, given, VALUES, (1, count), constants)


def _nothing(names: Sequence[str]) -> list[Any]:
    """Nodes that make 0 of inputs, so that they are used: the sum of their means, times 0."""
    means = [
        helper.make_node("ReduceMean", [name], [f"{name} mean"], axes=[0, 1], keepdims=0)
        for name in names
    ]
    whole = helper.make_node("Sum", [f"{name} mean" for name in names], ["whole"])
    return [*means, whole, helper.make_node("Mul", ["whole", "zero"], ["nothing"])]


def _write(
    path: Path,
    nodes: Sequence[Any],
    given: Mapping[str, tuple[int, ...]],
    name: str,
    shape: tuple[int, ...],
    constants: Mapping[str, Any],
) -> Network:
    constants = {**constants, "zero": np.zeros((), np.float32)}
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(each, TensorProto.FLOAT, of) for each, of in given.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, each) for each, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return Network(
        path.name,
        {each: TensorInfo(of, "float32") for each, of in given.items()},
        {name: TensorInfo(shape, "float32")},
    )
