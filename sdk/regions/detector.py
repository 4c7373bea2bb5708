"""A detector: a network, its head, and the names of what it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes, clip
from sdk.letterbox import Letterbox
from sdk.regions.heads import Head, Wanted
from sdk.regions.proposals import Proposals
from sdk.runtime.runtime import Runtime, Value


@dataclass(frozen=True, eq=False)
class Detector:
    """What an engine knows of its detector.

    Attributes:
        network: its name.
        input_hw: height and width of its input in pixels.
        head: how its outputs become boxes.
        names: of its classes.
        wanted: how many boxes a look gives.
    """

    network: str
    input_hw: tuple[int, int]
    head: Head
    names: tuple[str, ...]
    wanted: Wanted = field(default_factory=Wanted)

    def look(
        self, runtime: Runtime, frame: Value, frame_wh: tuple[int, int], windows_xyxy: Boxes
    ) -> list[Proposals]:
        """What it finds in each window, in frame pixels.

        Args:
            runtime: that has its network.
            frame: what ``runtime.upload`` gave.
            frame_wh: the frame's width and height in pixels.
            windows_xyxy: ``(n, 4)`` frame pixels.
        """
        seen = runtime.see(self.network, frame, windows_xyxy)
        return [
            self.proposals(outputs, window, frame_wh)
            for outputs, window in zip(seen, windows_xyxy, strict=True)
        ]

    def proposals(
        self,
        outputs: Mapping[str, NDArray[Any]],
        window_xyxy: NDArray[np.float64],
        frame_wh: tuple[int, int],
    ) -> Proposals:
        """What the network's outputs for one window say, in frame pixels.

        Boxes end where the window ends; what lies in the bars beside it is no box.
        """
        found = self.head.decode(outputs, self.wanted)
        x1, y1, x2, y2 = np.asarray(window_xyxy, np.float64).tolist()
        boxes = Letterbox((x1, y1, x2, y2), self.input_hw).to_frame(found.unit)
        boxes = clip(clip(boxes, (x1, y1, x2, y2)), (0, 0, *frame_wh))
        there = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        scores = found.scores[there].astype(np.float32)
        return Proposals(boxes[there].astype(np.float32), scores, found.labels[there], self.names)
