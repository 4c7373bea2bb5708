"""A small CLIP at random: a folder that transformers, training and export open alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModel, AutoTokenizer, CLIPModel

from export.clip import open_clip
from train.models.clip import small
from train.models.clip.networks import token_features
from train.models.clip.public import open_public_clip, save_public_clip
from train.models.clip.small import END, PAD, START, make_tokenizer, write_small_clip

REFS = ("the red car", "a café left of the bus", "the red car's 2nd door")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "clip"
    write_small_clip(path, REFS, 0)
    return path


def test_words_are_tokens_and_others_are_spelt() -> None:
    tokenizer = make_tokenizer(REFS)
    assert tokenizer.encode("the red bus").tokens == [START, "the", "red", "bus", END]
    spelt = tokenizer.encode("The RED zebra")
    assert spelt.tokens[:3] == [START, "the", "red"]
    assert "".join(piece.removeprefix("##") for piece in spelt.tokens[3:-1]) == "zebra"
    assert "[UNK]" in tokenizer.encode("the 車").tokens
    assert tokenizer.token_to_id(PAD) == 0
    assert tokenizer.token_to_id(END) != 2


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=30))
def test_any_ascii_text_becomes_tokens(text: str) -> None:
    tokens = make_tokenizer(REFS).encode(text).tokens
    assert "[UNK]" not in tokens
    assert (tokens[0], tokens[-1]) == (START, END)


def test_the_same_seed_makes_the_same_folder(folder, tmp_path) -> None:
    write_small_clip(tmp_path / "again", REFS, 0)
    write_small_clip(tmp_path / "other", REFS, 1)
    for path in folder.iterdir():
        same = (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
        assert same, path.name
    weights = "model.safetensors"
    assert (tmp_path / "other" / weights).read_bytes() != (folder / weights).read_bytes()


def test_transformers_reads_it(folder) -> None:
    model = CLIPModel.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ours = open_public_clip(str(folder))
    for name, tensor in ours.model.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name
    for ref in (*REFS, "a zebra"):
        theirs = tokenizer(ref, padding="max_length", max_length=ours.max_tokens, truncation=True)
        assert ours.text_ids(ref)[0].tolist() == theirs["input_ids"]


def test_texts_end_where_their_last_token_is(folder) -> None:
    """What fills a text up changes nothing, which training relies on."""
    opened = open_public_clip(str(folder))
    ids = torch.from_numpy(opened.text_ids(REFS[0])[0]).long()[None]
    used = int((ids != opened.pad_id).sum())
    with torch.no_grad():
        short, full = (token_features(opened.model, each) for each in (ids[:, :used], ids))
    torch.testing.assert_close(short, full)


def test_an_engine_takes_it(folder) -> None:
    clip = open_clip(str(folder)).clip
    assert clip.image.hw == (small.SIDE, small.SIDE)
    assert (clip.reading, clip.pad_id, clip.pad_left) == ("softmax", 0, False)
    assert clip.scale == pytest.approx(1 / 0.07, rel=1e-3)


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2"])
def test_what_is_saved_is_what_was_opened(public_clip, kind, tmp_path) -> None:
    source, model, _ = public_clip(kind)
    opened = open_public_clip(str(source))
    save_public_clip(tmp_path / "saved", opened.model, opened)
    loaded = AutoModel.from_pretrained(tmp_path / "saved")
    assert type(loaded) is type(model)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    again = open_public_clip(str(tmp_path / "saved"))
    assert (again.image, again.max_tokens, again.pad_id) == (
        opened.image,
        opened.max_tokens,
        opened.pad_id,
    )
    assert again.text_ids("the van")[0].tolist() == opened.text_ids("the van")[0].tolist()


def test_half_precision_is_trained_in_single(public_clip, tmp_path) -> None:
    source, model, tokenizer = public_clip("clip")
    halved = type(model).from_pretrained(source, dtype=torch.float16)
    halved.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    opened = open_public_clip(str(tmp_path))
    assert {each.dtype for each in opened.model.parameters()} == {torch.float32}
    save_public_clip(tmp_path / "saved", opened.model, opened)
    assert CLIPModel.from_pretrained(tmp_path / "saved", dtype="auto").dtype == torch.float32
