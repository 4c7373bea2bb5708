"""A scorer without weights: a sentence is read, and every proposal judged by what it says."""

from sdk.regions.words.judging import PARTS, Judged, Link, Parts, judge
from sdk.regions.words.parser import parse
from sdk.regions.words.sentence import Phrase, Rank, Relation, Sentence, Tone

__all__ = [
    "parse",
    "judge",
    "Sentence",
    "Phrase",
    "Tone",
    "Rank",
    "Relation",
    "Judged",
    "Parts",
    "Link",
    "PARTS",
]
