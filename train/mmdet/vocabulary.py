"""BERT's vocabulary as a ``tokenizer.json``."""

from __future__ import annotations

from pathlib import Path

from sdk.errors import EngineError, InputError
from sdk.hub import fetch
from train.data.vocabulary import write_wordpiece

# Whose vocabulary MM-Grounding-DINO has; the text is lower-cased.
HUB_ID, HUB_FILE = "google-bert/bert-base-uncased", "vocab.txt"


def from_vocab(vocab: Path | None, out: Path) -> None:
    """Writes the tokenizer of a ``vocab.txt`` (a word a line), the hub's when it is None.

    Raises InputError when the file cannot be read or had, or names a word twice.
    """
    path = _download() if vocab is None else vocab
    try:
        words = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the vocabulary {path}: {error}") from error
    vocabulary = {word: number for number, word in enumerate(words)}
    if len(vocabulary) != len(words):
        raise InputError(
            f"expected each word once in {path}, found {len(words)} lines with"
            f" {len(vocabulary)} words"
        )
    write_wordpiece(vocabulary, out)


def _download() -> Path:
    try:
        return fetch(HUB_ID, (HUB_FILE,)) / HUB_FILE
    except EngineError as error:
        raise InputError(f"{error}; name a vocab.txt with --vocab") from error
