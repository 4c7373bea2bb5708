"""A BERT-style tokenizer over a small word list, for models trained from scratch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", ",")


def write_tokenizer(words: Sequence[str], path: Path) -> None:
    """WordPiece over whole words, lower-cased; a word outside the list becomes [UNK]."""
    entries = [*SPECIAL, *sorted(set(words) - set(SPECIAL))]
    write_wordpiece({word: index for index, word in enumerate(entries)}, path)


def write_wordpiece(vocabulary: dict[str, int], path: Path) -> None:
    """BERT's lower-casing tokenizer with these ids, as ``tokenizer.json``."""
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")  # several processes may write it
    tokenizer.save(str(partial))
    partial.replace(path)
