"""Samples of annotated photographs."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdk.errors import InputError
from sdk.geometry import contains, cxcywh_to_xyxy
from sdk.letterbox import Letterbox
from train.data import photographs
from train.data.annotations import Annotation, AnnotationSet, read_annotations
from train.data.batches import NOTHING, collate
from train.data.photographs import PhotoSamples
from train.data.samples import Sample

WH = {"a.png": (320, 240), "b.png": (200, 300)}
ITEMS = (
    Annotation("a.png", (20, 30, 40, 60), "the red car near the white van", 1),
    Annotation("a.png", (200, 100, 230, 120), "the white van", 2),
    Annotation("a.png", (200, 100, 230, 120), "the van", 3),
    Annotation("b.png", (100, 200, 130, 240), "the blue sign", 4),
)

Make = Callable[..., PhotoSamples]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for name, (width, height) in WH.items():
        picture = rng.integers(0, 255, (height, width, 3), np.uint8)
        cv2.imwrite(str(folder / name), picture)
    return folder


@pytest.fixture
def make(images: Path, config, tokenizer_file: Path) -> Make:
    """``make(items, **options)``"""

    def build(items=ITEMS, seed: int = 0, **options) -> PhotoSamples:
        own = options.pop("config", config)
        return PhotoSamples(AnnotationSet(items, ()), images, own, tokenizer_file, seed, **options)

    return build


def same(a: list[Sample], b: list[Sample]) -> bool:
    pairs = zip(a, b, strict=True)
    return all(
        np.array_equal(x.pixels, y.pixels)
        and np.array_equal(x.boxes, y.boxes)
        and np.array_equal(x.tokens.ids, y.tokens.ids)
        and x.progress == y.progress
        for x, y in pairs
    )


def test_every_annotation_once_an_epoch(make: Make) -> None:
    data = make(epochs=20)
    assert len(data) == 80
    epochs = [[data.item(20 * 0 + 4 * e + k).id for k in range(4)] for e in range(20)]
    assert all(sorted(epoch) == [1, 2, 3, 4] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 5  # each in an order of its own
    other = make(epochs=20, seed=1)
    assert [other.item(k).id for k in range(80)] != [i for epoch in epochs for i in epoch]


def test_items_depend_on_seed_and_index_alone(make: Make) -> None:
    first, second = make(epochs=3, crops=2), make(epochs=3, crops=2)
    backwards = {k: second[k] for k in reversed(range(12))}
    assert all(same(first[k], backwards[k]) for k in range(12))
    moved = pickle.loads(pickle.dumps(make(epochs=3, crops=2)))  # as a worker gets it
    assert same(moved[7], first[7])
    assert not all(same(first[k], make(epochs=3, crops=2, seed=5)[k]) for k in range(12))


@pytest.mark.parametrize("index", [-1, 4, 100])
def test_items_that_are_none(make: Make, index: int) -> None:
    with pytest.raises(IndexError):
        make()[index]


def test_samples(make: Make, monkeypatch) -> None:
    """Targets lie in the crop or there is none; both steps come up; nothing else is known."""
    read = Counter()
    real = photographs.read_image
    monkeypatch.setattr(photographs, "read_image", lambda p: read.update([p.name]) or real(p))
    data = make(epochs=15, crops=4)
    samples = [sample for k in range(len(data)) for sample in data[k]]
    assert sum(read.values()) == len(data)  # once an item, whatever the number of crops
    assert read["a.png"] == 3 * read["b.png"]
    assert len(samples) == 240
    first = [sample for sample in samples if sample.progress == 0]
    assert 60 < len(first) < 180
    for sample in samples:
        assert len(sample.boxes) == len(sample.spans) <= 1
        assert contains((0, 0, 1, 1), cxcywh_to_xyxy(sample.places), 1e-6).all()
        assert (sample.seen.kinds == NOTHING).all()
        assert not sample.seen.mentions.any()
    assert all(len(sample.boxes) == 1 for sample in first)
    batch = collate([data[0], data[1]])
    assert batch.pixels.shape[0] == 8
    assert (batch.seen_kinds == NOTHING).all()


def test_sizes_of_targets_and_their_images(make: Make) -> None:
    frames, targets = make().sizes()
    known = {((320, 240), (20, 30)), ((320, 240), (30, 20)), ((200, 300), (30, 40))}
    assert set(zip(frames, targets, strict=True)) == known
    assert len(frames) == len(ITEMS)
    assert len(make().sizes(most=2)[0]) == 2


def test_models_that_do_not_zoom_see_whole_frames(make: Make, make_config) -> None:
    plain = make_config(method="adapter+")
    data = make(config=plain, crops=3)
    for index in range(len(data)):
        item = data.item(index)
        box = Letterbox((0, 0, *WH[item.image]), plain.input_hw)
        for sample in data[index]:
            assert sample.progress == 0
            np.testing.assert_allclose(
                box.to_frame(cxcywh_to_xyxy(sample.boxes)), [item.xyxy], atol=1e-3
            )


def test_sentences_that_are_too_long(make: Make) -> None:
    long = Annotation("a.png", (20, 30, 40, 60), "the red car " * 40, 9)
    data = make((*ITEMS, long))
    assert data.items == ITEMS
    assert data.left_out == (long,)
    with pytest.raises(InputError, match="1 sentences are longer than 64 tokens"):
        make((long,))


def test_no_annotations(make: Make) -> None:
    with pytest.raises(InputError, match="expected annotations to train on"):
        make(())


def test_photographs_that_cannot_be_used(make: Make) -> None:
    with pytest.raises(InputError, match=r"cannot read the image .*gone\.png"):
        make((Annotation("gone.png", (1, 1, 2, 2), "the car", 1),))[0]
    outside = Annotation("a.png", (310, 10, 330, 20), "the car", 1)
    with pytest.raises(InputError, match=r"outside its image a\.png \(320 x 240 px\)"):
        make((outside,))[0]


def test_a_published_photograph(sorec_folder: Path, tmp_path: Path, make_config, tokenizer_file):
    """A sign of 42 x 45 px in 12 megapixels."""
    path = tmp_path / "one.json"
    path.write_text(
        '[{"image": "sample_2.jpg", "bbox": [1340, 1638, 42, 45], "ref": "The red sign.", "id": 1}]'
    )
    annotations = read_annotations(path, sorec_folder)
    data = PhotoSamples(annotations, sorec_folder, make_config(), tokenizer_file, 0, crops=6)
    boxes = np.concatenate([sample.places for sample in data[0]])
    assert len(boxes) == 6
    assert (boxes[:, 2:] > 0.005).all()
