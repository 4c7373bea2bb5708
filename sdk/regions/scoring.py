"""What a scorer is: it weighs the proposals of a frame by what a sentence says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.errors import EngineError
from sdk.frame import ColorOrder
from sdk.regions.clip import Sight
from sdk.regions.proposals import Proposals
from sdk.regions.words.sentence import Sentence

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """One frame, and what sees it.

    Attributes:
        frame: ``(h, w, 3)`` uint8.
        color: its channel order.
        sight: the image and text networks on it, where the engine has them.
    """

    frame: NDArray[np.uint8]
    color: ColorOrder
    sight: Sight | None = None

    @property
    def clip(self) -> Sight:
        """``sight``; raises EngineError where the engine has none."""
        if self.sight is None:
            raise EngineError("the engine has no image and text networks to score with")
        return self.sight


@dataclass(frozen=True, eq=False)
class Weighed:
    """All proposals of a frame, weighed by one scorer.

    Attributes:
        scores: ``(N,)`` in 0..1.
        parts: what they are made of, ``(N,)`` each in 0..1, by name.
        unknown_kind: the noun of the sentence's subject where the detector has no such class.
    """

    scores: Floats
    parts: Mapping[str, Floats]
    unknown_kind: str | None = None


class Scorer(Protocol):
    """Weighs proposals by what a sentence says; a frozen value, which the manifest holds."""

    @property
    def name(self) -> str: ...

    @property
    def uses(self) -> tuple[str, ...]:
        """The networks that it needs, of ``sdk.regions.clip.SIDES``; "text" knows every word."""

    def weigh(self, scene: Scene, proposals: Proposals, sentence: Sentence) -> Weighed:
        """How well the sentence describes each of the proposals, which were made in ``scene``."""

    def to_mapping(self) -> dict[str, Any]:
        """What ``sdk.regions.scorers.read_scorers`` reads, but for the weight."""
