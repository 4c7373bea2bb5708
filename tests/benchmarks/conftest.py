"""Grounders that answer without networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.cases import Case
from sdk.results import Grounding, Zoom

Box = Sequence[float]


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
                score=0.75,
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
