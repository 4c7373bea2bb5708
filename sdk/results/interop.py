"""Answers in the shapes that other programs read: supervision's detections, ROS 2 messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sdk.checks import Whole, check_whole
from sdk.errors import InputError
from sdk.extras import extras_named
from sdk.geometry import xyxy_to_cxcywh

if TYPE_CHECKING:
    import supervision

    from sdk.results.grounding import Grounding


def to_supervision(answer: Grounding) -> supervision.Detections:
    """See ``Grounding.to_supervision``."""
    with extras_named():
        import supervision
    count = 0 if answer.xyxy is None else 1
    box = np.empty((0, 4)) if answer.xyxy is None else answer.xyxy
    return supervision.Detections(
        xyxy=np.array(box, np.float32).reshape(count, 4),
        confidence=np.full(count, answer.score, np.float32),
        class_id=np.zeros(count, np.int64),
        data={
            "class_name": np.array([answer.ref] * count, np.str_),
            "found": np.full(count, answer.found),
        },
    )


def to_vision_msgs(answer: Grounding, frame_id: str, stamp: tuple[Whole, Whole]) -> dict[str, Any]:
    """See ``Grounding.to_vision_msgs``."""
    if not isinstance(frame_id, str):
        raise InputError(f"expected the name of a coordinate frame, got {frame_id!r:.80}")
    stamp = _check_stamp(stamp)
    detections = []
    if answer.found and answer.xyxy is not None:
        centre_x, centre_y, width, height = xyxy_to_cxcywh(answer.xyxy).tolist()
        position = {"x": 0.0, "y": 0.0, "z": 0.0}
        orientation = {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}
        hypothesis = {
            "hypothesis": {"class_id": answer.ref, "score": answer.score},
            "pose": {
                "pose": {"position": position, "orientation": orientation},
                "covariance": [0.0] * 36,  # 6 x 6: x, y, z and three rotations
            },
        }
        bbox = {
            "center": {"position": {"x": centre_x, "y": centre_y}, "theta": 0.0},
            "size_x": width,
            "size_y": height,
        }
        detections.append(
            {
                "header": _header(frame_id, stamp),
                "results": [hypothesis],
                "bbox": bbox,
                "id": "",
            }
        )
    return {"header": _header(frame_id, stamp), "detections": detections}


def _check_stamp(stamp: Any) -> tuple[int, int]:
    """``(sec, nanosec)`` as ``builtin_interfaces/msg/Time`` holds them: int32, below a second."""
    if not isinstance(stamp, list | tuple) or len(stamp) != 2:
        raise InputError(f"expected a stamp (sec, nanosec), got {stamp!r:.80}")
    sec = check_whole(stamp[0], "sec of the stamp", -(2**31), 2**31 - 1)
    return sec, check_whole(stamp[1], "nanosec of the stamp", 0, 10**9 - 1)


def _header(frame_id: str, stamp: tuple[int, int]) -> dict[str, Any]:
    return {"stamp": {"sec": stamp[0], "nanosec": stamp[1]}, "frame_id": frame_id}
