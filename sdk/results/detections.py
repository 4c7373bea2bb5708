"""``Detections``: everything that a detector finds in one frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdk.checks import Whole, check_path, check_whole
from sdk.errors import InputError
from sdk.extras import extras_named
from sdk.frame import check_frame, write_image
from sdk.nv12 import Nv12
from sdk.results.grounding import PickledWithoutPixels

if TYPE_CHECKING:
    import supervision

SCHEMA = "piza-edge/detections/1"

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Detections(PickledWithoutPixels):
    """The objects of one frame, best first.

    A pickle does not carry the frame, as that of a ``Grounding``.

    Attributes:
        xyxy: ``(N, 4)`` float32 frame pixels, never rounded.
        scores: ``(N,)`` float32 in 0..1, as the engine is calibrated.
        labels: ``(N,)`` int64, indices into ``names``.
        names: the classes that the detector knows.
        own_scores: ``(N,)`` float32, the detector's own, before anything corrected them.
        frame_wh: width and height of the frame, pixels.
        engine: the engine's name and fingerprint, ``NAME@FINGERPRINT``.
        timing_ms: milliseconds of the call, in all (``total``) and by stage.
        color: the frame's channel order, ``"bgr"`` or ``"rgb"``.
        frame: ``(h, w, 3)`` uint8, a reference, so that ``plot`` needs no argument.
    """

    PIXELS = "frame"

    xyxy: Float32
    scores: Float32
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    own_scores: Float32
    frame_wh: tuple[int, int]
    engine: str
    timing_ms: Mapping[str, float]
    color: str = "bgr"
    frame: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __repr__(self) -> str:
        shown = ", ".join(f"{self.label(k)} {self.scores[k]:.2f}" for k in range(len(self))[:5])
        return f"Detections({len(self)}: {shown}{', ...' if len(self) > 5 else ''})"

    def label(self, index: int) -> str:
        """The name of the class of one object.

        Args:
            index: of the object.
        """
        return self.names[int(self.labels[index])]

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values: the object that ``to_json`` writes.

        ``schema`` names its shape. Boxes are rounded to a thousandth of a pixel, scores to 6
        digits.
        """
        return {
            "schema": SCHEMA,
            "objects": [
                {
                    "label": self.label(index),
                    "score": round(float(self.scores[index]), 6),
                    "own_score": round(float(self.own_scores[index]), 6),
                    "xyxy": [round(float(value), 3) for value in self.xyxy[index]],
                }
                for index in range(len(self))
            ],
            "frame_wh": list(self.frame_wh),
            "timing_ms": {stage: round(ms, 3) for stage, ms in self.timing_ms.items()},
            "engine": self.engine,
        }

    def to_json(self, indent: Whole | None = None) -> str:
        """``to_dict`` as JSON text in ASCII.

        Args:
            indent: blanks a level, 0 to 16; None writes one line.

        Raises:
            InputError: ``indent`` is something else.
        """
        blanks = None if indent is None else check_whole(indent, "indent", 0, 16)
        return json.dumps(self.to_dict(), indent=blanks, allow_nan=False)

    def to_supervision(self) -> supervision.Detections:
        """As ``supervision.Detections``; ``data["class_name"]`` has the names.

        Raises:
            PizaError: the package supervision is not installed (``piza-edge[supervision]``).
        """
        with extras_named():
            import supervision
        return supervision.Detections(
            xyxy=np.array(self.xyxy, np.float32).reshape(-1, 4),
            confidence=np.array(self.scores, np.float32),
            class_id=np.array(self.labels, np.int64),
            data={"class_name": np.array([self.label(k) for k in range(len(self))], np.str_)},
        )

    def summary(self) -> str:
        """A line an object, for people."""
        rows = [
            f"{self.label(k)} at {' '.join(f'{v:.1f}' for v in self.xyxy[k])}"
            f" (score {self.scores[k]:.3f})"
            for k in range(len(self))
        ]
        return "\n".join([*(rows or ["nothing found"]), f"{self.timing_ms['total']:.0f} ms"])

    def plot(self, frame: NDArray[Any] | Nv12 | None = None) -> NDArray[np.uint8]:
        """The frame with its objects, a colour a class.

        Args:
            frame: of these objects, ``(h, w, 3)`` uint8; by default the one looked at.

        Returns:
            A new picture of its size, in its own colour order.

        Raises:
            InputError: the frame is of another size, or there is none any more.
        """
        from sdk.visual.overlay import draw_detections

        chosen = self.frame if frame is None else frame
        if chosen is None:
            raise InputError("expected the frame: these detections do not hold it any more")
        chosen = check_frame(chosen)
        if (chosen.shape[1], chosen.shape[0]) != self.frame_wh:
            raise InputError(
                f"expected the {self.frame_wh[0]}x{self.frame_wh[1]} frame of these detections,"
                f" got one of {chosen.shape[1]}x{chosen.shape[0]}"
            )
        picture = draw_detections(chosen, self)
        return np.ascontiguousarray(picture[:, :, ::-1]) if self.color == "rgb" else picture

    def save(self, path: str | Path, frame: NDArray[Any] | Nv12 | None = None) -> None:
        """Writes them, as JSON or as the picture of ``plot``.

        Args:
            path: the file; ``.json``, or an image suffix such as ``.jpg`` or ``.png``.
            frame: as for ``plot``; JSON needs none.

        Raises:
            InputError: the suffix is none of these, the file cannot be written, or as ``plot``.
        """
        target = check_path(path, "the file to write")
        if target.suffix.lower() != ".json":
            write_image(target, self.plot(frame), color=self.color)
            return
        try:
            target.write_text(self.to_json(indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {target}: {error.strerror or error}") from error
