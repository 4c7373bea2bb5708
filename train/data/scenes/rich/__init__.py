"""The rich grammar: the field's synonyms, and relations, places and ranks as people word them."""

from train.data.scenes.rich.absent import absent
from train.data.scenes.rich.expressions import expressions
from train.data.scenes.rich.phrases import called
from train.data.scenes.rich.words import vocabulary

__all__ = ["absent", "called", "expressions", "vocabulary"]
