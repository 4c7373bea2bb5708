"""Referring expressions to token arrays: prompt rule, sub-sentence segments, positions.

The prompt is the expression in lower case with single spaces and exactly one final ``" ."``,
whatever mark it ended with. The
sequence is ``[CLS] word ... . [SEP] [PAD] ...``, of fixed length. ``[CLS]``, ``[SEP]``, ``.`` and
``?`` are special: each closes a *segment*, and only tokens of the same segment attend each other
(the sub-sentence mask of Grounding DINO). Positions restart at 0 in each segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdk.errors import EngineError, InputError

if TYPE_CHECKING:
    import tokenizers

PAD, UNK, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
MAX_CHARACTERS = 4096  # a limit for what nobody means to say, before any work is done on it
CLOSING = (".", "?")  # the punctuation that ends a segment
# What may begin or end a sentence without a change to what it says, in the scripts people type.
_QUOTES = "\"'“”„‘’«»"
_FIRST_MARKS, _FINAL_MARKS = "¿¡" + _QUOTES, ".?!,;:…‽。？！，；：、" + _QUOTES

Int32 = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Tokens:
    """One prompt, ready for the text network. All arrays are ``(T,)`` int32.

    ``ids`` are vocabulary ids. ``segments`` number the attention blocks: 1 for ``[CLS]``, 2, 3, ...
    for the phrases in order, the next number for ``[SEP]``, 0 for padding; token *i* attends token
    *j* exactly where ``segments[i] == segments[j]``. ``positions`` restart at 0 in each segment.
    ``ref`` is the normalised prompt, ``unknown`` the words that the vocabulary does not have, and
    ``understood`` is False when it has none of them. ``offsets`` are the characters of ``ref``
    that each token between ``[CLS]`` and ``[SEP]`` stands for.
    """

    ref: str
    ids: Int32
    segments: Int32
    positions: Int32
    unknown: tuple[str, ...] = ()
    understood: bool = True
    offsets: tuple[tuple[int, int], ...] = ()

    @property
    def key(self) -> bytes:
        """A hashable value that is equal for equal prompts (under one tokenizer)."""
        return self.ids.tobytes()

    @property
    def prompt(self) -> dict[str, Int32]:
        """The arrays as networks take them, each ``(1, T)``, by the names of their inputs."""
        return {
            "input_ids": self.ids[None],
            "segment_ids": self.segments[None],
            "position_ids": self.positions[None],
        }

    @property
    def attention(self) -> NDArray[np.bool_]:
        """``(T, T)`` bool, True where token *i* attends token *j*."""
        return np.asarray(self.segments[:, None] == self.segments[None, :])


def normalise(ref: str) -> str:
    """The expression in lower case, with single spaces, without quotes and final marks.

    Raises:
        InputError: it is no text, not Unicode, too long, or has no word.
    """
    if not isinstance(ref, str):
        raise InputError(f"expected the expression as a str, got {type(ref).__name__}")
    if len(ref) > MAX_CHARACTERS:
        raise InputError(
            f"expected an expression of at most {MAX_CHARACTERS} characters, got {len(ref)}"
        )
    words = " ".join(ref.lower().split())
    words = words.lstrip(_FIRST_MARKS + " ").rstrip(_FINAL_MARKS + " ")
    try:
        words.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"expected an expression in Unicode, got {ref!r}") from error
    if not words:
        raise InputError(f"expected an expression of at least one word, got {ref!r}")
    return words


def load_tokenizer(path: str | Path) -> tokenizers.Tokenizer:
    """What a ``tokenizer.json`` says; raises EngineError when it cannot be read."""
    import tokenizers

    if not Path(path).is_file():
        raise EngineError(f"expected a tokenizer file at {path}, found none")
    read = tokenizers.Tokenizer.from_file  # absent in a damaged installation, not in a file
    try:
        return read(str(path))
    except Exception as error:  # the library raises a bare Exception for a malformed file
        raise EngineError(f"cannot read the tokenizer {path}: {error}") from error


class Tokenizer:
    """Turns expressions into ``Tokens`` of the fixed length ``max_tokens``. Thread-safe."""

    def __init__(self, tokenizer: tokenizers.Tokenizer, max_tokens: int) -> None:
        if max_tokens < 4:  # [CLS] word . [SEP]
            raise EngineError(f"expected max_tokens of at least 4, got {max_tokens}")
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        wanted = (PAD, UNK, CLS, SEP, *CLOSING)
        numbers = {name: tokenizer.token_to_id(name) for name in wanted}
        self._id = {name: number for name, number in numbers.items() if number is not None}
        missing = [name for name in (PAD, UNK, CLS, SEP, ".") if name not in self._id]
        if missing:
            raise EngineError(f"the tokenizer's vocabulary has no {', '.join(missing)}")
        self._closing = {self._id[mark] for mark in CLOSING if mark in self._id}

    @classmethod
    def from_file(cls, path: str | Path, max_tokens: int) -> Tokenizer:
        """Reads a ``tokenizer.json``; raises EngineError when it cannot be read."""
        return cls(load_tokenizer(path), max_tokens)

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids, which is also the number of rows of the embedding table."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def encode(self, ref: str) -> Tokens:
        """One expression.

        Raises InputError when ``ref`` is not a str, has no word, is longer than
        ``MAX_CHARACTERS`` or needs more than ``max_tokens`` tokens (``[CLS]``, the final period
        and ``[SEP]`` are counted).
        """
        return self._encode_prompt(f"{normalise(ref)} .")[0]

    def encode_prompt(self, prompt: str) -> Tokens:
        """A prompt that is already as it should be: nothing is changed or added. Raises InputError
        when it needs more than ``max_tokens`` tokens."""
        return self._encode_prompt(prompt)[0]

    def encode_phrases(self, phrases: Sequence[str]) -> tuple[Tokens, tuple[tuple[int, int], ...]]:
        """Several phrases in one prompt, ``"red car . blue sign ."``, each its own segment.

        Returns the tokens and, for each phrase, the ``(start, stop)`` range of its tokens without
        the closing period.
        """
        if isinstance(phrases, str) or not phrases:
            raise InputError(f"expected a sequence of at least one phrase, got {phrases!r}")
        words = [normalise(phrase) for phrase in phrases]
        tokens, offsets = self._encode_prompt(" ".join(f"{phrase} ." for phrase in words))
        spans, begin, token = [], 0, 0
        for phrase in words:
            end = begin + len(phrase)
            start = token
            while token < len(offsets) and offsets[token][1] <= end:
                token += 1
            spans.append((start + 1, token + 1))  # + 1: [CLS] comes first
            token += 1  # the closing period
            begin = end + len(" . ")
        return tokens, tuple(spans)

    def _encode_prompt(self, prompt: str) -> tuple[Tokens, list[tuple[int, int]]]:
        """Tokens of a prompt that already ends as it should, and each token's characters."""
        encoding = self._tokenizer.encode(prompt, add_special_tokens=False)
        sequence = [self._id[CLS], *encoding.ids, self._id[SEP]]
        if len(sequence) > self.max_tokens:
            raise InputError(
                f"expected an expression of at most {self.max_tokens} tokens, got {len(sequence)}:"
                f" {prompt[:80]!r}; say it in fewer words"
            )
        ids = np.full(self.max_tokens, self._id[PAD], dtype=np.int32)
        ids[: len(sequence)] = sequence
        segments, positions = self._segments(sequence)
        unknown = [n for n, number in enumerate(encoding.ids) if number == self._id[UNK]]
        words = [n for n, number in enumerate(encoding.ids) if number not in self._closing]
        tokens = Tokens(
            ref=prompt,
            ids=ids,
            segments=segments,
            positions=positions,
            unknown=tuple(dict.fromkeys(prompt[slice(*encoding.offsets[n])] for n in unknown)),
            understood=len(unknown) < len(words),
            offsets=tuple(encoding.offsets),
        )
        return tokens, encoding.offsets

    def _segments(self, sequence: list[int]) -> tuple[Int32, Int32]:
        """Segment and position of each token, padded with 0 to ``max_tokens``."""
        segments = np.zeros(self.max_tokens, dtype=np.int32)
        positions = np.zeros(self.max_tokens, dtype=np.int32)
        closing = {self._id[CLS], self._id[SEP], *self._closing}
        segment, position = 1, 0
        for index, number in enumerate(sequence):
            segments[index], positions[index] = segment, position
            position += 1
            if number in closing:
                segment, position = segment + 1, 0
        return segments, positions
