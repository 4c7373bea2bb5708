"""What a search gives back: ``Candidates`` of a step, a ``Zoom``, a ``Rival``, a ``Grounding``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError

if TYPE_CHECKING:
    import supervision

    from sdk.checks import Whole
    from sdk.nv12 import Nv12

SCHEMA = "piza-edge/grounding/3"

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Candidates:
    """What the ground network says about one window, best first.

    Attributes:
        boxes_unit: ``(K, 4)`` float32 xyxy, as shares of the network input's width and height.
        scores: ``(K,)`` float32 in 0..1, the network's own, not calibrated.
        meanings: ``(N, T)`` float32 logits, how far each location of the network's grid is what the
            word of each token means by itself; None of a network that does not tell.
    """

    boxes_unit: Float32
    scores: Float32
    meanings: Float32 | None = None

    def __repr__(self) -> str:
        best = f", best score {self.scores[0]:.3f}" if len(self.scores) else ""
        return f"Candidates({len(self.scores)}{best})"


@dataclass(frozen=True, eq=False)
class Zoom:
    """One step of the search. All boxes are xyxy float32 frame pixels.

    Attributes:
        window_xyxy: ``(4,)`` what the step looked at.
        xyxy: ``(4,)`` the box that it chose.
        raw_score: of that box, 0..1, the network's own, not calibrated; what the sentence claims is
            weighed in, where it claims anything that can be told (see ``sdk.zoom.claims``).
        candidates_xyxy: ``(K, 4)`` everything that the network offered, clipped to the window,
            best first; a box that was not finite is NaN. Empty in an answer read from a bundle.
        candidates_scores: ``(K,)`` float32, theirs.
        progress: the scalar that conditioned the step, 0..1; None where nothing conditions it.
        stop_probability: how sure the box-history encoder is after the step, 0..1, that ``xyxy``
            is the object and not only the next window; None where there is no such encoder.
    """

    window_xyxy: Float32
    xyxy: Float32
    raw_score: float
    candidates_xyxy: Float32
    candidates_scores: Float32
    progress: float | None = None
    stop_probability: float | None = None

    def __repr__(self) -> str:
        return (
            f"Zoom(window {_box_text(self.window_xyxy)}, box {_box_text(self.xyxy)},"
            f" raw score {self.raw_score:.3f})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, without the candidates that were not chosen.

        Returns:
            Boxes as lists of 4, rounded to a thousandth of a pixel; the rest to 6 digits.
        """
        return {
            "window_xyxy": _numbers(self.window_xyxy),
            "xyxy": _numbers(self.xyxy),
            "raw_score": round(self.raw_score, 6),
            "progress": _digits(self.progress),
            "stop_probability": _digits(self.stop_probability),
        }


@dataclass(frozen=True, eq=False)
class Rival:
    """A second candidate nearly as good as the answer, elsewhere: the expression is ambiguous.

    Attributes:
        xyxy: ``(4,)`` float32 frame pixels.
        score: 0..1, comparable with ``Grounding.score``.
    """

    xyxy: Float32
    score: float

    def __repr__(self) -> str:
        return f"Rival({_box_text(self.xyxy)}, score {self.score:.3f})"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, rounded as those of ``Zoom.to_dict``."""
        return {"xyxy": _numbers(self.xyxy), "score": round(self.score, 6)}


@dataclass(frozen=True, eq=False)
class Considered:
    """A proposal that was weighed against others: what it is, and what spoke for it.

    Attributes:
        xyxy: ``(4,)`` float32 frame pixels.
        score: what it came to, 0..1, comparable with ``Grounding.score``.
        label: what its proposer takes it for, ``"car"``.
        parts: what the sentence asks for (``"kind"``, ``"colour"``, ``"relation"``, ...), and how
            far the proposal has it, 0..1.
    """

    xyxy: Float32
    score: float
    label: str
    parts: Mapping[str, float]

    def __repr__(self) -> str:
        said = ", ".join(f"{name} {value:.2f}" for name, value in self.parts.items())
        return f"Considered({self.label!r}, {_box_text(self.xyxy)}, score {self.score:.3f}: {said})"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, rounded as those of ``Zoom.to_dict``."""
        return {
            "xyxy": _numbers(self.xyxy),
            "score": round(self.score, 6),
            "label": self.label,
            "parts": {name: round(value, 6) for name, value in self.parts.items()},
        }


class PickledWithoutPixels:
    """A dataclass that is copied as it is, and pickled without the array in its field ``PIXELS``,
    which is a hundred times as large as the rest and is known where it is sent, as a rule."""

    PIXELS: ClassVar[str]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != self.PIXELS}

    def __copy__(self) -> Self:
        return self._with(vars(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._with({name: deepcopy(value, memo) for name, value in vars(self).items()})

    def _with(self, values: Mapping[str, Any]) -> Self:
        copied = object.__new__(type(self))
        vars(copied).update(values)
        return copied


@dataclass(frozen=True, eq=False)
class Grounding(PickledWithoutPixels):
    """The answer to one expression on one frame.

    A pickle does not carry the frame: ``frame`` is None then, and ``plot(frame)`` takes it; pickle
    ``(answer, answer.frame)`` to send both.

    Attributes:
        ref: the expression, as it was asked.
        found: the search ended as it should, and ``score`` reached the threshold.
        score: calibrated probability that the box is right (IoU of at least 0.5), 0..1.
        xyxy: ``(4,)`` float32 frame pixels, never rounded: the last box. One that was not good
            enough is still given; None means that there was none.
        zooms: the steps of the search that gave the answer.
        frame_wh: width and height of the frame, pixels.
        engine: the engine's name and fingerprint, ``NAME@FINGERPRINT``.
        timing_ms: milliseconds of the whole call, in all (``total``) and by stage (``crop``,
            ``text``, ``image``, ``ground``, ``host``); the answers of one call share them.
        reason: why the object was not found, in words; None when it was.
        unknown_words: those that the engine's vocabulary does not have.
        color: the frame's channel order, ``"bgr"`` or ``"rgb"``.
        frame: ``(h, w, 3)`` uint8, the array that was searched (a reference, not a copy), kept so
            that ``plot`` and ``save`` need no argument.
        complete: False when a deadline stopped the search: ``xyxy`` is the best box so far.
        rival: a second candidate nearly as good, elsewhere in the frame; None: there is none.
        abandoned: the steps of a warm start that was given up before the search began again.
        first_score: the raw score of an earlier frame's first look, which a warm search
            goes on from and ``score`` takes into account; None where a search stands by itself.
        considered: proposals that were weighed, best first, where the family weighs any.
    """

    PIXELS = "frame"

    ref: str
    found: bool
    score: float
    xyxy: Float32 | None
    zooms: tuple[Zoom, ...]
    frame_wh: tuple[int, int]
    engine: str
    timing_ms: Mapping[str, float]
    reason: str | None = None
    unknown_words: tuple[str, ...] = ()
    color: str = "bgr"
    frame: NDArray[np.uint8] | None = field(default=None, repr=False)
    complete: bool = True
    rival: Rival | None = None
    abandoned: tuple[Zoom, ...] = ()
    first_score: float | None = None
    considered: tuple[Considered, ...] = ()

    def __repr__(self) -> str:
        box = "no box" if self.xyxy is None else f"box {_box_text(self.xyxy)}"
        verdict = "found" if self.found else "not found" if self.complete else "incomplete"
        return (
            f"Grounding({_shortened(repr(self.ref))}, {verdict}, score {self.score:.3f}, {box},"
            f" {len(self.zooms)} step{'s' * (len(self.zooms) != 1)})"
        )

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain Python values: the object that ``to_json`` writes.

        ``schema`` names its shape, which ``sdk/schemas/grounding-3.json`` states as JSON Schema.

        Returns:
            Dicts, lists, numbers, texts, None; boxes as lists of 4 frame pixels, rounded to a
            thousandth. The frame is not in it, nor are the candidates that were not chosen.
        """
        return {
            "schema": SCHEMA,
            "ref": self.ref,
            "found": self.found,
            "complete": self.complete,
            "reason": self.reason,
            "score": round(self.score, 6),
            "xyxy": None if self.xyxy is None else _numbers(self.xyxy),
            "rival": None if self.rival is None else self.rival.to_dict(),
            "frame_wh": list(self.frame_wh),
            "zooms": [zoom.to_dict() for zoom in self.zooms],
            "abandoned": [zoom.to_dict() for zoom in self.abandoned],
            "first_score": _digits(self.first_score),
            "considered": [each.to_dict() for each in self.considered],
            "unknown_words": list(self.unknown_words),
            "timing_ms": {stage: round(ms, 3) for stage, ms in self.timing_ms.items()},
            "engine": self.engine,
        }

    def to_supervision(self) -> supervision.Detections:
        """The box as ``supervision.Detections``: one detection, or none when there is no box.

        ``confidence`` is the score, ``class_id`` 0, ``data["class_name"]`` the expression. A box
        that was not good enough is in it too, as ``data["found"]`` says:
        ``detections[detections.data["found"]]`` leaves it out.

        Raises:
            PizaError: the package supervision is not installed (``piza-edge[supervision]``).
        """
        from sdk.results.interop import to_supervision

        return to_supervision(self)

    def to_vision_msgs(
        self, frame_id: str = "camera", stamp: tuple[Whole, Whole] = (0, 0)
    ) -> dict[str, Any]:
        """The answer shaped as ROS 2's ``vision_msgs/msg/Detection2DArray`` (vision_msgs 4.x).

        An object that was found is one detection: ``results[0].hypothesis`` has the expression
        as ``class_id`` and the score, ``bbox`` is in frame pixels, ``id`` is empty and the pose,
        which nobody measured, the identity with a covariance of zeros. The message has no place
        to say "not found", so that such an answer is an array without detections.

        Args:
            frame_id: the coordinate frame, as the image's own header names it.
            stamp: the image's time as ``(sec, nanosec)`` (``builtin_interfaces/msg/Time``: int32,
                and 0 to 999,999,999).

        Returns:
            Plain dicts, lists, numbers and strings, in the order of the message's fields.

        Raises:
            InputError: ``stamp`` or ``frame_id`` is something else.
        """
        from sdk.results.interop import to_vision_msgs

        return to_vision_msgs(self, frame_id, stamp)

    def to_json(self, indent: Whole | None = None) -> str:
        """``to_dict`` as JSON text.

        Args:
            indent: blanks a level, 0 to 16; None writes one line.

        Returns:
            Text in ASCII.

        Raises:
            InputError: ``indent`` is something else.
        """
        from sdk.checks import check_whole

        blanks = None if indent is None else check_whole(indent, "indent", 0, 16)
        return json.dumps(self.to_dict(), indent=blanks, allow_nan=False)

    def summary(self) -> str:
        """The answer in a line or two, for people."""
        box = "" if self.xyxy is None else " at " + " ".join(f"{v:.1f}" for v in self.xyxy)
        verdict = f"found{box}" if self.found else f"not found: {self.reason}"
        steps, total = len(self.zooms), self.timing_ms["total"]
        return f"{self.ref}\n{verdict} (score {self.score:.3f}, {steps} steps, {total:.0f} ms)"

    def plot(self, frame: NDArray[Any] | Nv12 | None = None) -> NDArray[np.uint8]:
        """A picture of the search: the frame with every window, a film strip of the zooms.

        Args:
            frame: the frame of this answer, ``(h, w, 3)`` uint8; by default the one searched.

        Returns:
            A new picture ``(h', w', 3)`` uint8, in the frame's own colour order.

        Raises:
            InputError: the frame is not one of this answer's size, or the answer does not hold
                it any more and none was given.
        """
        from sdk.visual.search_picture import draw_grounding

        return draw_grounding(self._frame(frame), self)

    def save(self, path: str | Path, frame: NDArray[Any] | Nv12 | None = None) -> None:
        """Writes the answer, as JSON or as the picture of ``plot``.

        Args:
            path: the file; ``.json`` for JSON, or an image suffix such as ``.jpg`` or ``.png``.
            frame: as for ``plot``; JSON needs none.

        Raises:
            InputError: the suffix is none of these, the file cannot be written, or as ``plot``.
        """
        from sdk.checks import check_path

        target = check_path(path, "the file to write")
        if target.suffix.lower() == ".json":
            try:
                target.write_text(self.to_json(indent=2) + "\n", encoding="utf-8")
            except OSError as error:
                raise InputError(f"cannot write {target}: {error.strerror or error}") from error
            return
        from sdk.frame import write_image

        write_image(target, self.plot(frame), color=self.color)

    def _frame(self, frame: NDArray[Any] | Nv12 | None) -> NDArray[np.uint8]:
        from sdk.frame import check_frame

        chosen = self.frame if frame is None else frame
        if chosen is None:
            raise InputError("expected the frame: this answer does not hold it any more")
        chosen = check_frame(chosen)
        found_wh = (chosen.shape[1], chosen.shape[0])
        if found_wh != self.frame_wh:
            raise InputError(
                f"expected the {self.frame_wh[0]}x{self.frame_wh[1]} frame of this answer,"
                f" got one of {found_wh[0]}x{found_wh[1]}"
            )
        return chosen


def _box_text(box: Float32) -> str:
    return " ".join(f"{value:.1f}" for value in box)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _digits(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _numbers(box: Float32) -> list[float]:
    return [round(float(v), 3) for v in box]
