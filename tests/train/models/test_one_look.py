"""MDETR and TransVG as wholes, and as networks."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from sdk.errors import CheckpointError
from train.models.mdetr.config import LABELS
from train.models.one_look import networks, ranked

METHODS = ("mdetr", "transvg")


def sentence(length: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.tensor([2, 9, 17, 30, 3]).repeat(2, 1)
    mask = torch.ones(2, 5, dtype=torch.int64)
    return tuple(torch.nn.functional.pad(each, (0, length - 5)) for each in (ids, mask))


def pixels() -> torch.Tensor:
    """Two inputs, of which the second shows something in its middle alone."""
    torch.manual_seed(1)
    made = torch.randn(2, 3, 64, 96)
    made[1, :, :16] = made[1, :, 48:] = 0
    return made


@pytest.mark.parametrize("method", METHODS)
@torch.inference_mode()
def test_networks_are_the_model(one_look, method: str) -> None:
    """Without a batch inside, one after the other, in the types that engines feed."""
    model = one_look(method)
    ids, mask = sentence()
    seen, said = model.encode_image(pixels()), model.encode_text(ids, mask)
    found = model.ground(seen, said, mask)
    text, image, joint = networks(model)
    for k in range(2):
        prompt = ids[k : k + 1].int(), mask[k : k + 1].int()
        parts = image.module(pixels()[k : k + 1])
        answer = joint.module(*parts, text.module(*prompt), prompt[1])
        if method == "mdetr":
            boxes, scores = ranked(found)
            assert_close(answer[0][0], boxes[k], atol=1e-5, rtol=0)
            assert_close(answer[1][0], scores[k], atol=1e-5, rtol=0)
            assert (answer[1][0].diff() <= 0).all()
        else:
            x, y, w, h = found.box[k].tolist()
            expected = torch.tensor([[x - w / 2, y - h / 2, x + w / 2, y + h / 2]])
            assert_close(answer[0], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", METHODS)
@torch.inference_mode()
def test_the_sentence_and_the_picture_are_both_heard(one_look, method: str) -> None:
    model = one_look(method)
    ids, mask = sentence()

    def boxes(picture: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        found = model.ground(model.encode_image(picture), model.encode_text(words, mask), mask)
        return found.boxes[-1] if method == "mdetr" else found.box

    first = boxes(pixels(), ids)
    assert (first - boxes(pixels().flip(3), ids)).abs().max() > 1e-4
    other = ids.clone()
    other[:, 2] = 40
    assert (first - boxes(pixels(), other)).abs().max() > 1e-4
    assert ((first > 0) & (first < 1)).all()


@torch.inference_mode()
def test_mdetr_does_not_hear_padding_of_a_sentence(one_look) -> None:
    model = one_look("mdetr")
    seen = model.encode_image(pixels())
    (short, heard), (ids, mask) = sentence(5), sentence()
    found = model.ground(seen, model.encode_text(ids, mask), mask)
    alone = model.ground(seen, model.encode_text(short, heard), heard)
    assert_close(found.logits, alone.logits, atol=1e-5, rtol=1e-5)
    assert found.logits.shape == (2, 2, 5, LABELS)
    assert_close(found.queries.norm(dim=-1), torch.ones(2, 2, 5))
    last = model.ground(seen, model.encode_text(ids, mask), mask, last_only=True)
    assert_close(last.boxes[0], found.boxes[-1])
    assert last.queries is None


def test_transvg_has_places_for_whole_cells_only(one_look) -> None:
    with pytest.raises(CheckpointError, match="multiples of 32 px"):
        one_look("transvg", input_hw=(60, 96))
