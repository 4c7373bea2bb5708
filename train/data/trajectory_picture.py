"""A picture of zoom trajectories as training draws them: what each step sees and should predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdk.geometry import Boxes, area
from sdk.visual.canvas import Canvas, Color, Picture, View, text_width
from sdk.visual.panels import (
    BACKGROUND,
    CANDIDATE,
    FOUND,
    GREY,
    INK,
    REJECTED,
    STEPS,
    WHITE,
    view_around,
)
from train.models.piza.trajectories import jittered_window, next_box, progress, wandering_window

FRAME_WH, TILE_WH = (640, 360), (360, 360)
TILES = 3
MARGIN, GAP = 32, 18
HEAD_HEIGHT, TITLE_HEIGHT, LABEL_HEIGHT = 118, 44, 58
OTHERS = 24  # windows that the second step might have got instead
MOST_STEPS = 3
CLOSE_UP_FACTOR = 2.6
CONTINUE, END, NOTHING, ANSWER = "CONTINUE", "END", "NOTHING HERE", "ANSWER"


@dataclass(frozen=True)
class Subject:
    """A frame ``(h, w, 3)`` BGR, boxes ``(m, 4)`` xyxy of its objects, the one searched for."""

    frame: Picture
    boxes: Boxes
    target: int
    title: str


@dataclass(frozen=True)
class Step:
    """One step: its window ``(4,)``, the box that it should predict, progress, label."""

    window: Boxes
    wanted: Boxes | None
    progress: float
    label: str


def sample_trajectory(
    target_xyxy: Boxes, frame_wh: tuple[int, int], rng: np.random.Generator
) -> list[Step]:
    """The steps of one search, as training would show them: the frame, a sampled first window,
    and further windows until the target is the box to predict."""
    windows = [np.array([0.0, 0.0, *frame_wh]), jittered_window(target_xyxy, frame_wh, rng)]
    steps: list[Step] = []
    while len(steps) < MOST_STEPS:
        window = windows[len(steps)]
        wanted = next_box(target_xyxy, window, frame_wh)
        ends = bool(np.array_equal(wanted, target_xyxy))
        done = progress(window, target_xyxy, frame_wh)
        steps.append(Step(window, wanted, done, END if ends else CONTINUE))
        if ends:
            break
        if len(steps) == len(windows):
            windows.append(wanted)
    return steps


def trajectories_picture(subjects: Sequence[Subject], seed: int) -> Picture:
    """One row a subject; the same seed gives the same picture (BGR)."""
    width = 2 * MARGIN + FRAME_WH[0] + TILES * (TILE_WH[0] + GAP)
    height = TITLE_HEIGHT + FRAME_WH[1] + LABEL_HEIGHT
    canvas = Canvas(width, HEAD_HEIGHT + len(subjects) * height, BACKGROUND)
    _head(canvas)
    for number, subject in enumerate(subjects):
        rng = np.random.default_rng((seed, number))
        _row(canvas, subject, HEAD_HEIGHT + number * height, rng)
    return canvas.image


def _head(canvas: Canvas) -> None:
    canvas.text(MARGIN, 58, "Sampled zoom trajectories", 30, WHITE, 600)
    note = (
        "a number: a step and its window · dashed: what the step should predict · thin: other"
        " windows that the second step might have got · last column: after a wrong first step"
    )
    canvas.text(MARGIN, 94, note, 18, GREY)


def _row(canvas: Canvas, subject: Subject, top: int, rng: np.random.Generator) -> None:
    target = subject.boxes[subject.target]
    frame_wh = (subject.frame.shape[1], subject.frame.shape[0])
    steps = sample_trajectory(target, frame_wh, rng)
    others = np.stack([jittered_window(target, frame_wh, rng) for _ in range(OTHERS)])
    stray = wandering_window(np.delete(subject.boxes, subject.target, 0), target, frame_wh, rng)
    canvas.text(MARGIN, top + 30, subject.title, 20, WHITE, 500)
    ratio = area(target) / (frame_wh[0] * frame_wh[1])
    sides = target[2:] - target[:2]
    note = f"{sides[0]:.0f} × {sides[1]:.0f} px, {100 * ratio:.3f} % of the frame"
    canvas.text(MARGIN + text_width(subject.title, 20, 500) + 16, top + 30, note, 18, GREY)
    top += TITLE_HEIGHT
    _frame(canvas, subject, steps, others, stray, top)
    places = [(MARGIN + FRAME_WH[0] + GAP + k * (TILE_WH[0] + GAP), top) for k in range(TILES)]
    for number, step in enumerate(steps[1:], start=2):
        _tile(canvas, subject.frame, step, str(number), _color(number), places[number - 2])
    if len(steps) <= TILES - 1:
        answer = Step(target, None, 1.0, ANSWER)
        _tile(canvas, subject.frame, answer, "target", FOUND, places[-2], CLOSE_UP_FACTOR)
    if stray is not None:
        lost = Step(stray, None, progress(stray, target, frame_wh), NOTHING)
        _tile(canvas, subject.frame, lost, "stray", REJECTED, places[-1])


def _frame(
    canvas: Canvas,
    subject: Subject,
    steps: Sequence[Step],
    others: Boxes,
    stray: Boxes | None,
    top: int,
) -> None:
    """The first step: the whole frame, with the windows of all others."""
    height, width = subject.frame.shape[:2]
    scale = min(FRAME_WH[0] / width, FRAME_WH[1] / height)
    shown = (max(round(width * scale), 1), max(round(height * scale), 1))
    view = View((0, 0, width, height), (MARGIN, top, *shown))
    canvas.show(subject.frame, view)
    canvas.faint_boxes(view.to_canvas(others), CANDIDATE)
    if stray is not None:
        canvas.box(view.to_canvas(stray), REJECTED, 2)
    for number, step in enumerate(steps[1:], start=2):
        canvas.box(view.to_canvas(step.window), _color(number), 2)
    if steps[0].wanted is not None:
        canvas.box(view.to_canvas(steps[0].wanted), _color(1), 2, dashed=True)
    _label(canvas, steps[0], "1", _color(1), MARGIN, top + FRAME_WH[1], FRAME_WH[0])


def _tile(
    canvas: Canvas,
    frame: Picture,
    step: Step,
    name: str,
    color: Color,
    at: tuple[int, int],
    factor: float = 1.06,
) -> None:
    """What a later step looks at; ``factor``: sides of the picture in sides of the window."""
    view = view_around(step.window, factor, 1.0, frame.shape[:2], (*at, *TILE_WH))
    canvas.show(frame, view)
    window = view.to_canvas(step.window)
    if step.label != ANSWER:
        canvas.dim_around(window, view.rect_xywh, 0.55)
    canvas.box(window, color, 2)
    if step.wanted is not None:
        wanted = FOUND if step.label == END else color
        canvas.box(view.to_canvas(step.wanted), wanted, 2, dashed=True)
    _label(canvas, step, name, color, at[0], at[1] + TILE_WH[1], TILE_WH[0])


def _label(
    canvas: Canvas, step: Step, name: str, color: Color, left: int, top: int, width: int
) -> None:
    """The line below: which step, its progress, its label."""
    chip_w, _ = canvas.chip(left, top + 10, name, color, INK, 17)
    canvas.text(left + chip_w + 10, top + 30, f"progress {abs(step.progress):.2f}", 18, GREY)
    fill = {END: FOUND, NOTHING: REJECTED, ANSWER: FOUND}.get(step.label, CANDIDATE)
    label_w = text_width(step.label, 15, 600) + 14
    canvas.chip(left + width - label_w, top + 11, step.label, fill, INK, 15)


def _color(number: int) -> Color:
    return STEPS[(number - 1) % len(STEPS)]
