"""Starting from a model of another vocabulary: all that fits, and embeddings by the word."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sdk.errors import CheckpointError
from train.checkpoint import save_checkpoint
from train.data.vocabulary import SPECIAL, write_tokenizer
from train.models.inherit import WORDS, inherit

OLD, NEW = ["red", "car", "lorry"], ["a", "car", "red", "truck"]


@pytest.fixture
def tokenizers(tmp_path: Path) -> tuple[Path, Path]:
    for name, words in (("old", OLD), ("new", NEW)):
        write_tokenizer(words, tmp_path / f"{name}.json")
    return tmp_path / "old.json", tmp_path / "new.json"


def models(make_model, make_config, base=None, **changes):
    old = make_model(make_config(vocab_size=len(SPECIAL) + len(OLD)), seed=1)
    new = make_model(make_config(base, vocab_size=len(SPECIAL) + len(NEW), **changes), seed=2)
    return old, new


def test_words_keep_their_meaning(make_model, make_config, tokenizers, tmp_path) -> None:
    old, new = models(make_model, make_config)
    save_checkpoint(tmp_path / "old", old, tokenizers[0])
    fresh = new.state_dict()[WORDS].clone()
    said = inherit(new, tokenizers[1], tmp_path / "old")
    found, given = new.state_dict(), old.state_dict()
    for name, tensor in found.items():
        if name != WORDS and tensor.is_floating_point():
            torch.testing.assert_close(tensor, given[name].half().float(), msg=name)
    first = len(SPECIAL)
    rows = {word: found[WORDS][first + k] for k, word in enumerate(sorted(NEW))}
    known = {word: given[WORDS][first + k].half().float() for k, word in enumerate(sorted(OLD))}
    assert torch.equal(rows["red"], known["red"])
    assert torch.equal(rows["car"], known["car"])
    assert torch.equal(rows["truck"], fresh[first + sorted(NEW).index("truck")])
    assert torch.equal(found[WORDS][:first], given[WORDS][:first].half().float())
    assert said.endswith(f"{len(found)} of {len(found)} tensors, 10 of 12 words")


FC1 = "base.model.encoder.layers.0.deformable_layer.fc1.weight"
FC2 = "base.model.encoder.layers.0.deformable_layer.fc2.weight"


def test_a_wider_layer_goes_on_as_the_narrower_one(
    make_model, make_config, tokenizers, tmp_path
) -> None:
    old, new = models(make_model, make_config, {"encoder_ffn_dim": 48})
    save_checkpoint(tmp_path / "old", old, tokenizers[0])
    before = new.state_dict()[FC1].clone()
    said = inherit(new, tokenizers[1], tmp_path / "old")
    found, given = new.state_dict(), old.state_dict()
    wide = len(given[FC1])
    assert wide < len(before)
    torch.testing.assert_close(found[FC1][:wide], given[FC1].half().float())
    assert torch.equal(found[FC1][wide:], before[wide:])
    torch.testing.assert_close(found[FC2][:, :wide], given[FC2].half().float())
    assert not found[FC2][:, wide:].any()
    assert " (not " not in said


def test_what_does_not_fit_is_said(make_model, make_config, tokenizers, tmp_path) -> None:
    old, new = models(make_model, make_config, {"encoder_ffn_dim": 16})
    save_checkpoint(tmp_path / "old", old, tokenizers[0])
    before = new.state_dict()[FC1].clone()
    said = inherit(new, tokenizers[1], tmp_path / "old")
    assert said.count(".weight, base.") + said.count(".bias, base.") == 2
    assert " and more)" in said
    assert torch.equal(new.state_dict()[FC1], before)


def test_another_methods_base_is_not_what_was_trained(
    make_model, make_config, tokenizers, tmp_path
) -> None:
    old, new = models(make_model, make_config, method="piza-lora")
    save_checkpoint(tmp_path / "old", old, tokenizers[0])
    with pytest.raises(CheckpointError, match=r"adapted by piza-adapter\+"):
        inherit(new, tokenizers[1], tmp_path / "old")
