"""Answers back from their JSON: the inverse of ``Grounding.to_dict``, for data from anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdk.json_reader import JsonReader
from sdk.results.grounding import SCHEMA, Float32, Grounding, Rival, Zoom

MAX_STEPS = 64  # of a search: twice what a manifest may allow
MAX_WORDS = 4096
_FAR_PX = 1e6  # no frame is larger


def read_answer(reader: JsonReader) -> Grounding:
    """The answer that a JSON object states, without candidates and without a frame.

    Raises:
        The error of ``reader``: a value is missing or makes no sense.
    """
    reader.text("schema", choices=(SCHEMA,))
    width, height = reader.numbers("frame_wh", 2, 1, _FAR_PX)
    timing = reader.mapping("timing_ms")
    stages = {name: reader.number(f"timing_ms.{name}", -_FAR_PX) for name in {"total", *timing}}
    return Grounding(
        ref=reader.text("ref"),
        found=reader.boolean("found"),
        score=reader.number("score", 0.0, 1.0),
        xyxy=None if reader.raw("xyxy") is None else _box(reader, "xyxy"),
        zooms=tuple(map(_zoom, reader.items("zooms", MAX_STEPS))),
        frame_wh=(int(width), int(height)),
        engine=reader.text("engine"),
        timing_ms=stages,
        reason=None if reader.raw("reason") is None else reader.text("reason"),
        unknown_words=reader.texts("unknown_words", MAX_WORDS),
        complete=reader.boolean("complete"),
        rival=None if reader.raw("rival") is None else _rival(reader),
        abandoned=tuple(map(_zoom, reader.items("abandoned", MAX_STEPS))),
        first_score=reader.optional_number("first_score", 0.0, 1.0),
    )


def _rival(reader: JsonReader) -> Rival:
    return Rival(_box(reader, "rival.xyxy"), reader.number("rival.score", 0.0, 1.0))


def _zoom(reader: JsonReader) -> Zoom:
    return Zoom(
        window_xyxy=_box(reader, "window_xyxy"),
        xyxy=_box(reader, "xyxy"),
        score=reader.number("score", 0.0, 1.0),
        candidates_xyxy=np.empty((0, 4), np.float32),
        candidates_scores=np.empty(0, np.float32),
        progress=reader.number("progress", 0.0, 1.0),
        stop_probability=reader.number("stop_probability", 0.0, 1.0),
    )


def _box(reader: JsonReader, key: str) -> Float32:
    """A box with an area."""
    value: Any = reader.numbers(key, 4, -_FAR_PX, _FAR_PX)
    box = np.array(value, np.float32)
    if not (box[2:] > box[:2]).all():
        raise reader.fault(key, "x1, y1, x2, y2 of a box with an area", list(value))
    return box
