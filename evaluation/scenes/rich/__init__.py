"""The rich grammar: the field's synonyms, and relations, places and ranks as people word them."""

from evaluation.scenes.rich.absent import absent
from evaluation.scenes.rich.expressions import expressions
from evaluation.scenes.rich.phrases import called
from evaluation.scenes.rich.words import vocabulary

__all__ = ["absent", "called", "expressions", "vocabulary"]
