"""What an annotation file holds, in numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.groups import RELATIONS, SIZES, relations, size_group
from evaluation.tables import table
from sdk.errors import InputError
from sdk.geometry import as_boxes
from sdk.text import Tokenizer, normalise
from train.data.entries import Annotation, AnnotationSet, Rect


def statistics(known: AnnotationSet, tokenizer: Tokenizer | None = None) -> dict[str, Any]:
    """Plain values, NaN where there is nothing to count.

    ``count`` usable annotations of ``images`` images; percentiles of the boxes' ``area_px2``,
    ``width_px`` and ``height_px`` and of the ``words`` of a sentence; shares of annotations by
    ``sizes`` and by ``relations`` (a sentence may name several); ``bad`` entries with reasons;
    ``crowds``, boxes of groups; ``repeated`` annotations, whose image, box and sentence came
    before; ``contradictory`` ones, whose image and sentence came before with another box;
    ``repeated_ids``; with a ``tokenizer`` the shares of ``whole_words`` and of ``unknown_words`` in
    all words (the rest are spelt in pieces), and of sentences with some unknown
    (``unknown_sentences``).
    """
    items = known.items
    boxes = as_boxes([item.xyxy for item in items])
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    words = np.array([len(item.ref.split()) for item in items], dtype=np.float64)
    named = [relations(item.ref) for item in items]
    sizes = [size_group(area) for area in width * height]
    return {
        "count": len(items),
        "images": len({item.image for item in items}),
        "area_px2": _percentiles(width * height),
        "width_px": _percentiles(width),
        "height_px": _percentiles(height),
        "words": _percentiles(words),
        "sizes": {name: _share([size == name for size in sizes]) for name in SIZES},
        "relations": {name: _share([name in of_one for of_one in named]) for name in RELATIONS},
        **doubts(items),
        **(unknown_shares(items, tokenizer) if tokenizer is not None else {}),
        "bad": [{"entry": p.entry, "reason": p.reason} for p in known.problems],
    }


def doubts(items: Sequence[Annotation]) -> dict[str, int]:
    """How many annotations can be used and had better be looked at, by what is odd about them."""
    places: dict[tuple[str, str], set[Rect]] = {}
    repeated = contradictory = 0
    for item in items:
        known = places.setdefault((item.image, normalise(item.ref)), set())
        repeated += item.xyxy in known
        contradictory += bool(known) and item.xyxy not in known
        known.add(item.xyxy)
    return {
        "crowds": sum(item.crowd for item in items),
        "repeated": repeated,
        "contradictory": contradictory,
        "repeated_ids": len(items) - len({item.id for item in items}),
    }


def unknown_shares(items: Sequence[Annotation], tokenizer: Tokenizer) -> dict[str, float]:
    """The shares of words and of sentences that the tokenizer has (in part) no token for, and of
    words that it has a token for each."""

    @cache
    def looked_up(word: str) -> tuple[bool, bool]:
        """Whether it is unknown, and whether it is whole."""
        try:
            tokens = tokenizer.encode(word)
        except InputError:  # a mark alone, or too long to be a word
            return False, True
        parts = len(re.findall(r"\w+|[^\w\s]", word))
        pieces = np.count_nonzero(tokens.segments) - len(("[CLS]", ".", "[SEP]"))
        return bool(tokens.unknown), not tokens.unknown and pieces <= parts

    found = [[looked_up(word) for word in normalise(item.ref).split()] for item in items]
    return {
        "unknown_words": _share([unknown for words in found for unknown, _ in words]),
        "unknown_sentences": _share([any(unknown for unknown, _ in words) for words in found]),
        "whole_words": _share([whole for words in found for _, whole in words]),
    }


def doubt_lines(figures: dict[str, Any]) -> list[str]:
    """A line for each doubt that there is."""
    said = {
        "repeated": "repeat the image, the box and the sentence of another",
        "contradictory": "have the image and the sentence of another, and another box",
        "repeated_ids": "have the id of another",
        "crowds": "are about a crowd, which is no object",
    }
    lines = [
        f"{figures[name]:,} annotations {what}" for name, what in said.items() if figures[name]
    ]
    if figures.get("unknown_words"):
        lines.append(
            f"{figures['unknown_words']:.1%} of the words are unknown to the model, in"
            f" {figures['unknown_sentences']:.1%} of the sentences"
        )
    return lines


def statistics_lines(figures: dict[str, Any]) -> list[str]:
    """The numbers of ``statistics`` as tables for people, without the bad entries."""
    titles = {"width_px": "width / px", "height_px": "height / px", "area_px2": "area / px2"}
    rows = [
        [title, *(f"{figures[name][p]:.0f}" for p in ("p1", "p50", "p99"))]
        for name, title in (titles | {"words": "words"}).items()
    ]
    shares = figures["sizes"] | figures["relations"]
    lines = [f"{figures['count']:,} sentences about {figures['images']:,} images"]
    if figures["count"]:
        lines += ["", table(("percentile", "1", "50", "99"), rows), ""]
        lines.append(table(("share", "%"), [[n, f"{100 * s:.1f}"] for n, s in shares.items() if s]))
    if "whole_words" in figures:
        lines += ["", f"{figures['whole_words']:.1%} of the words are whole in the vocabulary"]
    doubtful = doubt_lines(figures)
    lines += ["", *doubtful] if doubtful else []
    return lines


def _percentiles(values: NDArray[np.float64]) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(("p1", "p50", "p99"), float("nan"))
    found = np.percentile(values, (1, 50, 99)).tolist()
    return dict(zip(("p1", "p50", "p99"), found, strict=True))


def _share(holds: list[bool]) -> float:
    return float(np.mean(holds)) if holds else float("nan")
