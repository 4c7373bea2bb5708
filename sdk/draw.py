"""The picture of a search: the frame with its windows, a film strip of the zooms, a close-up.

The picture has a fixed width, whatever the size of the frame, so that lines and letters are
always readable; small things are shown in the tiles below the frame, cut from the full frame.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.canvas import Canvas, Color, Picture, View, shorten, text_width, wrap_text
from sdk.geometry import as_boxes, xyxy_to_cxcywh
from sdk.results import Grounding, Zoom

WIDTH = 1600
MAX_FRAME_HEIGHT = 900
TILE_HEIGHT = 420  # of a wide tile
LABEL_HEIGHT = 44
MARGIN = 24
GAP = 16
CLOSE_UP_FACTOR = 2.6  # sides of the close-up in sides of the box
CLOSE_UP_PX = 48.0  # at least

MAX_TILES = 4
SHOWN_CANDIDATES = 4  # besides the chosen one

Rect = tuple[int, int, int, int]  # x, y, width, height in canvas pixels

BACKGROUND: Color = (28, 22, 20)
WHITE: Color = (245, 245, 245)
GREY: Color = (170, 162, 158)
INK: Color = (24, 20, 18)
FOUND: Color = (110, 222, 96)
REJECTED: Color = (92, 92, 240)
CANDIDATE: Color = (200, 200, 200)
STEPS: tuple[Color, ...] = ((255, 196, 84), (60, 190, 255), (80, 130, 255), (235, 130, 235))


def draw_grounding(frame: NDArray[np.uint8], answer: Grounding) -> Picture:
    """Draws an answer on its frame.

    Args:
        frame: ``(h, w, 3)`` uint8 in the order ``answer.color``.
        answer: what ``Grounder.locate`` gave for it.

    Returns:
        A new picture, 1600 pixels wide, in the frame's colour order.
    """
    bgr = frame if answer.color == "bgr" else frame[:, :, ::-1]
    height, width = frame.shape[:2]
    scale = min(WIDTH / width, MAX_FRAME_HEIGHT / height)
    shown_w, shown_h = max(round(width * scale), 1), max(round(height * scale), 1)
    main = View((0, 0, width, height), ((WIDTH - shown_w) // 2, 0, shown_w, shown_h))
    caption = wrap_text(f"“{answer.ref}”", 34, WIDTH - 2 * MARGIN - 380, lines=3, weight=500)
    caption_h = max(44 * len(caption), 76) + 2 * MARGIN
    strip_y = shown_h + caption_h
    tiles = _tiles(answer, strip_y)
    bottom = tiles[-1][3] + LABEL_HEIGHT + MARGIN // 2 if tiles else 0
    canvas = Canvas(WIDTH, strip_y + bottom, BACKGROUND)
    canvas.show(bgr, main)
    _caption(canvas, answer, caption, shown_h + MARGIN)
    if answer.zooms:
        _frame_marks(canvas, main, answer)
        shown = range(len(answer.zooms) - len(tiles) + 2, len(answer.zooms) + 1)
        for number, rect in zip(shown, tiles, strict=False):
            _step_tile(canvas, bgr, answer, number, rect)
        _close_up(canvas, bgr, answer, tiles[-1])
    image = canvas.image
    return image if answer.color == "bgr" else np.ascontiguousarray(image[:, :, ::-1])


def _caption(canvas: Canvas, answer: Grounding, lines: list[str], top: int) -> None:
    """The expression on the left, the verdict on the right."""
    for index, line in enumerate(lines):
        canvas.text(MARGIN, top + 34 + 44 * index, line, 34, WHITE, weight=500)
    word = "found" if answer.found else "not found"
    verdict = f"{word}  {answer.score:.2f}"
    width = text_width(verdict, 30, 600) + 30
    color = FOUND if answer.found else REJECTED
    canvas.chip(WIDTH - MARGIN - width, top - 4, verdict, color, INK, 30)
    steps = f"{len(answer.zooms)} step" + ("" if len(answer.zooms) == 1 else "s")
    note = f"{steps} · {answer.timing_ms['total']:.0f} ms · {answer.engine}"
    if answer.reason is not None:
        note = answer.reason
    note = shorten(note, 18, 700)
    canvas.text(WIDTH - MARGIN - text_width(note, 18), top + 68, note, 18, GREY)


def _frame_marks(canvas: Canvas, main: View, answer: Grounding) -> None:
    """Every window after the first (which is the frame) and the last box, on the frame."""
    for number, zoom in enumerate(answer.zooms[1:], start=2):
        window = main.to_canvas(zoom.window_xyxy)
        canvas.box(window, _step_color(number), 2)
        canvas.chip(window[0] - 2, window[1] - 30, str(number), _step_color(number), INK, 16)
    color = FOUND if answer.found else REJECTED
    canvas.box(main.to_canvas(answer.zooms[-1].xyxy), color, 2, dashed=not answer.found)


def _tiles(answer: Grounding, top: int) -> list[Rect]:
    """The rectangles of the film strip: steps from left to right, then the close-up.

    The first step is left out, since the frame shows it, unless it is the only one; of a long
    search only the last steps are shown.
    """
    if not answer.zooms:
        return []
    columns = min(max(len(answer.zooms), 2), MAX_TILES)
    width = (WIDTH - 2 * MARGIN - GAP * (columns - 1)) // columns
    height = min(TILE_HEIGHT, round(width * 0.72))
    return [(MARGIN + column * (width + GAP), top, width, height) for column in range(columns)]


def _step_tile(
    canvas: Canvas,
    bgr: Picture,
    answer: Grounding,
    number: int,
    rect: Rect,
) -> None:
    """What one step looked at, the boxes that it was offered and the one that it chose."""
    zoom: Zoom = answer.zooms[number - 1]
    view = view_around(zoom.window_xyxy, 1.06, 1.0, bgr.shape[:2], rect)
    canvas.show(bgr, view)
    window = view.to_canvas(zoom.window_xyxy)
    canvas.dim_around(window, view.rect_xywh, 0.55)
    others = zoom.candidates_xyxy[1 : 1 + SHOWN_CANDIDATES]
    canvas.faint_boxes(view.to_canvas(others[np.isfinite(others).all(axis=1)]), CANDIDATE)
    canvas.box(window, _step_color(number), 1)
    last = number == len(answer.zooms)
    color = (FOUND if answer.found else REJECTED) if last else _step_color(number + 1)
    canvas.box(view.to_canvas(zoom.xyxy), color, 2, dashed=last and not answer.found)
    _label(canvas, rect, str(number), _step_color(number), _size(zoom.window_xyxy), zoom.score)


def _close_up(canvas: Canvas, bgr: Picture, answer: Grounding, rect: Rect) -> None:
    """The last box at a size at which the target can be seen."""
    zoom = answer.zooms[-1]
    view = view_around(zoom.xyxy, CLOSE_UP_FACTOR, CLOSE_UP_PX, bgr.shape[:2], rect)
    canvas.show(bgr, view)
    color = FOUND if answer.found else REJECTED
    canvas.box(view.to_canvas(zoom.xyxy), color, 3, dashed=not answer.found)
    word = "found" if answer.found else "best guess"
    _label(canvas, rect, word, color, _size(zoom.xyxy), None)


def _label(
    canvas: Canvas,
    rect: Rect,
    head: str,
    color: Color,
    what: str,
    score: float | None,
) -> None:
    """The line below a tile: a chip, what is shown, a score."""
    x, y, width, height = rect
    chip_w, _ = canvas.chip(x, y + height + 10, head, color, INK, 18)
    baseline = y + height + 31
    canvas.text(x + chip_w + 10, baseline, what, 18, GREY)
    if score is not None:
        text = f"{score:.2f}"
        canvas.text(x + width - text_width(text, 18, 500), baseline, text, 18, WHITE, 500)


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


def _step_color(number: int) -> Color:
    return STEPS[(number - 1) % len(STEPS)]


def _size(box: ArrayLike) -> str:
    x1, y1, x2, y2 = as_boxes(box).tolist()
    return f"{x2 - x1:.0f} × {y2 - y1:.0f} px"
