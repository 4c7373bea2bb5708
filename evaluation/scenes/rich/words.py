"""Every word that the rich grammar can utter."""

from __future__ import annotations

import re
from types import ModuleType

from evaluation.scenes.catalogue import COLOURS, KINDS
from evaluation.scenes.rich import (
    constructions,
    details,
    frames,
    lexicon,
    strangers,
    surroundings,
    tones,
)
from evaluation.scenes.rich.text import texts_of
from evaluation.scenes.sentences import words_of

_MODULES = (lexicon, tones, details, constructions, frames, surroundings, strangers)
_SLOT = re.compile(r"\{\w+\}")
_ALWAYS = "a an the another similar and jacket"


def vocabulary() -> list[str]:
    """The words of the grammar's tables and of ``catalogue.phrase``, sorted."""
    texts = [_ALWAYS, *COLOURS, *KINDS]
    for module in _MODULES:
        texts += [text for table in _tables(module) for text in texts_of(table)]
    return sorted({word for text in texts for word in words_of(_SLOT.sub(" ", text))})


def _tables(module: ModuleType) -> list[object]:
    return [value for name, value in vars(module).items() if name.isupper() and name[0] != "_"]
