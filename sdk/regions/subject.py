"""What a sentence speaks of, in its own words: its noun phrases, the first of which it is about.

The published variant asks CLIP for the subject alone, a noun that spaCy finds. Here it is the first
noun phrase with all that describes it, by this project's own grammar; without "there is" and the
article as there.
"""

from __future__ import annotations

from sdk.regions.words.noun_phrases import NounPhrases
from sdk.regions.words.reading import Lexeme, Role, read

_NO_PART = (Role.ARTICLE, Role.COMMA, Role.AND)  # of a phrase, at its beginning


def noun_phrases(ref: str) -> tuple[str, ...]:
    """The noun phrases of an expression in their order, each once.

    Args:
        ref: "there is a white van left of the bus".

    Returns:
        ("white van", "bus"); none where there is no noun.

    Raises:
        InputError: it is no text, not Unicode, too long, or has no word (``sdk.text.normalise``).
    """
    return _Reader(read(ref)).found()


class _Reader(NounPhrases):
    """Noun phrases by themselves, whatever they stand to."""

    def found(self) -> tuple[str, ...]:
        """Their words."""
        phrases: dict[str, None] = {}
        while self._now() is not None:
            begin = self._at
            draft = self._plain_noun_phrase() if self._begins_noun_phrase() else None
            if draft is None:
                self._at = begin + 1
            elif draft.role is not None:  # else it has no noun
                phrases[_said(self._lexemes[begin : self._at])] = None
        return tuple(phrases)


def _said(lexemes: list[Lexeme]) -> str:
    """The words, from the first that says something."""
    first = next(k for k, lexeme in enumerate(lexemes) if not lexeme.can_be(*_NO_PART))
    return " ".join(lexeme.text for lexeme in lexemes[first:]).replace(" '", "'")
