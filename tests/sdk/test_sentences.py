"""Sentences as one row of tokens, by BERT's vocabulary and by RoBERTa's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from sdk.errors import EngineError, InputError
from sdk.sentences import SentenceTokenizer

BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "red", "car", "left", "of", ",")
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>")


def bert(words: tuple[str, ...] = BERT) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece({w: k for k, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def roberta() -> Tokenizer:
    """Bytes alone, nothing merged."""
    signs = [*ROBERTA, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({sign: k for k, sign in enumerate(signs)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def test_what_stands_around_a_sentence() -> None:
    found = SentenceTokenizer(bert(), 8).encode("  The red CAR. ")
    assert found.ids.tolist() == [2, 4, 5, 6, 3, 0, 0, 0]
    assert found.segments.tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
    assert found.positions.tolist() == [0, 1, 2, 3, 4, 0, 0, 0]
    assert found.ref == "the red car"
    assert found.understood
    assert found.unknown == ()


def test_bytes_are_never_unknown() -> None:
    tokenizer = SentenceTokenizer(roberta(), 12)
    found = tokenizer.encode("Ä b")
    count = int(found.segments.sum())
    assert found.ids[0] == 0
    assert found.ids[count - 1] == 2
    assert (found.ids[count:] == 1).all()
    assert found.understood
    assert tokenizer._tokenizer.decode(found.ids[1 : count - 1].tolist()) == "ä b"
    assert tokenizer.vocabulary_size == 4 + 256


def test_unknown_words_are_named() -> None:
    tokenizer = SentenceTokenizer(bert(), 9)
    some = tokenizer.encode("the zebra left of the okapi")
    assert (some.unknown, some.understood) == (("zebra", "okapi"), True)
    nothing = tokenizer.encode("zebra okapi")
    assert not nothing.understood


def test_what_is_too_long_is_cut_and_said() -> None:
    tokenizer = SentenceTokenizer(bert(), 5)
    with pytest.warns(UserWarning, match="longer than the 3 tokens"):
        found = tokenizer.encode("the red car left of the zebra")
    assert found.ids.tolist() == [2, 4, 5, 6, 3]
    assert found.unknown == ()  # the zebra is not heard
    with pytest.raises(InputError, match="at least one word"):
        tokenizer.encode(" . ")


@given(text=st.text(st.sampled_from("the redca ,ofl"), min_size=1, max_size=60))
def test_tokens_are_what_they_say(text: str) -> None:
    tokenizer = SentenceTokenizer(roberta(), 70)
    try:
        found = tokenizer.encode(text)
    except InputError:
        assert not text.strip(" ,.")
        return
    mask = found.segments.astype(bool)
    assert (np.diff(found.segments) <= 0).all()
    assert (found.ids[~mask] == 1).all()
    assert tokenizer.encode(found.ref).key == found.key


@pytest.mark.parametrize(
    ("tokenizer", "count", "message"),
    [
        (bert(BERT[:2]), 8, r"expected a tokenizer with \[CLS\]"),
        (bert(), 2, "max_tokens of at least 3"),
    ],
)
def test_tokenizers_that_are_none(tokenizer: Tokenizer, count: int, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        SentenceTokenizer(tokenizer, count)


def test_files(tmp_path: Path) -> None:
    bert().save(str(tmp_path / "tokenizer.json"))
    assert SentenceTokenizer.from_file(tmp_path / "tokenizer.json", 8).vocabulary_size == len(BERT)
    with pytest.raises(EngineError, match="found none"):
        SentenceTokenizer.from_file(tmp_path / "other.json", 8)
