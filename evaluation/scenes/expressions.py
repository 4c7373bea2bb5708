"""Referring expressions, each true of exactly one object of its scene, in two grammars.

``plain``: few words, one noun for each kind; stored figures are measured in it. ``rich``: the
field's synonyms and the constructions that people use. Both speak of the same scene graphs.
"""

from __future__ import annotations

from collections.abc import Container

from evaluation.scenes import plain, rich, sentences, slips
from evaluation.scenes.catalogue import phrase
from evaluation.scenes.expression import Expression
from evaluation.scenes.scene import Scene

_SPEAKERS = {"plain": plain, "rich": rich}
_VOCABULARIES = {"plain": sentences.vocabulary, "rich": rich.vocabulary}


def expressions(
    scene: Scene,
    seed: int,
    per_object: int = 2,
    grammar: str = "plain",
    slip_share: float = 0.0,
    of: Container[int] | None = None,
) -> list[Expression]:
    """Up to ``per_object`` different expressions for each targetable object.

    Objects that nothing singles out get none. The same arguments give the same list.

    Args:
        scene: what is spoken of.
        seed: chooses the words.
        per_object: the most for one object.
        grammar: "plain" or "rich".
        slip_share: share of the words that are mistyped by one letter.
        of: ids of the objects to speak of; all by default.

    Returns:
        The expressions, those of one object side by side.
    """
    made = _SPEAKERS[grammar].expressions(scene, seed, per_object, of)
    if slip_share == 0.0:
        return made
    return [slips.mistyped(e, slip_share, f"{seed} {scene.seed} {k}") for k, e in enumerate(made)]


def absent(scene: Scene, seed: int, grammar: str = "plain", slip_share: float = 0.0) -> str:
    """An expression in the same manner that is true of no object of the scene.

    Mostly near misses: a kind that is there in a colour that is not, or the other way round; in
    the rich grammar also objects that are there in a relation or place that is not theirs.

    Args:
        scene: what is spoken of.
        seed: chooses the words.
        grammar: "plain" or "rich".
        slip_share: share of the words that are mistyped by one letter.

    Returns:
        The expression. The same arguments give the same one.
    """
    ref = _SPEAKERS[grammar].absent(scene, seed)
    return slips.mistype(ref, slip_share, f"{seed} {scene.seed}") if slip_share else ref


def called(noun: str, colour: str, seed: int, grammar: str = "plain") -> str:
    """A phrase that means exactly the kind and colour, "red car", "person wearing a red shirt".

    The plain grammar has one for each; the rich one chooses by ``seed``.
    """
    return phrase(noun, colour) if grammar == "plain" else rich.called(noun, colour, seed)


def vocabulary(grammar: str = "plain") -> list[str]:
    """Every word that phrases, expressions and absent expressions can use, sorted."""
    return _VOCABULARIES[grammar]()
