"""Photographs with several sentences each, as one-look models are asked."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from sdk.sentences import SentenceTokenizer
from train.data.entries import Annotation
from train.data.referring import Asked, Reading, Referring, random_window, stacked
from train.data.samples import NOTHING
from train.losses.boxes import to_corners
from train.models.mdetr.config import mdetr_tiny

WIDE, NARROW = (120, 80), (50, 100)  # width, height
BOXES = ((10.0, 20.0, 40.0, 60.0), (70.0, 5.0, 110.0, 45.0), (5.0, 5.0, 30.0, 60.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    for name, (width, height) in {"wide.png": WIDE, "narrow.png": NARROW}.items():
        picture = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
        cv2.imwrite(str(folder / name), picture)
    return folder


ITEMS = (
    Annotation("wide.png", BOXES[0], "the red car", 0, "car"),
    Annotation("wide.png", BOXES[0], "the car on the left", 1, "car"),
    Annotation("wide.png", BOXES[1], "the blue van", 2, "van"),
    Annotation("narrow.png", BOXES[2], "the person", 3),
)


@pytest.fixture
def referring(folder, tokenizer_file):
    """``referring(of_content=False, seed=0, **changes)``"""

    def make(of_content: bool = False, seed: int = 0, items=ITEMS, **changes) -> Referring:
        network = mdetr_tiny(9)
        tokenizer = SentenceTokenizer.from_file(tokenizer_file, 12)
        reading = Reading(network, of_content, **changes)
        return Referring(items, folder, tokenizer, reading, seed)

    return make


def first(data: Referring, name: str) -> Asked:
    """The first item of a photograph."""
    names = [each.name for each in data.photographs]
    return next(data[k] for k in range(9) if data.place(k) == names.index(name))


def test_every_photograph_once_an_epoch(referring) -> None:
    data = referring()
    assert [each.name for each in data.photographs] == ["wide.png", "narrow.png"]
    assert data.categories == ("car", "van")
    for epoch in range(4):
        assert {data.place(2 * epoch), data.place(2 * epoch + 1)} == {0, 1}
    assert data.refs == tuple(item.ref for item in ITEMS)


def test_an_item_is_a_function_of_its_number(referring) -> None:
    ahead = referring()
    for k in (3, 0, 5):
        one, other = referring()[k], ahead[k]
        assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))
    assert not torch.equal(referring()[0].pixels, referring(seed=1)[0].pixels)


def test_objects_and_their_sentences(referring) -> None:
    """Several objects, each with one of its sentences; boxes where they are in the picture."""
    for seed in range(6):
        item = first(referring(seed=seed), "wide.png")
        assert 1 <= len(item.ids) <= 2
        assert item.there.all()
        assert torch.equal(item.boxes, item.places)
        assert set(item.kinds.flatten().tolist()) <= {0, 1}
        assert (item.mask.sum(1) >= 4).all()  # [CLS], two words, [SEP]
        for box in to_corners(item.places):
            assert ((box >= -1e-6) & (box <= 1 + 1e-6)).all()
    alone = first(referring(most=1), "wide.png")
    assert len(alone.ids) == 1
    assert first(referring(), "narrow.png").kinds.tolist() == [[NOTHING]]


def test_around_the_picture_everything_is_zero(referring) -> None:
    """Whatever light it is in; boxes of MDETR are shares of the rest."""
    seen = 0
    for seed in range(6):
        whole, content = (first(referring(c, seed), "narrow.png") for c in (False, True))
        shown = (whole.pixels[0] != 0).any(0)
        rows, columns = shown.any(1), shown.any(0)
        assert rows.all()
        left, width = int(columns.float().argmax()), int(columns.sum())
        assert torch.equal(shown, columns.expand_as(shown))
        assert left == (len(columns) - width) // 2
        assert 0 < width < len(columns)
        box, share = to_corners(whole.boxes[0]), to_corners(content.boxes[0])
        expected = (share[0] * width + left) / len(columns)
        assert box[0].item() == pytest.approx(expected.item(), abs=0.01)
        assert box[1].item() == pytest.approx(share[1].item(), abs=0.01)
        assert torch.equal(whole.places, content.places)
        seen += 1
    assert seen == 6


def test_sentences_of_other_photographs(referring) -> None:
    """True of nothing: no box, not there, and never one that is said of this photograph."""
    items = [first(referring(True, seed, foreign=1.0), "narrow.png") for seed in range(8)]
    found = [item for item in items if len(item.ids) == 2]
    assert found  # the only other sentence is its own now and then
    for item in found:
        assert item.there.tolist() == [True, False]
        assert not item.boxes[1].any()
        assert not torch.equal(item.ids[0], item.ids[1])


def test_a_batch_of_all(referring) -> None:
    data = referring()
    items = [first(data, "wide.png"), first(data, "narrow.png")]
    batch = stacked(items)
    counts = [len(item.ids) for item in items]
    assert batch.picture.tolist() == [0] * counts[0] + [1] * counts[1]
    assert batch.pixels.shape[0] == 2
    assert batch.objects.shape[:2] == batch.kinds.shape
    padded = batch.kinds.shape[1] - items[1].kinds.shape[1]
    assert batch.kinds[1].tolist() == [NOTHING] * (1 + padded)


def test_sentences_that_are_too_long_are_counted(referring) -> None:
    long = Annotation("wide.png", BOXES[0], "the car " * 9, 9)
    assert referring(items=(*ITEMS, long)).too_long == 1
    assert referring().too_long == 0


def test_a_photograph_that_was_exchanged(referring) -> None:
    moved = Annotation("narrow.png", (60.0, 5.0, 90.0, 60.0), "the person", 3)
    with pytest.raises(InputError, match=r"narrow\.png: it was exchanged"):
        referring(items=(moved,))[0]


@given(seed=st.integers(0, 10_000))
def test_windows_lie_in_the_frame(seed: int) -> None:
    x1, y1, x2, y2 = random_window(WIDE, np.random.default_rng(seed))
    assert 0 <= x1 < x2 <= WIDE[0] + 1e-9
    assert 0 <= y1 < y2 <= WIDE[1] + 1e-9
    assert x2 - x1 >= 0.75 * WIDE[0] - 1e-9
    assert (x2 - x1) / WIDE[0] == pytest.approx((y2 - y1) / WIDE[1])
