"""What the viewers of other people show of a stream: frames, windows, boxes, scores.

``.mcap`` is for Foxglove, ``.rrd`` for Rerun. Both have the same marks in the same colours, which
are those of the overlay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from sdk.errors import InputError
from sdk.frame import encode_image
from sdk.results.grounding import Float32, Grounding
from sdk.video.stream import StreamFrame
from sdk.visual.overlay import answer_color, verdict

Rgb = tuple[int, int, int]
Kind = Literal["windows", "rivals", "answers"]
KINDS: tuple[Kind, ...] = ("windows", "rivals", "answers")  # the later ones lie on top


@dataclass(frozen=True)
class Mark:
    """A rectangle on a frame.

    Attributes:
        kind: where a step of the search looked, a second candidate, or what was found.
        xyxy: in float pixels of the frame.
        label: of a window its number, from 1; otherwise the score and the expression.
        rgb: 0..255, one colour for each expression.
    """

    kind: Kind
    xyxy: tuple[float, float, float, float]
    label: str
    rgb: Rgb


class ViewerLog(Protocol):
    """A file that a viewer opens."""

    def write(self, frame: StreamFrame) -> None:
        """Appends a frame and its answers."""

    def close(self) -> None:
        """Finishes the file."""


def viewer_log(path: Path) -> ViewerLog:
    """The log of a viewer, by the file's suffix.

    Raises:
        InputError: another suffix than ``.mcap`` and ``.rrd``, or the file cannot be written.
        MissingRuntimeError: what writes such a file is not installed; its extra is named.
    """
    if path.suffix.lower() == ".mcap":
        from sdk.video.outputs.foxglove_log import FoxgloveLog

        return FoxgloveLog(path)
    if path.suffix.lower() == ".rrd":
        from sdk.video.outputs.rerun_log import RerunLog

        return RerunLog(path)
    raise InputError(f"expected a log ending in .mcap (Foxglove) or .rrd (Rerun), got {path}")


def marks(frame: StreamFrame) -> list[Mark]:
    """What is drawn on a frame, in the order of its answers, the windows of a search first."""
    return [
        mark
        for number, answer in enumerate(frame.answers)
        for mark in _marks_of(answer, answer_rgb(number))
    ]


def _marks_of(answer: Grounding, rgb: Rgb) -> Iterator[Mark]:
    for step, zoom in enumerate(answer.zooms, start=1):
        yield Mark("windows", _four(zoom.window_xyxy), str(step), rgb)
    if answer.rival is not None:
        label = f"{answer.rival.score:.2f}  {answer.ref}"
        yield Mark("rivals", _four(answer.rival.xyxy), label, rgb)
    if answer.found and answer.xyxy is not None:
        yield Mark("answers", _four(answer.xyxy), verdict(answer), rgb)


def _four(xyxy: Float32) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = xyxy.tolist()
    return x1, y1, x2, y2


def answer_rgb(number: int) -> Rgb:
    """The colour of the expression of this number, as the overlay has it."""
    blue, green, red = answer_color(number)
    return red, green, blue


def jpeg(frame: StreamFrame) -> bytes:
    """The frame as a JPEG file, in its own size."""
    return encode_image(frame.image, ".jpg", frame.answers[0].color if frame.answers else "bgr")
