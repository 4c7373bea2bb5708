"""A sentence as one row of tokens, for text encoders that read it whole: BERT's and RoBERTa's.

``sdk.text`` is about prompts whose parts do not hear each other; here every token hears every
other, and nothing is put behind the last word.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sdk.errors import EngineError
from sdk.text import Tokens, load_tokenizer, normalise

if TYPE_CHECKING:
    import tokenizers

# What stands before a sentence, behind it, behind that, and for what the vocabulary lacks.
_AROUND = (("[CLS]", "[SEP]", "[PAD]", "[UNK]"), ("<s>", "</s>", "<pad>", "<unk>"))


class SentenceTokenizer:
    """Turns expressions into ``Tokens`` of the fixed length ``max_tokens``; thread-safe.

    Their ``segments`` are 1 for a token and 0 for padding, so that they are the mask of a text
    encoder; their ``positions`` count from 0.

    Args:
        tokenizer: BERT's or RoBERTa's, as its vocabulary tells.
        max_tokens: with the two around the sentence, 3 at least.

    Raises:
        EngineError: the tokenizer is of another kind, or there is no room for a word.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer, max_tokens: int) -> None:
        if max_tokens < 3:
            raise EngineError(f"expected max_tokens of at least 3, got {max_tokens}")
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.max_tokens, self._tokenizer = max_tokens, tokenizer
        for names in _AROUND:
            ids = [tokenizer.token_to_id(name) for name in names]
            known = [number for number in ids if number is not None]
            if len(known) == len(names):
                self._first, self._last, self._pad, self._unknown = known
                return
        raise EngineError(
            f"expected a tokenizer with {' '.join(_AROUND[0])} or {' '.join(_AROUND[1])}, found"
            " neither in its vocabulary"
        )

    @classmethod
    def from_file(cls, path: str | Path, max_tokens: int) -> SentenceTokenizer:
        """Reads a ``tokenizer.json``.

        Args:
            path: the file.
            max_tokens: see the class.

        Raises:
            EngineError: it cannot be read, or is of another kind.
        """
        return cls(load_tokenizer(path), max_tokens)

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids, which is also the number of rows of the embedding table."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def encode(self, ref: str) -> Tokens:
        """One expression; one that is too long is cut, with a UserWarning, as published.

        Raises:
            InputError: it is no text, has no word, or is too long for anything.
        """
        words = normalise(ref)
        found = self._tokenizer.encode(words, add_special_tokens=False)
        room = self.max_tokens - 2
        if len(found.ids) > room:
            warnings.warn(
                f"{words[:80]!r} is longer than the {room} tokens that the text network takes, and"
                " what is beyond them is not heard: say it in fewer words",
                stacklevel=2,
            )
        heard = found.ids[:room]
        sequence = [self._first, *heard, self._last]
        ids = np.full(self.max_tokens, self._pad, np.int32)
        ids[: len(sequence)] = sequence
        mask = (np.arange(self.max_tokens) < len(sequence)).astype(np.int32)
        unknown = [n for n, number in enumerate(heard) if number == self._unknown]
        return Tokens(
            ref=words,
            ids=ids,
            segments=mask,
            positions=np.arange(self.max_tokens, dtype=np.int32) * mask,
            unknown=tuple(dict.fromkeys(words[slice(*found.offsets[n])] for n in unknown)),
            understood=len(unknown) < len(heard),
        )
