"""The light picture of a stream: the frame with its boxes and a line for each expression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdk.results.detections import Detections
from sdk.results.grounding import Grounding
from sdk.visual.canvas import Canvas, Color, Picture, shorten

_PALETTE: tuple[Color, ...] = (  # one for each expression, again from the start after the last
    (110, 222, 96),
    (60, 190, 255),
    (255, 196, 84),
    (235, 130, 235),
    (92, 92, 240),
    (220, 220, 90),
)
_INK: Color = (24, 20, 18)
_ABSENT: Color = (150, 145, 140)
_MIN_SIDE_PX = 40  # of a frame that has room for words


def draw_answers(frame: NDArray[np.uint8], answers: Sequence[Grounding]) -> Picture:
    """Draws what was found on a frame; letters and lines grow with it.

    Args:
        frame: ``(h, w, 3)`` uint8 in the order of the answers' ``color``.
        answers: those of this frame. What was not found has a grey line and no box.

    Returns:
        A new picture of the frame's size, BGR.
    """
    height, width = frame.shape[:2]
    canvas = Canvas(width, height, (0, 0, 0))
    rgb = any(answer.color == "rgb" for answer in answers)
    canvas.image[:] = frame[:, :, ::-1] if rgb else frame
    thickness = max(round(height / 400), 1)
    for number, answer in enumerate(answers):
        if answer.found and answer.xyxy is not None:
            canvas.box(answer.xyxy, answer_color(number), thickness)
    if min(height, width) >= _MIN_SIDE_PX:
        _legend(canvas, answers)
    return canvas.image


def draw_detections(frame: NDArray[np.uint8], found: Detections) -> Picture:
    """Draws what a detector found on a frame, a colour a class, the best on top.

    Args:
        frame: ``(h, w, 3)`` uint8 in the order of the detections' ``color``.
        found: in this frame.

    Returns:
        A new picture of the frame's size, BGR.
    """
    height, width = frame.shape[:2]
    canvas = Canvas(width, height, (0, 0, 0))
    canvas.image[:] = frame[:, :, ::-1] if found.color == "rgb" else frame
    thickness, size = max(round(height / 400), 1), min(max(round(height / 45), 9), 28)
    for index in reversed(range(len(found))):
        color = answer_color(int(found.labels[index]))
        canvas.box(found.xyxy[index], color, thickness)
        if min(height, width) >= _MIN_SIDE_PX:
            text = shorten(f"{found.label(index)} {found.scores[index]:.2f}", size, width - size)
            left, top = found.xyxy[index, :2].tolist()
            canvas.chip(left, top - round(1.9 * size), text, color, _INK, size, 500)
    return canvas.image


def _legend(canvas: Canvas, answers: Sequence[Grounding]) -> None:
    """One label for each expression, from the top left corner down, as many as there is room."""
    height, width = canvas.image.shape[:2]
    size = min(max(round(height / 36), 10), 40, max(width // 8, 10))
    margin, step = size // 2, round(size * 1.9)
    for number, answer in enumerate(answers):
        top = margin + number * step
        if top + step > height:
            return
        room = width - 2 * margin - size  # a label is its text and half a letter on either side
        text = shorten(verdict(answer), size, room)
        ground = answer_color(number) if answer.found else _ABSENT
        canvas.chip(margin, top, text, ground, _INK, size, 500)


def verdict(answer: Grounding) -> str:
    """An answer in a line: its score or that it was not found, and the expression."""
    score = f"{answer.score:.2f}" if answer.found else "not found"
    return f"{score}{'' if answer.complete else ', cut short'}  {answer.ref}"


def answer_color(number: int) -> Color:
    """The colour of the expression, or the class, of this number: BGR, 0..255."""
    return _PALETTE[number % len(_PALETTE)]
