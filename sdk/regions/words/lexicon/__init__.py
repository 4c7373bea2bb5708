"""What the words of a sentence mean: things, colours, phrases that relate and place them."""

from __future__ import annotations

Words = tuple[str, ...]


def words(text: str) -> Words:
    """The words and phrases of a text in which commas part them."""
    return tuple(" ".join(each.split()) for each in text.split(","))
