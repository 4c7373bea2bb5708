"""The picture of a search: the frame with its windows, the words, a film strip of the zooms.

The picture has a fixed width, whatever the size of the frame, so that lines and letters are
always readable; small things are shown in the panels, cut from the full frame. A wide frame has
words and panels below it, a narrow one beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.geometry import as_boxes, intersection, is_whole_frame
from sdk.results.grounding import Grounding
from sdk.visual.canvas import Canvas, Color, Picture, View, chip_size
from sdk.visual.caption import set_caption
from sdk.visual.panels import (
    BACKGROUND,
    CANDIDATE,
    GREY,
    INK,
    LABEL_HEIGHT,
    RIVAL,
    THUMB_LABEL_HEIGHT,
    WHITE,
    Rect,
    draw_abandoned,
    draw_answer,
    draw_considered,
    draw_rival,
    draw_step,
    step_color,
    verdict_color,
)

WIDTH = 1600
MAX_FRAME_HEIGHT = 900
MAX_MAGNIFICATION = 6.0  # of a tiny frame
NARROW = 0.6  # a frame that takes less of the width has its words beside it
MARGIN = 24
GAP = 16
CHIP_SIZE = 16

LEAST_PANEL_WIDTH = 320
MAX_PANEL_HEIGHT = 420
MAX_STEPS = 6  # panels of steps; of a longer search the first and the last are shown
THUMB_WH = (200, 125)  # of the steps of an abandoned warm start
MAX_THUMBS = 4
MAX_CONSIDERED = 3  # proposals besides the answer that get a panel

Panel = Callable[[Rect], None]  # draws itself


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
    scale = min(WIDTH / width, MAX_FRAME_HEIGHT / height, MAX_MAGNIFICATION)
    shown_w, shown_h = max(round(width * scale), 1), max(round(height * scale), 1)
    beside = shown_w < NARROW * WIDTH
    left, top = (MARGIN, MARGIN) if beside else ((WIDTH - shown_w) // 2, 0)
    column_x, column_y = (left + shown_w + MARGIN, MARGIN) if beside else (MARGIN, shown_h + MARGIN)
    column_w = WIDTH - column_x - MARGIN
    caption = set_caption(answer, column_w)
    strip_y = column_y + caption.height + GAP
    close_ups = (answer.xyxy is not None) + (answer.rival is not None)
    count = len(_shown_steps(answer)) + close_ups + len(_shown_considered(answer))
    rects = panel_grid(column_x, strip_y, column_w, count, height / width)
    thumbs_y = rects[-1][1] + rects[-1][3] + LABEL_HEIGHT + GAP if rects else strip_y
    thumbs = _thumb_row(column_x, thumbs_y, len(answer.abandoned[:MAX_THUMBS]), column_w)
    bottom = thumbs[-1][1] + THUMB_WH[1] + THUMB_LABEL_HEIGHT + GAP if thumbs else thumbs_y
    canvas = Canvas(WIDTH, max(bottom, top + shown_h + top), BACKGROUND)
    inside = canvas.part((left, top, shown_w, shown_h))
    main = View((0, 0, width, height), (0, 0, shown_w, shown_h))
    inside.show(bgr, main)
    _mark_frame(inside, main, answer)
    caption.draw(canvas, column_x, column_y)
    for draw, rect in zip(_panels(canvas, bgr, answer), rects, strict=True):
        draw(rect)
    for zoom, rect in zip(answer.abandoned, thumbs, strict=False):
        draw_abandoned(canvas, bgr, zoom, rect)
    image = canvas.image
    return image if answer.color == "bgr" else np.ascontiguousarray(image[:, :, ::-1])


def _shown_steps(answer: Grounding) -> list[int]:
    """Numbers of the steps that get a panel."""
    numbers = list(range(1, len(answer.zooms) + 1))
    return numbers if len(numbers) <= MAX_STEPS else [1, *numbers[1 - MAX_STEPS :]]


def _shown_considered(answer: Grounding) -> range:
    """Places of the proposals that get a panel, after the first, which is the answer."""
    return range(1, min(len(answer.considered), 1 + MAX_CONSIDERED))


def _panels(canvas: Canvas, bgr: Picture, answer: Grounding) -> list[Panel]:
    """The film strip: the steps, the answer close up, its rival, what else was considered."""
    panels: list[Panel] = [
        partial(draw_step, canvas, bgr, answer, number) for number in _shown_steps(answer)
    ]
    if answer.xyxy is not None:
        panels.append(partial(draw_answer, canvas, bgr, answer, answer.xyxy))
    if answer.rival is not None:
        panels.append(partial(draw_rival, canvas, bgr, answer, answer.rival))
    shown = _shown_considered(answer)
    panels += [partial(draw_considered, canvas, bgr, answer, number) for number in shown]
    return panels


def panel_grid(x: int, y: int, width: int, count: int, frame_ratio: float) -> list[Rect]:
    """Rectangles of ``count`` panels in reading order, each with room for its label below.

    Rows are filled evenly, with two panels at least. Panels have about the shape of the frame,
    whose height is ``frame_ratio`` of its width.
    """
    if count == 0:
        return []
    rows = math.ceil(count / max(width // LEAST_PANEL_WIDTH, 2))
    columns = max(math.ceil(count / rows), 2)
    each_w = (width - GAP * (columns - 1)) // columns
    each_h = min(round(each_w * min(max(frame_ratio, 0.5), 0.9)), MAX_PANEL_HEIGHT)
    step_y = each_h + LABEL_HEIGHT + GAP
    return [
        (x + (each_w + GAP) * (k % columns), y + step_y * (k // columns), each_w, each_h)
        for k in range(count)
    ]


def _thumb_row(x: int, y: int, count: int, width: int) -> list[Rect]:
    """Rectangles of small panels, as many as fit."""
    each_w, each_h = THUMB_WH
    count = min(count, (width + GAP) // (each_w + GAP))
    return [(x + (each_w + GAP) * k, y, each_w, each_h) for k in range(count)]


def _mark_frame(canvas: Canvas, main: View, answer: Grounding) -> None:
    """Every window (other than the frame itself), the rival and the last box, on the frame."""
    objects = (answer.xyxy, None if answer.rival is None else answer.rival.xyxy)
    shown = list(main.to_canvas([box for box in objects if box is not None]))
    label = partial(_chip, canvas, shown, [])
    if answer.abandoned:
        windows = main.to_canvas([zoom.window_xyxy for zoom in answer.abandoned])
        canvas.faint_boxes(windows, WHITE, 0.8)
        label(windows[0], "given up", GREY)
    for number in _shown_steps(answer):
        zoom = answer.zooms[number - 1]
        if not is_whole_frame(zoom.window_xyxy, answer.frame_wh):
            window = main.to_canvas(zoom.window_xyxy)
            canvas.box(window, step_color(number), 2)
            label(window, str(number), step_color(number))
    if answer.considered:
        others = main.to_canvas([each.xyxy for each in answer.considered[1:]])
        canvas.faint_boxes(others, CANDIDATE)
    if answer.rival is not None:
        rival = main.to_canvas(answer.rival.xyxy)
        canvas.box(rival, RIVAL, 2)
        label(rival, f"rival {answer.rival.score:.2f}", RIVAL)
    if answer.xyxy is not None:
        box, color = main.to_canvas(answer.xyxy), verdict_color(answer)
        canvas.box(box, color, 2, dashed=not answer.found)
        label(box, f"{answer.score:.2f}", color)


def _chip(
    canvas: Canvas,
    objects: Sequence[ArrayLike],
    labels: list[ArrayLike],
    box: ArrayLike,
    text: str,
    color: Color,
) -> None:
    """A label at a corner of a box, off the labels so far, and off the objects where that can be;
    none where the canvas is smaller than it."""
    x1, y1, x2, y2 = as_boxes(box).tolist()
    width, height = chip_size(text, CHIP_SIZE)
    rows, columns = canvas.image.shape[:2]
    if width > columns or height > rows:
        return
    above, below, right = y1 - height - 4, y2 + 4, x2 + 2 - width
    corners = [(x1 - 2, above), (right, above), (x1 - 2, below), (right, below)]
    corners += [(x, y) for x in (x1 - width - 4, x2 + 4) for y in (y1 - 2, y2 + 2 - height)]
    inside = [(min(max(x, 0), columns - width), min(max(y, 0), rows - height)) for x, y in corners]
    places = [(x, y, x + width, y + height) for x, y in inside]
    chosen = min(places, key=lambda place: (_covered(place, labels), _covered(place, objects)))
    labels.append(chosen)
    canvas.chip(chosen[0], chosen[1], text, color, INK, CHIP_SIZE)


def _covered(place: ArrayLike, others: Sequence[ArrayLike]) -> float:
    """Area that a place shares with other boxes."""
    return sum(float(intersection(place, other)) for other in others)
