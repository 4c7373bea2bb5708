"""A recorded answer beside that of asking again: what is the same, and what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sdk.geometry import iou
from sdk.replay.bundle import Bundle
from sdk.results.grounding import Grounding

# Two runs of one engine on one machine agree to the last bit, and a bundle's rounding costs a
# thousandth of a pixel. Other runtimes add up in another order, hence some room; our choice.
SAME_IOU = 0.99
SAME_SCORE = 0.01


@dataclass(frozen=True)
class Row:
    """One line of a comparison.

    Attributes:
        what: what was compared.
        recorded: the value of the recorded answer, in words.
        again: that of the new one.
        same: whether they agree; None: not compared.
        note: by how much they differ, or why they were not compared.
    """

    what: str
    recorded: str
    again: str
    same: bool | None
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """How an answer compares with the recorded one.

    Attributes:
        ref: the expression.
        rows: what was compared, one after the other.
    """

    ref: str
    rows: tuple[Row, ...]

    @property
    def same(self) -> bool:
        """Whether nothing that was compared differs."""
        return all(row.same is not False for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"ref": self.ref, "same": self.same, "rows": [vars(row) for row in self.rows]}


def compare(recorded: Grounding, again: Grounding) -> Comparison:
    """Compares two answers to one expression.

    Of a search that a deadline stopped, only the steps that were taken are compared with the first
    ones of the other: where a deadline strikes depends on the machine, not on the question.

    Args:
        recorded: the answer of the bundle.
        again: the new one, to the same expression on the same frame.

    Returns:
        One row for the decision, the score, the number of steps, the windows, boxes and scores of
        each step, the box and the time. Boxes agree from an IoU of 0.99 on, scores within 0.01.
    """
    stopped = not recorded.complete
    rows = [
        Row(
            "decision",
            _decision(recorded),
            _decision(again),
            None if stopped else recorded.found == again.found,
            "stopped by the deadline" if stopped else "",
        ),
        _score_row("score", recorded.score, again.score, compared=not stopped),
        _steps_row("steps", len(recorded.zooms), len(again.zooms), at_least=stopped),
    ]
    if recorded.abandoned or again.abandoned:
        rows.append(_steps_row("given up", len(recorded.abandoned), len(again.abandoned)))
    for number, (left, right) in enumerate(zip(recorded.zooms, again.zooms, strict=False), 1):
        rows.append(_box_row(f"window {number}", left.window_xyxy, right.window_xyxy))
        rows.append(_box_row(f"choice {number}", left.xyxy, right.xyxy))
        rows.append(_score_row(f"raw score {number}", left.raw_score, right.raw_score))
    if not stopped:
        rows.append(_box_row("box", recorded.xyxy, again.xyxy))
    spent, spent_again = recorded.timing_ms["total"], again.timing_ms["total"]
    rows.append(Row("time", f"{spent:.1f} ms", f"{spent_again:.1f} ms", None))
    return Comparison(recorded.ref, tuple(rows))


def engine_row(bundle: Bundle, name: str, fingerprint: str) -> Row:
    """Whether an engine is the one of a bundle; another one makes no answer different by itself."""
    said = f"{bundle.engine['name']}@{bundle.engine['fingerprint']}"
    same = bundle.engine["fingerprint"] == fingerprint
    note = "" if same else "another engine"
    return Row("engine", said, f"{name}@{fingerprint}", True if same else None, note)


def _decision(answer: Grounding) -> str:
    return "found" if answer.found else "not found"


def _score_row(what: str, left: float, right: float, *, compared: bool = True) -> Row:
    same = abs(right - left) <= SAME_SCORE if compared else None
    note = "" if same else f"{right - left:+.4f}"
    return Row(what, f"{left:.4f}", f"{right:.4f}", same, note)


def _steps_row(what: str, left: int, right: int, *, at_least: bool = False) -> Row:
    return Row(what, str(left), str(right), right >= left if at_least else right == left)


def _box_row(what: str, left: ArrayLike | None, right: ArrayLike | None) -> Row:
    if left is None or right is None:
        return Row(what, _box(left), _box(right), left is right)
    overlap = float(iou(left, right))
    return Row(what, _box(left), _box(right), overlap >= SAME_IOU, f"IoU {overlap:.4f}")


def _box(box: ArrayLike | None) -> str:
    return "none" if box is None else " ".join(f"{v:.1f}" for v in np.asarray(box).tolist())
