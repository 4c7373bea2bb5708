"""When detections of two sides are the same."""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks.fewshot.agreement import alike
from sdk.results.detections import Detections

BOXES = np.array([[10, 10, 50, 50], [100, 40, 180, 90]], np.float32)


def detections(boxes=BOXES, scores=(0.9, 0.6), labels=(0, 1)) -> Detections:
    scores = np.array(scores, np.float32)
    return Detections(
        boxes, scores, np.array(labels, np.int64), ("car", "bus"), scores, (320, 240), "e", {}
    )


def test_what_is_alike() -> None:
    wanted = detections()
    assert alike(detections(), wanted)
    assert alike(detections(BOXES + 0.1, (0.9005, 0.5995)), wanted)
    turned = detections(BOXES[::-1], (0.6, 0.9), (1, 0))
    assert alike(turned, wanted)  # nearly equal scores may change places
    nothing = detections(BOXES[:0], (), ())
    assert alike(nothing, nothing)


def test_what_is_not() -> None:
    wanted = detections()
    assert not alike(detections(BOXES + 1), wanted)
    assert not alike(detections(scores=(0.9, 0.59)), wanted)
    assert not alike(detections(labels=(0, 0)), wanted)
    assert not alike(detections(BOXES[:1], (0.9,), (0,)), wanted)
    twice = dataclasses.replace(wanted, xyxy=BOXES[[0, 0]], labels=np.array([0, 0]))
    assert not alike(twice, wanted)
