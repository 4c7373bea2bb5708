"""Heads against tensors that are made from boxes: what went in comes out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import EngineError
from sdk.geometry import pairwise_iou
from sdk.json_reader import JsonReader
from sdk.regions.heads import KINDS, Wanted, read_head
from sdk.regions.heads.detr import Detr
from sdk.regions.heads.gfl import Gfl, Level
from sdk.regions.heads.head import Scoring, cells_of
from sdk.regions.heads.ssd import ANCHORS, PUBLISHED_HW, PYRAMID, SHAPES, Ssd
from sdk.regions.heads.yolo import Yolo

HW = (64, 96)
SIZE = np.array([96, 64, 96, 64])
CELLS = 8 * 12 + 4 * 6 + 2 * 3  # of strides 8, 16 and 32
# Boxes xyxy in pixels of the input, their scores and classes: apart from each other, best first.
BOXES = np.array([[8.0, 8, 40, 40], [50, 4, 70, 30], [60, 40, 90, 62]])
SCORES, LABELS = np.array([0.9, 0.6, 0.3]), np.array([2, 0, 1])
PLACES = [5, 60, 100]  # the rows where they stand


def centred(boxes: np.ndarray) -> np.ndarray:
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def table(count: int, columns: int, first: int) -> np.ndarray:
    """Rows of nothing, and the boxes with their scores from column ``first`` on."""
    rows = np.zeros((count, columns), np.float32)
    rows[PLACES, :4] = centred(BOXES)
    rows[PLACES, first + LABELS] = SCORES
    return rows


def logits(scores: np.ndarray) -> np.ndarray:
    return np.log(scores / (1 - scores))


def yolo(layout: str, objectness: bool = False, relative: bool = False):
    head = Yolo("out", layout, 3, HW, objectness, relative)
    if layout == "chosen":
        rows = np.zeros((20, 6), np.float32)
        rows[[3, 0, 9]] = np.concatenate([BOXES, SCORES[:, None], LABELS[:, None]], axis=1)
        return head, {"out": rows[None]}
    first = 5 if objectness else 4
    rows = table(CELLS, first + 3, first)
    if objectness:  # scores are products of halves
        rows[:, 4] = 0.5
        rows[:, 5:] *= 2
        rows[0, 4:] = 1, 0, 0, 0
    if relative:
        strides = np.repeat([8, 16, 32], [96, 24, 6])[:, None]
        places = np.concatenate(
            [
                np.stack(np.meshgrid(np.arange(96 // s), np.arange(64 // s)), -1).reshape(-1, 2)
                for s in (8, 16, 32)
            ]
        )
        rows[:, :2] = rows[:, :2] / strides - places
        rows[:, 2:4] = np.log(np.maximum(rows[:, 2:4], 1e-3) / strides)
    return head, {"out": rows[None] if layout == "rows" else rows.T[None]}


def detr(activation: str):
    columns = 4 if activation == "softmax" else 3
    raw = np.full((CELLS, columns), -12.0, np.float32)
    if activation == "softmax":
        raw[:, -1] = 12
        for place, label, score in zip(PLACES, LABELS, SCORES, strict=True):
            raw[place] = np.log(1e-6)
            raw[place, [label, 3]] = np.log(score), np.log(1 - score)
    else:
        raw[PLACES, LABELS] = logits(SCORES)
    boxes = np.zeros((CELLS, 4), np.float32)
    boxes[PLACES] = centred(BOXES) / SIZE[[0, 1, 0, 1]]
    nothing = "last" if activation == "softmax" else "none"
    head = Detr("logits", "boxes", 3, Scoring(activation, nothing))
    return head, {"logits": raw[None], "boxes": boxes[None]}


def gfl(together: bool, centre: float):
    """Distances on two neighbouring bins, so that their expectation is exact."""
    bins, strides = 12, (8, 16, 32)
    scores = np.zeros((CELLS, 3), np.float32)
    shapes = np.zeros((CELLS, 4, bins), np.float32)
    for box, score, label, stride, first in zip(
        BOXES, SCORES, LABELS, (8, 16, 16), (0, 96, 96), strict=True
    ):
        column, row = np.round((box[:2] + box[2:]) / 2 / stride - centre).astype(int)
        place = first + row * (96 // stride) + column
        scores[place, label] = score
        point = (np.array([column, row] * 2) + centre) * stride
        distance = (box - point) / stride * [-1, -1, 1, 1]
        assert (distance >= 0).all(), "the cell lies in its box"
        low = np.floor(distance).astype(int)
        part = distance - low
        sides = np.arange(4)
        shapes[place] = -50
        shapes[place, sides, low] = np.log(1 - part)
        shapes[place, sides, low + 1] = np.log(np.maximum(part, 1e-9))
    flat = shapes.reshape(CELLS, -1)
    levels, outputs, start = [], {}, 0
    for stride in strides:
        rows, columns = cells_of(HW, stride)
        stop = start + rows * columns
        levels.append(Level(stride, f"s{stride}" * (not together), f"d{stride}" * (not together)))
        outputs[f"s{stride}"], outputs[f"d{stride}"] = (
            scores[None, start:stop],
            flat[None, start:stop],
        )
        start = stop
    if together:
        outputs = {"all": np.concatenate([scores, flat], axis=1)[None]}
    head = Gfl(tuple(levels), 3, HW, Scoring(), bins, centre, "all" if together else "")
    return head, outputs


def ssd(anchors: str, columns: bool, activation: str):
    known, hw = ANCHORS[anchors], HW if anchors == PYRAMID else PUBLISHED_HW
    table = known.make(hw)
    raw = np.full((len(table), 4), -12.0, np.float32)
    offsets = np.zeros((len(table), 4), np.float32)
    wanted = centred(BOXES) / SIZE[[0, 1, 0, 1]]
    for k, (box, score, label) in enumerate(zip(wanted, SCORES, LABELS, strict=True)):
        place = 100 + k
        if activation == "softmax":
            raw[place] = np.log(1e-6)
            raw[place, [0, label + 1]] = np.log(1 - score), np.log(score)
        else:
            raw[place, label + 1] = logits(score)
        moved = np.concatenate(
            [
                (box[:2] - table[place, :2]) / table[place, 2:] / known.variances[0],
                np.log(box[2:] / table[place, 2:]) / known.variances[1],
            ]
        )
        offsets[place, list(known.order)] = moved
    if activation == "softmax":
        raw[:100, 0], raw[103:, 0] = 12, 12
    outputs = {"scores": raw, "offsets": offsets}
    outputs = {name: (each.T if columns else each)[None] for name, each in outputs.items()}
    head = Ssd("scores", "offsets", 3, Scoring(activation, "first"), anchors, columns, hw)
    return head, outputs


CASES = {
    "yolo v8": lambda: yolo("columns"),
    "yolo v5": lambda: yolo("rows", objectness=True),
    "yolo rows": lambda: yolo("rows"),
    "yolox": lambda: yolo("rows", objectness=True, relative=True),
    "yolo chosen": lambda: yolo("chosen"),
    "detr softmax": lambda: detr("softmax"),
    "detr sigmoid": lambda: detr("sigmoid"),
    "ssd tensorflow": lambda: ssd("tensorflow", False, "sigmoid"),
    "ssd300": lambda: ssd("ssd300", True, "softmax"),
    "ssd of any size": lambda: ssd("pyramid", False, "softmax"),
    "nanodet": lambda: gfl(False, 0.5),
    "nanodet-plus": lambda: gfl(True, 0.0),
}


@pytest.mark.parametrize("name", CASES)
def test_what_went_in_comes_out(name) -> None:
    head, outputs = CASES[name]()
    found = head.decode(outputs, Wanted(0.2, 10))
    np.testing.assert_allclose(found.unit * SIZE, BOXES, atol=2e-3)
    np.testing.assert_allclose(found.scores, SCORES, atol=2e-3)
    assert found.labels.tolist() == LABELS.tolist()
    assert set(head.outputs) == set(outputs)


@pytest.mark.parametrize("name", CASES)
def test_the_least_score_and_the_most_boxes(name) -> None:
    head, outputs = CASES[name]()
    assert len(head.decode(outputs, Wanted(0.5, 10)).scores) == 2
    assert head.decode(outputs, Wanted(0.2, 1)).labels.tolist() == [2]
    nothing = head.decode(outputs, Wanted(0.99, 10))
    assert nothing.unit.shape == (0, 4)
    assert nothing.scores.shape == nothing.labels.shape == (0,)


@pytest.mark.parametrize("name", CASES)
def test_a_manifest_keeps_a_head(name) -> None:
    head, _ = CASES[name]()
    stored = json.loads(json.dumps(head.to_mapping()))
    assert read_head(JsonReader(stored, "here")) == head
    for key in stored:
        broken = {**stored, key: {"no": "value"}}
        with pytest.raises(EngineError, match=f"here.*{key}"):
            read_head(JsonReader(broken, "here"))


@pytest.mark.parametrize("name", CASES)
@given(seed=st.integers(0, 2**32 - 1))
def test_whatever_a_network_says_is_bounded_and_finite(name, seed) -> None:
    """Also what is not a number, or so large that a side has no bounds."""
    head, outputs = CASES[name]()
    random = np.random.default_rng(seed)
    noise = {}
    for key, value in outputs.items():
        values = random.normal(0, 20, value.shape).astype(np.float32)
        values.flat[random.integers(0, values.size, 9)] = [np.nan, np.inf, -np.inf] * 3
        noise[key] = values
    with np.errstate(invalid="ignore", over="ignore"):
        found = head.decode(noise, Wanted(0.05, 50))
    assert len(found.unit) <= 50
    assert np.isfinite(found.unit).all()
    assert (found.unit[:, 2:] >= found.unit[:, :2]).all()
    assert ((found.scores >= 0.05) & (found.scores <= 1)).all()
    assert (np.diff(found.scores) <= 0).all()
    assert ((found.labels >= 0) & (found.labels < head.classes)).all()


def test_repeated_boxes_of_a_class_are_one_but_not_of_two_classes() -> None:
    head, outputs = yolo("columns")
    rows = outputs["out"]
    rows[0, :, 6] = rows[0, :, 5] * [1, 1, 1.01, 1, 0, 0, 0.9]  # nearly the first, less sure
    rows[0, 4, 7], rows[0, :4, 7] = 0.8, rows[0, :4, 5]  # another class in the same place
    found = head.decode(outputs, Wanted(0.2, 10))
    assert found.labels.tolist() == [2, 0, 0, 1]


def test_sigmoid_lets_a_box_be_two_things_and_softmax_one() -> None:
    head, outputs = detr("sigmoid")
    outputs["logits"][0, PLACES[0], 1] = logits(np.array(0.8))
    assert head.decode(outputs, Wanted(0.2, 10)).labels.tolist() == [2, 1, 0, 1]
    head, outputs = detr("softmax")
    outputs["logits"][0, PLACES[0]] = np.log([1e-6, 0.4, 0.5, 0.1])
    assert head.decode(outputs, Wanted(0.2, 10)).labels.tolist() == [0, 2, 1]


def test_anchors_are_as_many_as_published() -> None:
    tensorflow, ssd300 = (ANCHORS[name].make(PUBLISHED_HW) for name in ("tensorflow", "ssd300"))
    assert (len(tensorflow), len(ssd300)) == (1917, 8732)
    assert (tensorflow > 0).all()
    assert (ssd300 > 0).all()
    np.testing.assert_allclose(tensorflow[0], [0.5 / 19, 0.5 / 19, 0.1, 0.1])
    np.testing.assert_allclose(tensorflow[-1], [0.5, 0.5, 0.95**0.5, 0.95**0.5])
    np.testing.assert_allclose(ssd300[0], [4 / 300, 4 / 300, 0.07, 0.07])


def test_anchors_of_a_pyramid_fill_any_input() -> None:
    anchors = ANCHORS[PYRAMID].make(HW) * SIZE[[0, 1, 0, 1]]
    assert len(anchors) == CELLS * len(SHAPES)
    np.testing.assert_allclose(anchors[0], [4, 4, 16, 16])
    np.testing.assert_allclose(anchors[1], [4, 4, 16 * 2**0.5, 16 / 2**0.5])
    np.testing.assert_allclose(anchors[len(SHAPES)], [12, 4, 16, 16])
    np.testing.assert_allclose(anchors[-1, :2], [80, 48])


def test_what_one_reads_of_an_unknown_kind() -> None:
    with pytest.raises(EngineError, match="one of yolo, detr, ssd, gfl"):
        read_head(JsonReader({"kind": "mask"}, "here"))
    assert KINDS == ("yolo", "detr", "ssd", "gfl")


@pytest.fixture(scope="module")
def real() -> Path:
    """The folder of detectors that others made and of photographs; not part of the project."""
    shared = Path(__file__).resolve().parents[5] / "shared" / "data"
    folder = Path(os.environ.get("PIZA_PHOTOGRAPHS", shared))
    if not (folder / "detectors").is_dir() or not (folder / "sorec").is_dir():
        pytest.skip(f"no photographs at {folder}: set PIZA_PHOTOGRAPHS")
    return folder


def seen(model: Path, image: Path, head, window, mean, std, bgr: bool, nhwc: bool):
    """Boxes in frame pixels, scores and labels of a look at a window of a photograph."""
    import onnxruntime

    from sdk.frame import read_image
    from sdk.letterbox import Letterbox
    from sdk.preprocess import network_input

    session = onnxruntime.InferenceSession(model)
    size = 300 if nhwc else 416
    pixels = network_input(read_image(image), [window], (size, size), mean, std)
    if bgr:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    if nhwc:
        pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    names = [each.name for each in session.get_outputs()]
    outputs = dict(
        zip(names, session.run(None, {session.get_inputs()[0].name: pixels}), strict=True)
    )
    found = head.decode(outputs, Wanted(0.35, 100))
    return Letterbox(window, (size, size)).to_frame(found.unit), found.scores, found.labels


# Read off the photograph by eye: the lorry, the white van, a black car, the traffic light.
WINDOW = (700, 1100, 1340, 1740)
THERE = [[1243, 1358, 1340, 1516], [960, 1389, 1044, 1453], [828, 1404, 886, 1448]]


def test_nanodet_sees_what_is_there(real: Path) -> None:
    names = [("Identity:0", "Identity_3:0"), ("Identity_1:0", "Identity_4:0")]
    levels = [Level(stride, *pair) for stride, pair in zip((8, 16), names, strict=True)]
    levels.append(Level(32, "Identity_2:0", "Identity_5:0"))
    head = Gfl(tuple(levels), 80, (416, 416), Scoring(), 11)
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    model = real / "detectors" / "nanodet-coco-416.onnx"
    boxes, _, labels = seen(
        model, real / "sorec" / "sample.jpg", head, WINDOW, mean, std, True, False
    )
    light = [[760, 1157, 820, 1269]]
    assert (pairwise_iou(THERE, boxes).max(axis=1) > 0.6).all()
    assert 9 in labels[pairwise_iou(light, boxes)[0] > 0.7]  # COCO's traffic light


def test_ssd_sees_what_is_there(real: Path) -> None:
    head = Ssd(
        "raw_outputs/class_predictions",
        "raw_outputs/box_encodings",
        23,
        Scoring("sigmoid", "first"),
        "tensorflow",
    )
    model = real / "detectors" / "ssd-mobilenetv2-oidv4-300.onnx"
    grey = (127.5, 127.5, 127.5)
    boxes, _, labels = seen(
        model, real / "sorec" / "sample.jpg", head, WINDOW, grey, grey, False, True
    )
    assert (pairwise_iou(THERE, boxes).max(axis=1) > 0.5).all()
    assert np.bincount(labels).argmax() == 22
