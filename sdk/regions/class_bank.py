"""CM-CLIP (RISF, CVIU 2024): a detector's score of a taught class, corrected by how things look.

A class that was learned from ten labels is named with little certainty. An image network that has
read the whole web knows how such things look: the crop of each box is compared with the names of
the taught classes and of background, and the score is a mix of both. Boxes and labels stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.json_reader import JsonReader
from sdk.regions.heads.head import softmax
from sdk.regions.views import View, read_view

NOT_IN_BANK = -1
BACKGROUND = "background"


@dataclass(frozen=True)
class Fusion:
    """How two opinions become one score.

    Attributes:
        alpha: what the detector's own score weighs; the rest is the image network's.
        least: a detector's score that is doubted no more: it is nothing. Only higher ones are
            corrected.
    """

    alpha: float = 0.7
    least: float = 0.05

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_fusion`` reads."""
        return {"alpha": self.alpha, "least": self.least}


def read_fusion(reader: JsonReader) -> Fusion:
    """The fusion that a block of a manifest describes; raises EngineError."""
    return Fusion(
        reader.number("alpha", low=0.0, high=1.0), reader.number("least", low=0.0, high=1.0)
    )


def prompt(name: str) -> str:
    """What the text network is asked for a class, as published.

    Args:
        name: of the class.
    """
    return f"a photo of {name}"


@dataclass(frozen=True)
class ClassBank:
    """The classes whose scores are corrected, and what the image network compares crops with.

    Attributes:
        texts: by the names of the classes.
        background: the text of what is none of them.
        fusion: how both opinions become one score.
        view: how boxes are shown. The published crop is the box itself, squeezed to a square; here
            it is the square round it, and half as much on either side (docs/few-shot.md has what
            other views gave).
    """

    texts: Mapping[str, str]
    background: str = prompt(BACKGROUND)
    fusion: Fusion = field(default_factory=Fusion)
    view: View = field(default_factory=lambda: View("margin", 0.5))

    @property
    def asked(self) -> tuple[str, ...]:
        """All texts, background last."""
        return (*self.texts.values(), self.background)

    def rows(self, names: Sequence[str]) -> NDArray[np.int64]:
        """The row among ``asked`` of each of these classes, ``NOT_IN_BANK`` for others."""
        known = {name: row for row, name in enumerate(self.texts)}
        return np.array([known.get(name, NOT_IN_BANK) for name in names], np.int64)

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_bank`` reads."""
        return {
            "texts": dict(self.texts),
            "background": self.background,
            "fusion": self.fusion.to_mapping(),
            "view": self.view.to_mapping(),
        }


def read_bank(reader: JsonReader) -> ClassBank:
    """The bank that a block of a manifest describes; raises EngineError."""
    texts = reader.part("texts")
    return ClassBank(
        {name: texts.text(name) for name in reader.mapping("texts")},
        reader.text("background"),
        read_fusion(reader.part("fusion")),
        read_view(reader.part("view")),
    )


def corrected(
    scores: NDArray[Any],
    rows: NDArray[Any],
    cosines: NDArray[Any],
    scale: float,
    fusion: Fusion,
) -> NDArray[np.float64]:
    """``alpha s + (1 - alpha) p_k`` for the boxes of taught classes.

    Args:
        scores: ``(N,)`` s, the detector's own.
        rows: ``(N,)`` k, the row of each box's class among the texts; ``NOT_IN_BANK`` for a class
            that is none of them.
        cosines: ``(N, T)`` of each box's crop with each text, background among them.
        scale: of cosines before the softmax over the texts, 100 for CLIP.
        fusion: the weights.

    Returns:
        ``(N,)`` scores; those of other classes, and of ``fusion.least`` and less, as they were.
    """
    own, chosen = np.asarray(scores, np.float64), corrects(scores, rows, fusion)
    likely = softmax(scale * np.asarray(cosines, np.float64))  # stable: the published one overflows
    said = np.take_along_axis(likely, np.maximum(rows, 0)[:, None], axis=1)[:, 0]
    return np.where(chosen, fusion.alpha * own + (1 - fusion.alpha) * said, own)


def corrects(scores: NDArray[Any], rows: NDArray[Any], fusion: Fusion) -> NDArray[np.bool_]:
    """Which boxes are to be looked at, ``(N,)``; the arguments are those of ``corrected``."""
    own = np.asarray(scores)
    return np.asarray((own > fusion.least) & (own <= 1.0) & (rows != NOT_IN_BANK))
