"""Heads are recognised from the outputs that published exports give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.detectors.recognition import recognise
from sdk.errors import InputError

RANDOM = np.random.default_rng(0)
VGA = (640, 640)


def logits(*shape: int) -> np.ndarray:
    return RANDOM.normal(0, 3, shape).astype(np.float32)


def unit(*shape: int) -> np.ndarray:
    return RANDOM.uniform(0, 1, shape).astype(np.float32)


def boxes(rows: int, columns: int, size: int = 640) -> np.ndarray:
    """Rows of four pixels and of scores."""
    return np.concatenate([unit(1, rows, 4) * size, unit(1, rows, columns - 4)], axis=2)


# outputs, input, numbers of classes that are known, what is found: kind and some of its values.
CASES: dict[str, tuple[dict[str, np.ndarray], tuple[int, int], tuple[int, ...], dict[str, Any]]] = {
    "yolo v8": (
        {"output0": boxes(8400, 84).transpose(0, 2, 1)},
        VGA,
        (80,),
        {"kind": "yolo", "layout": "columns", "objectness": False, "classes": 80},
    ),
    "yolo v8, one class": (
        {"output0": boxes(8400, 5).transpose(0, 2, 1)},
        VGA,
        (1,),
        {"kind": "yolo", "layout": "columns", "objectness": False, "classes": 1},
    ),
    "yolo v5": (
        {"output": boxes(25200, 85)},
        VGA,
        (),
        {"kind": "yolo", "layout": "rows", "objectness": True, "classes": 80, "relative": False},
    ),
    "yolo v5, one class": (
        {"output": boxes(25200, 6)},
        VGA,
        (1,),
        {"kind": "yolo", "layout": "rows", "objectness": True, "classes": 1},
    ),
    "yolo v10": (
        {"output0": boxes(300, 6)},
        VGA,
        (80,),
        {"kind": "yolo", "layout": "chosen", "classes": 80},
    ),
    "yolox, decoded": (
        {"output": boxes(3549, 85, 416)},
        (416, 416),
        (80,),
        {"kind": "yolo", "objectness": True, "relative": False},
    ),
    "yolox": (
        {"output": boxes(3549, 85, 2)},
        (416, 416),
        (80,),
        {"kind": "yolo", "objectness": True, "relative": True},
    ),
    "detr": (
        {"logits": logits(1, 100, 92), "pred_boxes": unit(1, 100, 4)},
        (800, 1344),
        (80, 91),
        {"kind": "detr", "activation": "softmax", "nothing": "last", "classes": 91},
    ),
    "rt-detr": (
        {"logits": logits(1, 300, 80), "pred_boxes": unit(1, 300, 4)},
        VGA,
        (80, 91),
        {"kind": "detr", "activation": "sigmoid", "nothing": "none", "classes": 80},
    ),
    "rf-detr": (
        {"dets": unit(1, 300, 4), "labels": logits(1, 300, 91)},
        (560, 560),
        (80, 91),
        {"kind": "detr", "boxes": "dets", "logits": "labels", "classes": 91},
    ),
    "four classes": (
        {"dets": unit(1, 300, 4), "labels": logits(1, 300, 4)},
        (560, 560),
        (4,),
        {"kind": "detr", "boxes": "dets", "logits": "labels", "classes": 4},
    ),
    "ssd tensorflow": (
        {"boxes": logits(1, 1917, 4), "classes": logits(1, 1917, 91)},
        (300, 300),
        (90,),
        {"kind": "ssd", "anchors": "tensorflow", "activation": "sigmoid", "classes": 90},
    ),
    "ssd300": (
        {"ploc": logits(1, 4, 8732), "plabel": logits(1, 81, 8732)},
        (300, 300),
        (80,),
        {"kind": "ssd", "anchors": "ssd300", "activation": "softmax", "columns": True},
    ),
    "nanodet-plus": (
        {"output": np.concatenate([unit(1, 3598, 80), logits(1, 3598, 32)], axis=2)},
        (416, 416),
        (80,),
        {"kind": "gfl", "bins": 8, "centre": 0.0, "classes": 80, "activation": "none"},
    ),
    "nanodet": (
        {
            f"{what}{cells}": (unit if what == "s" else logits)(1, cells, wide)
            for cells in (1600, 400, 100)
            for what, wide in (("d", 32), ("s", 44))  # as many classes as there are distances
        },
        (320, 320),
        (44,),
        {"kind": "gfl", "bins": 8, "centre": 0.5, "classes": 44, "activation": "none"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_published_exports(name) -> None:
    outputs, hw, counts, wanted = CASES[name]
    found = recognise(outputs, hw, counts).head
    said = found.to_mapping()
    assert {key: said[key] for key in wanted} == wanted
    assert set(found.outputs) == set(outputs)
    assert recognise(outputs, hw, counts, found.kind).head == found


def test_pixels_that_are_usual() -> None:
    usual = {name: recognise(*case[:3]).pixels for name, case in CASES.items()}
    assert usual["yolo v8"].std == (255.0,) * 3
    assert (usual["yolox"].order, usual["yolox"].std) == ("bgr", (1.0,) * 3)
    assert (usual["nanodet"].order, usual["nanodet"].mean[0]) == ("bgr", 123.675)
    assert usual["ssd tensorflow"].mean == (127.5,) * 3


@pytest.mark.parametrize(
    "outputs",
    [
        {"scores": unit(1, 1000)},
        {"boxes": unit(1, 100, 4), "scores": unit(1, 100), "classes": unit(1, 100)},
        {"boxes": unit(1, 100, 4), "scores": unit(1, 90, 80)},
        {"output0": logits(1, 84, 8400)},  # scores that are no probabilities
        {"mask": unit(1, 1, 160, 160)},
        {"boxes": unit(1, 777, 4) * 300, "scores": logits(1, 777, 21)},
        {},
    ],
)
def test_what_is_no_head(outputs) -> None:
    listed = ", ".join(f"{name} {list(each.shape)}" for name, each in outputs.items())
    with pytest.raises(InputError) as raised:
        recognise(outputs, VGA)
    assert f"found {listed}" in str(raised.value)
