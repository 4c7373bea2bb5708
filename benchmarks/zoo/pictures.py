"""The same few questions, answered by everybody, as a table of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Rectangle

from benchmarks.plots.style import GREEN, RED, TEXT, blank, save
from evaluation.metrics import RIGHT_IOU
from sdk.frame import read_image
from sdk.geometry import as_boxes, iou

if TYPE_CHECKING:
    from benchmarks.zoo.askers import Asker
    from benchmarks.zoo.data import Question

COUNT = 5
_ACROSS = 7  # pictures side by side; a question with more answers has more rows
_WIDTH, _HEIGHT = 1.7, 1.2  # inches of each


def draw_answers(askers: Sequence[Asker], questions: Sequence[Question], path: Path) -> None:
    """Asks, and draws what everybody shows: green where it is right, red where it is not; the
    target has a thin white box.

    Args:
        askers: a picture of each for each question.
        questions: what to ask.
        path: a .png file.
    """
    rows = -(-len(askers) // _ACROSS)
    figure = blank(_WIDTH * min(len(askers), _ACROSS), _HEIGHT * rows * len(questions) + 0.2)
    bands = figure.subfigures(len(questions), 1, squeeze=False)[:, 0]
    for band, question in zip(bands, questions, strict=True):
        frame = read_image(question.image)
        band.suptitle(fill(question.ref, 110), x=0.01, ha="left", fontsize=8, color=TEXT)
        cells = band.subplots(rows, min(len(askers), _ACROSS), squeeze=False).ravel()
        for axes in cells:
            axes.set_axis_off()
        for axes, asker in zip(cells, askers, strict=False):
            asker.show(question)
            answer = asker.grounder.locate(frame, question.ref)
            axes.imshow(frame[::2, ::2, ::-1], extent=(0, frame.shape[1], frame.shape[0], 0))
            axes.add_patch(_outline(question.target_xyxy, "white", 0.6))
            axes.set_title(asker.pipeline, fontsize=6, color=TEXT, pad=2)
            if answer.xyxy is None:
                continue
            overlap = float(iou(as_boxes(answer.xyxy), as_boxes(question.target_xyxy)))
            axes.add_patch(_outline(answer.xyxy, GREEN if overlap >= RIGHT_IOU else RED, 1.4))
    save(figure, path)


def _outline(xyxy: Any, colour: str, width: float) -> Rectangle:
    x1, y1, x2, y2 = (float(side) for side in xyxy)
    return Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=width)
