"""The tokenizer of a grammar: whole words for what it utters, pieces for what people misspell."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scenes import absent, expressions, make_scene, vocabulary
from sdk.options import GRAMMARS
from sdk.text import Tokenizer, Tokens
from train.data.vocabulary import SPECIAL, pieces_of, write_grammar_tokenizer

LENGTH = 64


@pytest.fixture(scope="module", params=GRAMMARS)
def grammar(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def tokenizer(grammar: str, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp(grammar) / "tokenizer.json"
    write_grammar_tokenizer(grammar, path)
    return Tokenizer.from_file(path, LENGTH)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp("rich") / "tokenizer.json"
    write_grammar_tokenizer("rich", path)
    return Tokenizer.from_file(path, LENGTH)


def length(tokens: Tokens) -> int:
    return int(np.count_nonzero(tokens.segments))


def test_every_word_of_a_grammar_is_one_token(grammar: str, tokenizer: Tokenizer) -> None:
    for word in vocabulary(grammar):
        tokens = tokenizer.encode(word)
        assert not tokens.unknown
        assert length(tokens) == len(("[CLS]", word, ".", "[SEP]"))


def test_sizes(grammar: str, tokenizer: Tokenizer) -> None:
    words, pieces = vocabulary(grammar), pieces_of(vocabulary(grammar))
    expected = {"plain": {*SPECIAL, *words}, "rich": {*SPECIAL, *words, *pieces}}[grammar]
    assert tokenizer.vocabulary_size == len(expected)
    assert (
        {"plain": 60, "rich": 750}[grammar] < len(expected) < {"plain": 100, "rich": 3000}[grammar]
    )


def test_sentences_fit_and_have_no_unknown_word(grammar: str, tokenizer: Tokenizer) -> None:
    slips = 0.1 if grammar == "rich" else 0.0
    longest = 0
    for number in range(12):
        scene = make_scene(number)
        refs = [e.ref for e in expressions(scene, number, 2, grammar, slips)]
        for ref in [*refs, absent(scene, number, grammar, slips)]:
            tokens = tokenizer.encode(ref)
            assert not tokens.unknown, ref
            longest = max(longest, length(tokens))
    assert longest > 20


@given(word=st.text(string.ascii_letters + string.digits + string.punctuation + " ", min_size=1))
def test_whatever_is_typed_on_a_keyboard_can_be_spelt(rich: Tokenizer, word: str) -> None:
    tokens = Tokenizer(rich._tokenizer, 500).encode(f"the {word}")
    assert not tokens.unknown


@pytest.mark.parametrize("typed", ["pedestrains", "walkways", "crosswalks", "yelow", "lorrys"])
def test_strange_words_are_spelt_in_few_pieces(rich: Tokenizer, typed: str) -> None:
    tokens = rich.encode(typed)
    pieces = tokens.ids[1 : length(tokens) - 2]
    assert not tokens.unknown
    assert 2 <= len(pieces) <= len(typed) / 2 + 1


def test_what_no_keyboard_has_is_unknown(rich: Tokenizer) -> None:
    tokens = rich.encode("the 車 car")
    assert tokens.unknown == ("車",)
    assert tokens.understood
