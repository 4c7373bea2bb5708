"""BERT-style tokenizers over small word lists, for models trained from scratch.

The rich grammar's has pieces of words besides its words, so that a mistyped or a strange word is
spelt, not lost: every letter and digit, English beginnings and endings, and what many of the
grammar's own words have in common. Typing slips in training teach the pieces.
"""

from __future__ import annotations

import os
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", ",")

_ENDINGS = (
    "s es ed ing er ers est ly y al ion ions ness ment ish less like able ible ful ous ive ic "
    "ity ure age ance ence ward wards side way walk light lights board post man men ist ar or "
    "en le ell et th ty um us ent ant ated ating ened ting ded ding red ring ted led ling "
)
_BEGINNINGS = (
    "un re in im dis non mis over under out up down fore back side multi semi mid be de ex "
    "pro con com pre sub trans inter street road sun head tail foot motor auto "
)
_PIECE_LETTERS = (2, 3, 4)
_SHARED_BY = 4  # words that must have a piece in common


def write_tokenizer(words: Sequence[str], path: Path, pieces: Sequence[str] = ()) -> None:
    """WordPiece over whole words, lower-cased; what no piece helps to spell becomes [UNK]."""
    entries = dict.fromkeys([*SPECIAL, *sorted(set(words)), *pieces])
    write_wordpiece({word: index for index, word in enumerate(entries)}, path)


def write_grammar_tokenizer(grammar: str, path: Path) -> None:
    """The tokenizer of a model that is trained on a grammar of the rendered scenes.

    The plain grammar's knows its words alone.
    """
    from evaluation.scenes import vocabulary

    words = vocabulary(grammar)
    write_tokenizer(words, path, () if grammar == "plain" else pieces_of(words))


def pieces_of(words: Sequence[str]) -> list[str]:
    """Beginnings ("st") and continuations ("##ing") from which any ASCII word can be spelt."""
    shared: Counter[str] = Counter()
    for word in words:
        starts = {word[:n] for n in _PIECE_LETTERS if n < len(word)}
        inner = {
            f"##{word[k : k + n]}" for n in _PIECE_LETTERS for k in range(1, len(word) - n + 1)
        }
        shared.update(starts | inner)
    common = sorted(piece for piece, count in shared.items() if count >= _SHARED_BY)
    morphemes = [*_BEGINNINGS.split(), *(f"##{ending}" for ending in _ENDINGS.split())]
    signs = [*string.ascii_lowercase, *string.digits]
    spelling = [*signs, *(f"##{sign}" for sign in signs), *string.punctuation]
    return list(dict.fromkeys([*spelling, *morphemes, *common]))


def write_wordpiece(vocabulary: dict[str, int], path: Path) -> None:
    """BERT's lower-casing tokenizer with these ids, as ``tokenizer.json``."""
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")  # several processes may write it
    partial.write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
    partial.replace(path)
