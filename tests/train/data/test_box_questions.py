"""Photographs as vectors: made once, and asked about in whole batches."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sdk.errors import InputError
from sdk.geometry import contains, cxcywh_to_xyxy
from sdk.regions.views import View
from train.data import box_questions
from train.data.box_questions import BoxQuestions, make_vectors, some_windows, whole_batch
from train.data.entries import Annotation
from train.models.clip.public import open_public_clip

REFS = ("the red car", "a van", "Left bus.")


@pytest.fixture(scope="module")
def opened(public_clip):
    return open_public_clip(str(public_clip("clip")[0]))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for k in range(3):
        cv2.imwrite(str(folder / f"{k}.png"), rng.integers(0, 255, (40 + k, 60, 3), np.uint8))
    return folder


@pytest.fixture
def items() -> list[Annotation]:
    return [
        Annotation(f"{k}.png", (10.0 + k, 5.0, 40.0, 35.0), ref, 3 * k + n)
        for k in range(3)
        for n, ref in enumerate(REFS)
    ]


def vectors(items, images, opened, kept: Path, windows: int = 2):
    return make_vectors(items, images, opened, View("padded"), windows, 0, kept)


def test_they_are_what_the_vehicle_sees_and_hears(items, images, opened, tmp_path) -> None:
    found = vectors(items, images, opened, tmp_path / "kept")
    assert found.names == ("0.png", "1.png", "2.png")
    assert found.refs == ("the red car", "a van", "left bus")
    assert found.windows.shape == (3, 3, 4)
    assert found.windows[:, 0].tolist() == [[0, 0, 60, 40], [0, 0, 60, 41], [0, 0, 60, 42]]
    for each in (found.seen, found.said):
        assert torch.allclose(each.norm(dim=-1), torch.ones(()))
    assert found.seen.shape == (3, 3, 16)
    frame = cv2.imread(str(images / "1.png"))
    crops = View("padded").crops(frame, "bgr", found.windows[1].numpy(), opened.image)
    with torch.no_grad():
        seen = opened.model.get_image_features(torch.from_numpy(crops)).pooler_output
    assert torch.allclose(found.seen[1], torch.nn.functional.normalize(seen), atol=1e-5)


def test_they_are_made_once(items, images, opened, tmp_path, monkeypatch) -> None:
    first = vectors(items, images, opened, tmp_path / "kept")
    monkeypatch.setattr(box_questions, "image_vectors", None)  # nobody may look again
    again = vectors(items, images, opened, tmp_path / "kept")
    assert torch.equal(first.seen, again.seen)
    monkeypatch.undo()
    fewer = vectors(items, images, opened, tmp_path / "kept", windows=0)
    assert fewer.seen.shape == (3, 1, 16)
    (tmp_path / "kept").write_bytes(b"half of it")
    assert torch.equal(vectors(items, images, opened, tmp_path / "kept").seen, first.seen)


def test_a_photograph_that_cannot_be_read(items, opened, tmp_path) -> None:
    with pytest.raises(InputError, match=r"0\.png"):
        vectors(items, tmp_path, opened, tmp_path / "kept")


@pytest.mark.parametrize("count", [0, 50])
def test_windows_lie_in_the_frame(count) -> None:
    windows = some_windows((30, 20), count, np.random.default_rng(0))
    assert len(windows) == 1 + count
    assert contains((0, 0, 30, 20), windows).all()
    assert ((windows[:, 2:] - windows[:, :2]) >= (15, 10)).all()
    assert (windows == windows.round()).all()


def test_batches_are_pure_and_ask_everything_once_an_epoch(items, images, opened, tmp_path) -> None:
    known = vectors(items, images, opened, tmp_path / "kept")
    questions = BoxQuestions(items, known, 3, seed=4)
    other = BoxQuestions(items, known, 3, seed=4)
    late, early = questions[5], [questions[k] for k in range(3)]
    assert torch.equal(other[5].image, late.image)
    assert torch.equal(other[5].boxes, late.boxes)
    assert sorted(questions.question(k) for k in range(9)) == list(range(9))
    assert len(torch.cat([each.boxes for each in early])) == 9
    assert whole_batch([late]) is late


def test_boxes_are_shares_of_the_windows_that_show_them(items, images, opened, tmp_path) -> None:
    known = vectors(items, images, opened, tmp_path / "kept", windows=8)
    questions = BoxQuestions(items, known, 9, seed=0)
    whole = 0
    for k in range(8):
        batch = questions[k]
        asked = [questions.question(9 * k + place) for place in range(9)]
        for row, number in enumerate(asked):
            seen = known.seen[questions.photograph[number]]
            [window] = torch.nonzero((seen == batch.image[row]).all(1))[:1].flatten().tolist()
            whole += window == 0
            x1, y1, x2, y2 = known.windows[questions.photograph[number], window].tolist()
            assert batch.sides[row].tolist() == [x2 - x1, y2 - y1]
            placed = cxcywh_to_xyxy(batch.boxes[row].numpy()) * ([x2 - x1, y2 - y1] * 2)
            placed = placed + np.array([x1, y1, x1, y1])
            assert placed == pytest.approx(questions.boxes[number], abs=1e-3)
    assert 72 / 4 < whole < 72


def test_mean_and_deviation_of_the_boxes(items, images, opened, tmp_path) -> None:
    questions = BoxQuestions(items, vectors(items, images, opened, tmp_path / "kept", 0), 2, 0)
    said = questions.frames()
    assert said["centre"][0] == pytest.approx((25 + 25.5 + 26) / 3 / 60)
    assert said["spread"][3] >= 0.01  # all are nearly of the same height
    assert questions.mean_pixels().tolist() == [11.0, 5.0, 40.0, 35.0]
