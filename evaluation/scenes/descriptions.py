"""Noun phrases and what they are true of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.scenes.catalogue import KINDS, article
from evaluation.scenes.scene import SceneObject


@dataclass(frozen=True)
class Description:
    """A noun phrase without article, and its meaning: every given field must match.

    Attributes:
        text: "small red car".
        colour: of the object.
        noun: its kind, or a wider word of its kind ("vehicle", "sign", "rider"), or "object".
        size: "small", "large" or None.
    """

    text: str
    colour: str
    noun: str
    size: str | None = None

    def may_match(self, item: SceneObject) -> bool:
        """True when the phrase is true of ``item``, or might be in the matter of kind or size."""
        if item.colour != self.colour or not _may_be(item, self.noun):
            return False
        if self.size == "large":
            return not item.targetable
        if self.size == "small":
            return not item.large
        return True

    def matches(self, item: SceneObject) -> bool:
        """True when the phrase is clearly true of ``item``."""
        clearly = {"large": item.large, "small": item.targetable, None: True}[self.size]
        return clearly and self.may_match(item) and self.noun not in KINDS[item.kind].also

    def only(self, item: SceneObject, objects: Sequence[SceneObject]) -> bool:
        """True when ``item`` is the one object that the phrase can mean."""
        return self.matches(item) and sum(self.may_match(o) for o in objects) == 1


def _may_be(item: SceneObject, noun: str) -> bool:
    kind = KINDS[item.kind]
    return noun in (kind.noun, kind.hypernym, "object", *kind.also)


def describe(colour: str, kind: str, noun: str, size: str | None, style: int) -> Description:
    """The noun phrase for an object of ``kind`` called ``noun``; ``style`` varies some."""
    prefix = f"{size} " if size else ""
    if KINDS[kind].clothed and noun != "object":
        wear = (
            f"in {article(colour)} {colour} jacket",
            f"wearing {article(colour)} {colour} jacket",
            f"in {colour}",
        )[style % 3]
        return Description(f"{prefix}{noun} {wear}", colour, noun, size)
    if noun == "traffic light" and style % 3 == 0:
        return Description(f"{prefix}{noun} showing {colour}", colour, noun, size)
    return Description(f"{prefix}{colour} {noun}", colour, noun, size)
