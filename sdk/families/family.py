"""The seam between runtimes, which know networks, and families, which know what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import Manifest
from sdk.frame import ColorOrder
from sdk.results.grounding import Grounding
from sdk.runtime.runtime import Runtime, Signature
from sdk.timing import Deadline
from sdk.zoom.state import Start


@dataclass(frozen=True, eq=False)
class Query:
    """An expression, as a family has understood it.

    Attributes:
        ref: as it was asked.
        meaning: what the family made of it.
        unknown: its words that the engine does not know.
        understood: False when it knows none of them; such a query is answered, but not searched.
    """

    ref: str
    meaning: Any
    unknown: tuple[str, ...] = ()
    understood: bool = True


@dataclass(frozen=True, eq=False)
class Call:
    """One call of ``Grounder.locate``, all of it checked.

    Attributes:
        frame: ``(h, w, 3)`` uint8.
        color: its channel order.
        queries: what is looked for, one or more.
        starts: for each of them where to look first, None for the whole frame.
        beam: how many candidates of a first step are followed.
        deadline: when the answers are wanted.
        begin_s: when the call began, as the deadline's clock counts.
    """

    frame: NDArray[np.uint8]
    color: ColorOrder
    queries: Sequence[Query]
    starts: Sequence[Start | None]
    beam: int
    deadline: Deadline
    begin_s: float

    @property
    def frame_wh(self) -> tuple[int, int]:
        """The frame's width and height in pixels."""
        return self.frame.shape[1], self.frame.shape[0]

    def answered(self, query: Query, **values: Any) -> Grounding:
        """The answer to one of the queries: ``values`` are the fields of ``Grounding`` that the
        call does not know."""
        return Grounding(
            ref=query.ref,
            unknown_words=query.unknown,
            frame_wh=self.frame_wh,
            color=self.color,
            frame=self.frame,
            **values,
        )


class Answerer(Protocol):
    """One engine's way to answer; everything of an opened engine but its networks."""

    def read(self, ref: str) -> Query:
        """Understands an expression. Thread-safe.

        Raises:
            InputError: it cannot be used.
        """

    def answer(self, runtime: Runtime | None, call: Call) -> list[Grounding]:
        """One answer for each query, in their order.

        Args:
            runtime: the networks, for this call alone; None when others had them until the
                deadline, so that there is nothing but an explanation to give.
            call: what is asked.
        """

    def forget(self) -> None:
        """Drops what is kept in the runtime's memory, which is about to be freed."""


class Family(Protocol):
    """A way to answer. ``sdk.families.NAME`` has one as ``FAMILY``, with ``-`` of the name as
    ``_`` of the module's."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """Every network by name, in the order of their work, and what it has to be.

        Raises:
            EngineError: the manifest lacks what the family needs.
        """

    def answerer(self, folder: Path, manifest: Manifest, threshold: float) -> Answerer:
        """Reads what the family keeps in the folder beside its networks.

        Args:
            folder: the engine.
            manifest: what it says.
            threshold: score from which an object counts as found.

        Raises:
            EngineError: the family's block or a file of its own cannot be read.
        """

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """What its block says, in lines for ``piza inspect``."""
