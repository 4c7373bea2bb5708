"""The panels of a picture of a search: what one step saw, an object close up; and their colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sdk.geometry import as_boxes, contains, xyxy_to_cxcywh
from sdk.results.grounding import Grounding, Rival, Zoom
from sdk.visual.canvas import Canvas, Color, Picture, View, shorten, text_width

CLOSE_UP_FACTOR = 2.6  # sides of the close-up in sides of the box
CLOSE_UP_PX = 48.0  # at least
SHOWN_CANDIDATES = 4  # besides the chosen one
LABEL_HEIGHT = 92  # below a panel
THUMB_LABEL_HEIGHT = 28

Rect = tuple[int, int, int, int]  # x, y, width, height in canvas pixels

BACKGROUND: Color = (28, 22, 20)
CARD: Color = (40, 33, 30)  # behind panels, and the empty part of gauges
WHITE: Color = (245, 245, 245)
GREY: Color = (170, 162, 158)
INK: Color = (24, 20, 18)
FOUND: Color = (110, 222, 96)
REJECTED: Color = (92, 92, 240)
RIVAL: Color = (205, 95, 255)
CANDIDATE: Color = (200, 200, 200)
STEPS: tuple[Color, ...] = ((255, 196, 84), (60, 190, 255), (80, 130, 255), (255, 165, 195))


@dataclass(frozen=True)
class Label:
    """What stands below a panel: a coloured word, what is shown, and values in 0..1 with names."""

    word: str
    color: Color
    what: str
    values: Sequence[tuple[str, float]]


def draw_step(canvas: Canvas, bgr: Picture, answer: Grounding, number: int, rect: Rect) -> None:
    """What step ``number`` (from 1) looked at, the boxes it was offered and the one it chose."""
    zoom = answer.zooms[number - 1]
    last = number == len(answer.zooms)
    chosen = verdict_color(answer) if last else step_color(number + 1)
    view = _show(canvas, bgr, zoom.window_xyxy, 1.06, 1.0, rect)
    window = view.to_canvas(zoom.window_xyxy)
    canvas.dim_around(window, view.rect_xywh, 0.55)
    others = zoom.candidates_xyxy[1 : 1 + SHOWN_CANDIDATES]
    canvas.faint_boxes(view.to_canvas(others[np.isfinite(others).all(axis=1)]), CANDIDATE)
    canvas.box(window, step_color(number), 1)
    if answer.rival is not None and _shows(zoom.window_xyxy, answer.rival.xyxy):
        canvas.box(view.to_canvas(answer.rival.xyxy), RIVAL, 2)
    canvas.box(view.to_canvas(zoom.xyxy), chosen, 2, dashed=last and not answer.found)
    told = (
        ("raw score", zoom.raw_score),
        ("progress", zoom.progress),
        ("stop", zoom.stop_probability),
    )
    values = [(name, value) for name, value in told if value is not None]
    what = f"window {size_text(zoom.window_xyxy)}"
    _label(canvas, rect, Label(str(number), step_color(number), what, values))


def draw_answer(
    canvas: Canvas, bgr: Picture, answer: Grounding, box: ArrayLike, rect: Rect
) -> None:
    """The answer's box at a size at which the target can be seen."""
    color = verdict_color(answer)
    view = _show(canvas, bgr, box, CLOSE_UP_FACTOR, CLOSE_UP_PX, rect)
    if answer.rival is not None and _shows(view.region_xyxy, answer.rival.xyxy):
        canvas.box(view.to_canvas(answer.rival.xyxy), RIVAL, 3)
    canvas.box(view.to_canvas(box), color, 3, dashed=not answer.found)
    word = "found" if answer.found else "best guess"
    what, values = size_text(box), [("score", answer.score)]
    if answer.considered:
        first = answer.considered[0]
        what, values = f"{first.label}, {what}", [*values, *first.parts.items()]
    _label(canvas, rect, Label(word, color, what, values))


def draw_considered(
    canvas: Canvas, bgr: Picture, answer: Grounding, number: int, rect: Rect
) -> None:
    """A proposal that was weighed and not chosen, close up, and what spoke for it."""
    other = answer.considered[number]
    view = _show(canvas, bgr, other.xyxy, CLOSE_UP_FACTOR, CLOSE_UP_PX, rect)
    canvas.box(view.to_canvas(other.xyxy), CANDIDATE, 2)
    values = [("score", other.score), *other.parts.items()]
    what = f"{other.label}, {size_text(other.xyxy)}"
    _label(canvas, rect, Label(f"no. {number + 1}", CANDIDATE, what, values))


def draw_rival(canvas: Canvas, bgr: Picture, answer: Grounding, rival: Rival, rect: Rect) -> None:
    """The other candidate, close up."""
    view = _show(canvas, bgr, rival.xyxy, CLOSE_UP_FACTOR, CLOSE_UP_PX, rect)
    if answer.xyxy is not None and _shows(view.region_xyxy, answer.xyxy):
        box = view.to_canvas(answer.xyxy)
        canvas.box(box, verdict_color(answer), 2, dashed=not answer.found)
    canvas.box(view.to_canvas(rival.xyxy), RIVAL, 3)
    values = (("score", rival.score),)
    _label(canvas, rect, Label("rival", RIVAL, size_text(rival.xyxy), values))


def draw_abandoned(canvas: Canvas, bgr: Picture, zoom: Zoom, rect: Rect) -> None:
    """A small picture of a step that led nowhere."""
    view = _show(canvas, bgr, zoom.window_xyxy, 1.06, 1.0, rect)
    window = view.to_canvas(zoom.window_xyxy)
    canvas.dim_around(window, view.rect_xywh, 0.55)
    canvas.faint_boxes(np.stack([window, view.to_canvas(zoom.xyxy)]), WHITE, 0.8)
    x, y, width, height = rect
    text = shorten(f"given up · raw score {zoom.raw_score:.2f}", 15, width)
    canvas.text(x, y + height + 19, text, 15, GREY)


def _label(canvas: Canvas, rect: Rect, label: Label) -> None:
    """A line with what is shown, and below it one gauge for each value."""
    x, y, width, height = rect
    chip_w, _ = canvas.chip(x, y + height + 10, label.word, label.color, INK, 18)
    what = shorten(label.what, 18, width - chip_w - 10)
    canvas.text(x + chip_w + 10, y + height + 31, what, 18, GREY)
    gap = 12
    each = (width - gap * (len(label.values) - 1)) // len(label.values)
    for column, (name, value) in enumerate(label.values):
        left, baseline = x + column * (each + gap), y + height + 64
        text = f"{value:.2f}"
        canvas.text(left, baseline, name, 14, GREY)
        canvas.text(left + each - text_width(text, 14, 500), baseline, text, 14, WHITE, 500)
        canvas.gauge((left, baseline + 9, each, 4), value, label.color, CARD)


def _show(
    canvas: Canvas, bgr: Picture, box: ArrayLike, factor: float, least_px: float, rect: Rect
) -> View:
    """Shows the surroundings of a box in a panel."""
    canvas.fill(rect, CARD)
    view = view_around(box, factor, least_px, bgr.shape[:2], rect)
    canvas.show(bgr, view)
    return view


def view_around(
    box: ArrayLike,
    factor: float,
    least_px: float,
    frame_hw: tuple[int, ...],
    rect: Rect,
) -> View:
    """The region of the frame around a box, in the shape of a rectangle of the canvas.

    Near the border of the frame the region is shifted; where the frame is too small for it, the
    rectangle shrinks (and stays centred).

    Args:
        box: ``(4,)`` xyxy, frame pixels.
        factor: sides of the region in sides of the box, at least.
        least_px: sides of the region in frame pixels, at least.
        frame_hw: height and width of the frame.
        rect: x, y, width, height in canvas pixels.

    Returns:
        The region in frame pixels, and the part of ``rect`` that it fills.
    """
    x, y, width, height = rect
    cx, cy, w, h = xyxy_to_cxcywh(box).tolist()
    region_w, region_h = max(w * factor, least_px), max(h * factor, least_px)
    region_w = max(region_w, region_h * width / height)
    region_h = max(region_h, region_w * height / width)
    x1, x2 = _span(cx, region_w, frame_hw[1])
    y1, y2 = _span(cy, region_h, frame_hw[0])
    scale = min(width / (x2 - x1), height / (y2 - y1))
    shown_w, shown_h = max(round((x2 - x1) * scale), 1), max(round((y2 - y1) * scale), 1)
    left, top = x + (width - shown_w) // 2, y + (height - shown_h) // 2
    return View((x1, y1, x2, y2), (left, top, min(shown_w, width), min(shown_h, height)))


def _span(centre: float, length: float, limit: int) -> tuple[int, int]:
    """Whole pixels ``start, stop`` within ``0..limit`` that cover ``length`` about ``centre``."""
    size = min(max(math.ceil(length), 1), limit)
    start = min(max(round(centre - size / 2), 0), limit - size)
    return start, start + size


def _shows(region_xyxy: ArrayLike, box: ArrayLike) -> bool:
    """Whether the centre of a box lies in a region."""
    x, y = xyxy_to_cxcywh(box)[:2]
    return bool(contains(region_xyxy, (x, y, x, y)))


def step_color(number: int) -> Color:
    """The colour of a step, counted from 1."""
    return STEPS[(number - 1) % len(STEPS)]


def verdict_color(answer: Grounding) -> Color:
    """Green for what was found."""
    return FOUND if answer.found else REJECTED


def size_text(box: ArrayLike) -> str:
    """Width and height of a box in whole pixels; in tenths where they are few."""
    x1, y1, x2, y2 = as_boxes(box).tolist()
    width, height = (f"{side:.0f}" if side >= 10 else f"{side:.1f}" for side in (x2 - x1, y2 - y1))
    return f"{width} × {height} px"
