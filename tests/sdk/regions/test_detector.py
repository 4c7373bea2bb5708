"""From a look's outputs to proposals in the frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdk.regions.detector import Detector
from sdk.regions.heads import Wanted
from sdk.regions.heads.yolo import Yolo

HW = (64, 96)
NAMES = ("car", "person")


class Runtime:
    """Says the same of every window; remembers which."""

    def __init__(self, rows) -> None:
        self.rows, self.asked = np.array(rows, np.float32).reshape(-1, 6), []

    def see(self, network: str, frame: Any, windows_xyxy) -> list[dict[str, Any]]:
        self.asked.append((network, frame, len(windows_xyxy)))
        return [{"out": self.rows[None]}] * len(windows_xyxy)


def detector(**wanted: Any) -> Detector:
    return Detector("detector", HW, Yolo("out", "chosen", 2, HW), NAMES, Wanted(**wanted))


def test_boxes_come_to_the_frame_by_the_letterbox_rule() -> None:
    """A window of 96 x 32 lies in rows 16 to 48 of the input, one of 192 x 128 fills it."""
    runtime = Runtime([[10, 20, 30, 40, 0.9, 1]])
    windows = np.array([[100.0, 50, 196, 82], [0, 0, 192, 128]])
    first, second = detector().look(runtime, "frame", (300, 200), windows)
    np.testing.assert_allclose(first.xyxy, [[110, 54, 130, 74]])
    np.testing.assert_allclose(second.xyxy, [[20, 40, 60, 80]])
    assert first.label(0) == "person"
    assert runtime.asked == [("detector", "frame", 2)]


def test_boxes_end_with_the_window_and_bars_hold_none() -> None:
    rows = [[-5, 10, 20, 30, 0.9, 0], [0, 0, 50, 10, 0.8, 0], [90, 40, 120, 60, 0.7, 1]]
    [found] = detector().look(Runtime(rows), None, (300, 200), np.array([[100.0, 50, 196, 82]]))
    np.testing.assert_allclose(found.xyxy, [[100, 50, 120, 64], [190, 74, 196, 82]])
    assert found.scores.tolist() == [np.float32(0.9), np.float32(0.7)]


def test_as_many_as_wanted() -> None:
    rows = [[10, 20, 30, 40, score, 0] for score in (0.2, 0.9, 0.1, 0.6)]
    [found] = detector(least=0.15, most=2).look(
        Runtime(rows), None, HW[::-1], np.array([[0.0, 0, 96, 64]])
    )
    assert found.scores.tolist() == [np.float32(0.9), np.float32(0.6)]
    [none] = detector(least=0.95).look(Runtime(rows), None, HW[::-1], np.array([[0.0, 0, 96, 64]]))
    assert len(none) == 0
