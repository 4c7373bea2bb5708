"""Groups in which accuracy is looked at: the size of the object, the relations in the sentence."""

from __future__ import annotations

import math
import re

# Upper borders of the area in px2, after SODA-D (Cheng et al., TPAMI 2023), on whose photographs
# SOREC is built: extremely, relatively and generally small, normal. What is larger than their
# largest has a group of its own. Borders in pixels, not quantiles, so that figures of different
# files can be compared; SOREC has objects of 714 to 2000 px2, which fill two of the groups.
SIZES = {
    "up to 144 px2": 144.0,
    "144 to 400 px2": 400.0,
    "400 to 1024 px2": 1024.0,
    "1024 to 2000 px2": 2000.0,
    "over 2000 px2": math.inf,
}

# The relations that SOREC's sentences speak of.
RELATIONS = (
    "near",
    "above",
    "in front of",
    "between",
    "left",
    "right",
    "next to",
    "below",
    "behind",
)
_PATTERNS = {name: re.compile(rf"\b{name}\b".replace(" ", r"\s+")) for name in RELATIONS}
# "no left turn", "pointing left", "a right arrow": the meaning of a sign, not a place.
_MEANING = re.compile(
    r"\b(?:left|right)(?:[\s-]+(?:\w+[\s-]+)?(?:turns?|arrows?|curves?|directions?))\b"
    r"|\b(?:pointing|indicating|turn|turning|bending|curving)(?:\s+to\s+the)?\s+(?:left|right)\b"
)


def size_group(area_px2: float) -> str:
    """The name of the group of an object's area; borders belong to the smaller group."""
    return next(name for name, most in SIZES.items() if area_px2 <= most)


def relations(ref: str) -> tuple[str, ...]:
    """The relations that a sentence names, in the order of ``RELATIONS``; often none or several.

    Words decide, not grammar: what is "in front of a shop" may be a referent. Directions that a
    sign or a vehicle shows ("no left turn", "pointing right") do not count.
    """
    words = _MEANING.sub(" ", ref.lower())
    return tuple(name for name, pattern in _PATTERNS.items() if pattern.search(words))
