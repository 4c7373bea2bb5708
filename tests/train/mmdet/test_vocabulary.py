"""The tokenizer of a ``vocab.txt`` is BERT's."""

from __future__ import annotations

from pathlib import Path

import pytest
import tokenizers
from transformers import BertTokenizer

from sdk.errors import InputError
from train.mmdet import vocabulary
from train.mmdet.vocabulary import from_vocab

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", ",", "'", "cafe", "red", "car"]
WORDS += ["##s", "##port", "車", "1", "##2"]
TEXTS = [
    "Red cars.",
    "a CAFÉ, carport?",
    "車 red's\tcar12",
    "",
    "red\u00a0car \u200b\x00?",
    "c" * 200,
]


@pytest.fixture
def vocab(tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("text", TEXTS)
def test_it_splits_as_bert_does(vocab: Path, tmp_path: Path, text: str) -> None:
    from_vocab(vocab, tmp_path / "tokenizer.json")
    ours = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    theirs = BertTokenizer(vocab={word: index for index, word in enumerate(WORDS)})
    assert ours.get_vocab_size() == len(WORDS)
    expected = theirs(text, add_special_tokens=False)["input_ids"]
    assert ours.encode(text, add_special_tokens=False).ids == expected


def test_windows_line_ends_and_no_last_one(vocab: Path, tmp_path: Path) -> None:
    vocab.write_bytes("\r\n".join(WORDS).encode())
    from_vocab(vocab, tmp_path / "tokenizer.json")
    tokenizer = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.get_vocab() == {word: index for index, word in enumerate(WORDS)}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe", "cannot read"), (b"red\nred\n", "once"), (None, "cannot read")],
)
def test_files_that_are_none(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        from_vocab(tmp_path / "vocab.txt", tmp_path / "tokenizer.json")


def test_the_hub_is_asked_for_one_when_none_is_named(vocab: Path, tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(vocabulary, "fetch", lambda *what: asked.append(what) or vocab.parent)
    from_vocab(None, tmp_path / "tokenizer.json")
    assert asked == [(vocabulary.HUB_ID, (vocabulary.HUB_FILE,))]
    assert (tmp_path / "tokenizer.json").is_file()


def test_without_a_network(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("sdk.hub.unreachable", lambda: "no network")
    monkeypatch.setattr(vocabulary, "HUB_ID", "nobody/knows")
    with pytest.raises(InputError, match=r"no network.*--vocab"):
        from_vocab(None, tmp_path / "tokenizer.json")
