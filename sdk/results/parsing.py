"""Answers back from their JSON: the inverse of ``Grounding.to_dict``, for data from anywhere."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from sdk.json_reader import JsonReader
from sdk.results.grounding import SCHEMA, Considered, Float32, Grounding, Rival, Zoom

MAX_STEPS = 64  # of a search: twice what a manifest may allow
MAX_WORDS = 4096
MAX_CONSIDERED = 4096
SCHEMA_2 = "piza-edge/grounding/2"  # a step's raw_score was its score; nothing was considered
_FAR_PX = 1e6  # no frame is larger


def read_answer(reader: JsonReader) -> Grounding:
    """The answer that a JSON object states, without candidates and without a frame.

    Answers of schema 2, as earlier versions wrote them, are read too.

    Raises:
        The error of ``reader``: a value is missing or makes no sense.
    """
    old = reader.text("schema", choices=(SCHEMA, SCHEMA_2)) == SCHEMA_2
    step = partial(_zoom, score="score" if old else "raw_score")
    width, height = reader.numbers("frame_wh", 2, 1, _FAR_PX)
    timing = reader.mapping("timing_ms")
    stages = {name: reader.number(f"timing_ms.{name}", -_FAR_PX) for name in {"total", *timing}}
    return Grounding(
        ref=reader.text("ref"),
        found=reader.boolean("found"),
        score=reader.number("score", 0.0, 1.0),
        xyxy=None if reader.raw("xyxy") is None else _box(reader, "xyxy"),
        zooms=tuple(map(step, reader.items("zooms", MAX_STEPS))),
        frame_wh=(int(width), int(height)),
        engine=reader.text("engine"),
        timing_ms=stages,
        reason=None if reader.raw("reason") is None else reader.text("reason"),
        unknown_words=reader.texts("unknown_words", MAX_WORDS),
        complete=reader.boolean("complete"),
        rival=None if reader.raw("rival") is None else _rival(reader),
        abandoned=tuple(map(step, reader.items("abandoned", MAX_STEPS))),
        first_score=reader.optional_number("first_score", 0.0, 1.0),
        considered=()
        if old
        else tuple(map(_considered, reader.items("considered", MAX_CONSIDERED))),
    )


def _rival(reader: JsonReader) -> Rival:
    return Rival(_box(reader, "rival.xyxy"), reader.number("rival.score", 0.0, 1.0))


def _zoom(reader: JsonReader, score: str) -> Zoom:
    return Zoom(
        window_xyxy=_box(reader, "window_xyxy"),
        xyxy=_box(reader, "xyxy"),
        raw_score=reader.number(score, 0.0, 1.0),
        candidates_xyxy=np.empty((0, 4), np.float32),
        candidates_scores=np.empty(0, np.float32),
        progress=_share(reader, "progress"),
        stop_probability=_share(reader, "stop_probability"),
    )


def _considered(reader: JsonReader) -> Considered:
    parts = reader.mapping("parts")
    return Considered(
        _box(reader, "xyxy"),
        reader.number("score", 0.0, 1.0),
        reader.text("label"),
        {name: reader.number(f"parts.{name}", 0.0, 1.0) for name in parts},
    )


def _share(reader: JsonReader, key: str) -> float | None:
    """A number in 0..1 or null; it must be there."""
    return None if reader.raw(key) is None else reader.number(key, 0.0, 1.0)


def _box(reader: JsonReader, key: str) -> Float32:
    """A box with an area."""
    value: Any = reader.numbers(key, 4, -_FAR_PX, _FAR_PX)
    box = np.array(value, np.float32)
    if not (box[2:] > box[:2]).all():
        raise reader.fault(key, "x1, y1, x2, y2 of a box with an area", list(value))
    return box
