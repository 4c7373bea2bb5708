"""A sentence about one object of a scene, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from evaluation.scenes.scene import SceneObject


class Meaning(Protocol):
    """What a noun phrase is true of."""

    @property
    def text(self) -> str:
        """The phrase, without article."""

    def matches(self, item: SceneObject) -> bool:
        """True when the phrase is clearly true of ``item``."""

    def may_match(self, item: SceneObject) -> bool:
        """True when somebody might use the phrase for ``item``."""


@dataclass(frozen=True)
class Expression:
    """A sentence about one object.

    Attributes:
        ref: the sentence, at most 25 words.
        target: id of the object.
        relation: name of the first relation, place or rank that it claims, if any.
        needs_relation: True when the noun phrase alone fits several objects.
        description: the noun phrase of the target and its meaning.
        clauses: what is claimed, with the ids of the referents, if any.
        mentions: its noun phrases without articles, in order, with the id of what each means.
            A phrase of which the scene has several, so that it means any of them, is none.
    """

    ref: str
    target: int
    relation: str | None
    needs_relation: bool
    description: Meaning
    clauses: tuple[tuple[str, tuple[int, ...]], ...]
    mentions: tuple[tuple[str, int], ...]
