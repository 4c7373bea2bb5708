"""The words of a picture of a search: the expression, the verdict, what else there is to say."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from sdk.results.grounding import Grounding
from sdk.visual.canvas import Canvas, Color, chip_size, shorten, text_width, wrap_text
from sdk.visual.panels import GREY, INK, REJECTED, RIVAL, STEPS, WHITE, verdict_color

VERDICT_WIDTH = 400  # beside the expression
WIDE = 1200  # from this width on the verdict stands beside the expression, else below it
SHORT, LONG = (34, 2), (26, 4)  # letter size and lines of an expression
NOTE_SIZE, NOTE_HEIGHT = 20, 32


@dataclass(frozen=True)
class Caption:
    """Text set for a column ``width`` canvas pixels wide; ``height`` is what it takes."""

    answer: Grounding
    width: int
    size: int
    lines: tuple[str, ...]
    notes: tuple[tuple[str, Color], ...]

    @property
    def beside(self) -> bool:
        """Whether the verdict stands beside the expression."""
        return self.width >= WIDE

    @property
    def height(self) -> int:
        """Canvas pixels from the top to the end of the last line."""
        notes = NOTE_HEIGHT * len(self.notes) + (8 if self.notes else 0)
        if self.beside:
            return max(self._lines_height, 76) + notes
        return self._lines_height + 62 + notes

    @property
    def _lines_height(self) -> int:
        return round(1.3 * self.size) * len(self.lines) + 8

    def draw(self, canvas: Canvas, x: int, y: int) -> None:
        """Draws it with its top left corner at ``(x, y)``."""
        step = round(1.3 * self.size)
        for number, line in enumerate(self.lines):
            canvas.text(x, y + self.size + step * number, line, self.size, WHITE, weight=500)
        verdict, facts = _verdict(self.answer), _facts(self.answer)
        chip_w, chip_h = chip_size(verdict, 30)
        color = verdict_color(self.answer)
        if self.beside:
            right = x + self.width
            canvas.chip(right - chip_w, y, verdict, color, INK, 30)
            facts = shorten(facts, 18, VERDICT_WIDTH)
            canvas.text(right - text_width(facts, 18), y + chip_h + 24, facts, 18, GREY)
        else:
            top = y + self._lines_height + 6
            canvas.chip(x, top, verdict, color, INK, 30)
            facts = shorten(facts, 18, self.width - chip_w - 16)
            canvas.text(x + chip_w + 16, top + 31, facts, 18, GREY)
        baseline = y + self.height - NOTE_HEIGHT * len(self.notes) + NOTE_SIZE
        for number, (note, color) in enumerate(self.notes):
            below = baseline + NOTE_HEIGHT * number
            canvas.fill((x, below - 15, 5, 18), color)
            canvas.text(x + 16, below, note, NOTE_SIZE, WHITE)


def set_caption(answer: Grounding, width: int) -> Caption:
    """Breaks the words of an answer into lines for a column ``width`` canvas pixels wide."""
    room = width - VERDICT_WIDTH if width >= WIDE else width
    ref = unicodedata.normalize("NFC", f"“{answer.ref}”")  # the font has no combining marks
    size, count = SHORT
    lines = wrap_text(ref, size, room, count + 1, weight=500)
    if len(lines) > count:
        size, count = LONG
        lines = wrap_text(ref, size, room, count, weight=500)
    notes = [
        (line, color)
        for text, color in _notes(answer)
        for line in wrap_text(text, NOTE_SIZE, width - 16, 2)
    ]
    return Caption(answer, width, size, tuple(lines), tuple(notes))


def _verdict(answer: Grounding) -> str:
    return f"{'found' if answer.found else 'not found'}  {answer.score:.2f}"


def _facts(answer: Grounding) -> str:
    steps = _steps(len(answer.zooms))
    return f"{steps} · {answer.timing_ms['total']:.0f} ms · {answer.engine}"


def _notes(answer: Grounding) -> list[tuple[str, Color]]:
    """What else there is to say of an answer, each with a colour."""
    notes = []
    if not answer.found:
        notes.append((f"not found: {answer.reason}", REJECTED))
    if not answer.complete:
        notes.append(("incomplete: the deadline stopped the search", STEPS[1]))
    if answer.rival is not None:
        score = answer.rival.score
        notes.append((f"ambiguous: another candidate has the score {score:.2f}", RIVAL))
    if answer.abandoned:
        steps = _steps(len(answer.abandoned))
        notes.append((f"the warm start was given up after {steps}", GREY))
    if answer.unknown_words:
        notes.append((f"unknown to the engine: {', '.join(answer.unknown_words)}", GREY))
    return notes


def _steps(count: int) -> str:
    return f"{count} step" + ("" if count == 1 else "s")
