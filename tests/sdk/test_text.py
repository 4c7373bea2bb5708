"""Prompt rule, segments and positions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import EngineError, InputError
from sdk.text import Tokenizer, normalise

CLS, SEP, DOT, QUESTION, THE, SQUARE, NEAR, RED, GREEN, UNK = 2, 3, 4, 5, 6, 7, 8, 9, 10, 1


@pytest.mark.parametrize(
    "ref",
    [
        "the red square",
        "The  RED\tsquare.",
        " the red\nsquare . ",
        "the red square. . .",
        "the red square?",
        "the red square ?!",
        "the red square…",
        "the red square;",
        '"The red square."',
        "«the red square»",
        "¿the red square？",
    ],
)
def test_prompt_rule(tokenizer, ref):
    tokens = tokenizer.encode(ref)
    assert tokens.ref == "the red square ."
    assert tokens.ids.tolist() == [CLS, THE, RED, SQUARE, DOT, SEP] + [0] * 6
    assert tokens.segments.tolist() == [1, 2, 2, 2, 2, 3] + [0] * 6
    assert tokens.positions.tolist() == [0, 0, 1, 2, 3, 0] + [0] * 6
    assert all(row.dtype == np.int32 for row in (tokens.ids, tokens.segments, tokens.positions))


def test_a_prompt_is_taken_as_it_is(tokenizer):
    """Nothing is stripped or added; the tokenizer alone lower-cases."""
    tokens = tokenizer.encode_prompt("The RED. . square")
    assert tokens.ref == "The RED. . square"
    assert tokens.ids[:7].tolist() == [CLS, THE, RED, DOT, DOT, SQUARE, SEP]
    assert tokens.segments[:7].tolist() == [1, 2, 2, 2, 3, 4, 4]
    with pytest.raises(InputError, match="at most 12 tokens"):
        tokenizer.encode_prompt("red " * 11)


def test_equal_prompts_have_equal_keys(tokenizer):
    assert tokenizer.encode("Red square").key == tokenizer.encode("red square.").key
    assert tokenizer.encode("red square").key != tokenizer.encode("green square").key


def test_punctuation_closes_a_segment(tokenizer):
    tokens = tokenizer.encode("red? the. square")
    assert tokens.ids[:8].tolist() == [CLS, RED, QUESTION, THE, DOT, SQUARE, DOT, SEP]
    assert tokens.segments[:8].tolist() == [1, 2, 2, 3, 3, 4, 4, 5]
    assert tokens.positions[:8].tolist() == [0, 0, 1, 0, 1, 0, 1, 0]


def test_attention_follows_the_segments(tokenizer):
    attention = tokenizer.encode("red square").attention
    assert attention.shape == (12, 12)
    assert attention[1:4, 1:4].all()
    assert attention[0].tolist() == [True] + [False] * 11  # [CLS] attends itself only
    assert attention[5:, 5:].all()  # padding attends padding
    assert not attention[5:, :5].any()


def test_phrases(tokenizer):
    tokens, spans = tokenizer.encode_phrases(["red square", "The green.", "square"])
    assert tokens.ref == "red square . the green . square ."
    assert spans == ((1, 3), (4, 6), (7, 8))
    words = [tokens.ids[start:stop].tolist() for start, stop in spans]
    assert words == [[RED, SQUARE], [THE, GREEN], [SQUARE]]
    assert tokens.segments[:10].tolist() == [1, 2, 2, 2, 3, 3, 3, 4, 4, 5]


def test_one_phrase_is_an_expression(tokenizer):
    tokens, spans = tokenizer.encode_phrases(["red square near the square"])
    assert tokens.key == tokenizer.encode("red square near the square").key
    assert spans == ((1, 6),)


@given(st.lists(st.text("red. ?", min_size=1, max_size=6), min_size=1, max_size=3))
def test_spans_point_at_the_words(phrases):
    from tokenizers import Tokenizer as Core
    from tokenizers.models import WordPiece
    from tokenizers.pre_tokenizers import BertPreTokenizer

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "?", "r", "e", "d", "##r", "##e", "##d"]
    core = Core(WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]"))
    core.pre_tokenizer = BertPreTokenizer()
    if not all(phrase.strip(". ?") for phrase in phrases):
        return
    tokens, spans = Tokenizer(core, 64).encode_phrases(phrases)
    for phrase, (start, stop) in zip(phrases, spans, strict=True):
        spelled = "".join(pieces[n].removeprefix("##") for n in tokens.ids[start:stop])
        assert spelled == normalise(phrase).replace(" ", "")
        assert pieces[tokens.ids[stop]] == "."


@pytest.mark.parametrize("phrases", [[], "red square", None])
def test_phrases_must_be_several(tokenizer, phrases):
    with pytest.raises(InputError, match="sequence of at least one phrase"):
        tokenizer.encode_phrases(phrases)


def test_unknown_words(tokenizer):
    tokens = tokenizer.encode("the Zebra near zebra")
    assert tokens.unknown == ("zebra",)
    assert tokens.understood
    assert tokens.ids[2] == UNK
    assert not tokenizer.encode("zebra crossing").understood


@pytest.mark.parametrize(
    "ref",
    ["", "   ", "...", "\t. \n", "?", ' "!" ', "red \udcff", "r" * 5000, None, 3, ["red"], b"red"],
)
def test_bad_expressions(tokenizer, ref):
    with pytest.raises(InputError, match="expected"):
        tokenizer.encode(ref)


def test_the_longest_expression(tokenizer):
    assert tokenizer.encode("red " * 9).segments.all()  # [CLS] + 9 + . + [SEP] = 12
    with pytest.raises(InputError, match="at most 12 tokens, got 13"):
        tokenizer.encode("red " * 10)


@pytest.mark.parametrize("words", [["[PAD]", "[UNK]", "[CLS]", "."], ["[PAD]", "[CLS]", "[SEP]"]])
def test_a_vocabulary_without_the_special_tokens_is_refused(words):
    from tokenizers import Tokenizer as Core
    from tokenizers.models import WordLevel

    core = Core(WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    with pytest.raises(EngineError, match=r"\[SEP\]|\[UNK\]"):
        Tokenizer(core, 12)


def test_files_that_are_no_tokenizer(tmp_path):
    with pytest.raises(EngineError, match="found none"):
        Tokenizer.from_file(tmp_path / "tokenizer.json", 12)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(EngineError, match="cannot read"):
        Tokenizer.from_file(tmp_path / "tokenizer.json", 12)


def test_truncation_in_the_file_is_ignored(engine):
    import tokenizers

    core = tokenizers.Tokenizer.from_file(str(engine / "tokenizer.json"))
    core.enable_truncation(3)
    core.enable_padding(length=30)
    core.save(str(engine / "tokenizer.json"))
    tokens = Tokenizer.from_file(engine / "tokenizer.json", 12).encode("the red square")
    assert tokens.ids[:6].tolist() == [CLS, THE, RED, SQUARE, DOT, SEP]


@pytest.mark.parametrize("case", ["onestep_A_d64", "onestep_B_d64"])
def test_golden_text_masks(golden, case):
    """Ids, positions and attention equal those of the published implementation."""
    import json

    from tokenizers import Tokenizer as Core
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    vocabulary = (golden / "bert" / "vocab.txt").read_text().split()
    core = Core(WordPiece({w: n for n, w in enumerate(vocabulary)}, unk_token="[UNK]"))
    core.normalizer, core.pre_tokenizer = BertNormalizer(lowercase=True), BertPreTokenizer()
    text = json.loads((golden / "onestep.json").read_text())[case]["text"]
    expected = np.load(golden / f"{case}.npz")
    tokens = Tokenizer(core, 64).encode(text)
    count = len(expected["input_ids"])
    np.testing.assert_array_equal(tokens.ids[:count], expected["input_ids"])
    np.testing.assert_array_equal(tokens.positions[:count], expected["text_position_ids"])
    np.testing.assert_array_equal(tokens.attention[:count, :count], expected["text_block_mask"])
    assert not tokens.ids[count:].any()
