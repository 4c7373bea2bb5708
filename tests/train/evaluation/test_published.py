"""The published search: its arithmetic, and what it does where the published code would crash."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from sdk.text import Tokenizer
from train.evaluation.published import (
    PUBLISHED,
    PublishedPolicy,
    PublishedSearcher,
    history_entry,
    in_frame,
    prompt,
    resized,
    resized_wh,
    whole_pixels,
)
from train.models.grounding_dino.grounder import PizaGrounder

SIDES = st.integers(1, 6000)
SMALL = PublishedPolicy(scale_px=(64, 96))


def frame(width: int = 120, height: int = 80) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("the red car", "the red car. "),
        ("The Red Car.", "The Red Car."),
        ("is it red?", "is it red?. "),
        ("the red car. ", "the red car. . "),
        ("a. b", "a. b. "),
    ],
)
def test_prompt(ref: str, expected: str) -> None:
    assert prompt(ref) == expected


@pytest.mark.parametrize(
    ("crop_wh", "expected"),
    [
        ((1333, 800), (1333, 800)),
        ((800, 1333), (800, 1333)),  # either orientation
        ((1920, 1080), (1333, 749)),  # the long side fits first; 749.8 is cut off
        ((640, 480), (1066, 800)),  # the short side fits first; crops grow
        ((1, 1), (800, 800)),
        ((1, 6000), (0, 1333)),
        ((0, 5), (0, 0)),
        ((-3, 5), (0, 0)),
    ],
)
def test_resized_wh(crop_wh: tuple[int, int], expected: tuple[int, int]) -> None:
    assert resized_wh(crop_wh, (800, 1333)) == expected


@given(width=SIDES, height=SIDES)
def test_a_resized_crop_fits_and_keeps_its_shape(width: int, height: int) -> None:
    new_w, new_h = resized_wh((width, height), (800, 1333))
    assert max(new_w, new_h) <= 1333
    assert min(new_w, new_h) <= 800
    factor = min(1333 / max(width, height), 800 / min(width, height))
    assert math.isclose(new_w, width * factor, abs_tol=1)
    assert math.isclose(new_h, height * factor, abs_tol=1)


def test_resizing_averages_and_turns_colours() -> None:
    """A checkerboard becomes grey; BGR becomes RGB."""
    board = np.indices((40, 40)).sum(0) % 2 * 255
    small = resized(np.stack([board] * 3, axis=-1).astype(np.uint8), (10, 10))
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 8
    blue = np.zeros((4, 6, 3), np.uint8)
    blue[..., 0] = 200
    assert resized(blue, (6, 4)).shape == (4, 6, 3)
    assert (resized(blue, (6, 4)) == [0, 0, 200]).all()


def test_boxes_are_clipped_to_the_input_and_moved_to_the_window() -> None:
    boxes = np.array([[-0.5, 0.25, 0.5, 1.5], [0, 0, 1, 1]], np.float32)
    found = in_frame(boxes, (200, 100), (30, 40, 100, 50))
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([[30, 52.5, 80, 90], [30, 40, 130, 90]]))


def test_window_and_history_round_differently() -> None:
    box = np.array([10.6, 20.2, 30.5, 40.1], np.float32)
    assert whole_pixels(box) == (10, 20, 20, 20)
    assert history_entry(box) == (10, 20, 19, 19)


@given(box=st.lists(st.floats(0, 5000, width=32), min_size=4, max_size=4))
def test_a_window_holds_its_history_entry(box: list[float]) -> None:
    x1, x2 = sorted(box[:2])
    y1, y2 = sorted(box[2:])
    window, entry = whole_pixels([x1, y1, x2, y2]), history_entry([x1, y1, x2, y2])
    assert window[:2] == entry[:2]
    assert all(0 <= w - e <= 1 for w, e in zip(window[2:], entry[2:], strict=True))


@pytest.fixture(scope="module")
def model(make_model: Callable[..., PizaGrounder]) -> PizaGrounder:
    return make_model()


def never_ends(model: PizaGrounder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        model.history, "forward", lambda h, v: (torch.full((1,), -9.0), torch.full((1,), -0.312))
    )


def offering(model: PizaGrounder, monkeypatch: pytest.MonkeyPatch, box: list[float]) -> None:
    """Every candidate is this xyxy box of the network input."""
    boxes = torch.tensor(box).expand(1, 5, 4)
    monkeypatch.setattr(
        "train.evaluation.published.ranked", lambda _: (boxes, torch.full((1, 5), 0.5))
    )


def test_search(model: PizaGrounder, tokenizer: Tokenizer) -> None:
    """On a frame of odd size; each window is the whole pixels of the box before it."""
    picture = frame(119, 81)
    found = PublishedSearcher(model, tokenizer, SMALL)(picture, "the red car left of the van")
    assert found.zooms
    assert found.zooms[0].window_xyxy.tolist() == [0, 0, 119, 81]
    for before, after in zip(found.zooms, found.zooms[1:], strict=False):
        assert after.window_xyxy.tolist() == [int(edge) for edge in before.xyxy]
    for zoom in found.zooms:
        assert zoom.candidates_xyxy.shape == (5, 4)
        assert (np.diff(zoom.candidates_scores) <= 0).all()
        assert zoom.progress == pytest.approx(round(zoom.progress / 0.05) * 0.05, abs=1e-6)


def test_five_steps_at_most_and_progress_is_not_clipped(model, tokenizer, monkeypatch) -> None:
    never_ends(model, monkeypatch)
    offering(model, monkeypatch, [0.1, 0.1, 0.9, 0.9])
    found = PublishedSearcher(model, tokenizer, SMALL)(frame(), "the red car")
    assert len(found.zooms) == PUBLISHED.max_steps
    assert found.fault is None
    assert {round(zoom.progress, 6) for zoom in found.zooms} == {-0.3}


def test_methods_that_do_not_zoom_look_once(
    make_config, make_model, tokenizer, monkeypatch
) -> None:
    plain = make_model(make_config(method="zero-shot"))
    never_ends(plain, monkeypatch)
    assert len(PublishedSearcher(plain, tokenizer, SMALL)(frame(), "the red car").zooms) == 1


def test_it_stops_when_the_history_says_so(model, tokenizer, monkeypatch) -> None:
    seen: list[list[list[float]]] = []

    def decide(history, valid):
        seen.append(history[0].tolist())
        return torch.full((1,), 9.0 if history.shape[1] == 3 else -9.0), torch.zeros(1)

    monkeypatch.setattr(model.history, "forward", decide)
    offering(model, monkeypatch, [0.25, 0.25, 0.75, 0.75])
    found = PublishedSearcher(model, tokenizer, SMALL)(frame(), "the red car")
    assert [zoom.stop_probability >= 0.95 for zoom in found.zooms] == [False, True]
    assert seen[-1] == [[0, 0, 120, 80], [30, 20, 60, 40], [45, 30, 30, 20]]


@pytest.mark.parametrize(
    ("box", "fault", "steps"),
    [
        ([0.5, 0.5, 0.501, 0.501], "less than a pixel", 1),  # an empty crop
        ([0.0, 0.5, 1.0, 0.501], "less than a pixel", 1),
        ([0.7, 0.7, 0.3, 0.3], "less than a pixel", 1),
        ([float("nan"), 0, 1, 1], "no finite box", 0),
    ],
)
def test_where_the_published_code_crashes(
    model, tokenizer, monkeypatch, box: list[float], fault: str, steps: int
) -> None:
    never_ends(model, monkeypatch)
    offering(model, monkeypatch, box)
    found = PublishedSearcher(model, tokenizer, SMALL)(frame(), "the red car")
    assert fault in (found.fault or "")
    assert len(found.zooms) == steps


@pytest.mark.parametrize("ref", ["", " . ", 3, "car " * 100])
def test_expressions_that_are_none(model, tokenizer, ref) -> None:
    with pytest.raises(InputError):
        PublishedSearcher(model, tokenizer, SMALL)(frame(), ref)


def test_frames_that_are_none(model, tokenizer) -> None:
    for wrong in (None, frame()[..., 0], frame().astype(np.float32)):
        with pytest.raises(InputError):
            PublishedSearcher(model, tokenizer, SMALL)(wrong, "the red car")


def test_the_length_of_the_prompt_s_padding_does_not_matter(
    model, tokenizer_file, monkeypatch
) -> None:
    """Published prompts are not padded: only real tokens reach the networks."""
    lengths = []
    encode = model.encode_text
    monkeypatch.setattr(
        model, "encode_text", lambda ids, *rest: lengths.append(ids.shape[1]) or encode(ids, *rest)
    )
    for length in (16, 64):
        searcher = PublishedSearcher(model, Tokenizer.from_file(tokenizer_file, length), SMALL)
        searcher(frame(), "The red CAR")
    assert lengths == [6, 6]  # [CLS] the red car . [SEP]


@pytest.mark.parametrize(
    ("policy", "texts", "images", "grounds"),
    [
        (PublishedPolicy((64, 96)), 1, 2, 2),
        (PublishedPolicy((64, 96), text_each_step=True), 2, 2, 2),
        (PublishedPolicy((64, 96), text_each_step=True, end_known="after features"), 3, 3, 2),
        (PublishedPolicy((64, 96), text_each_step=True, end_known="after forward"), 3, 3, 3),
        (PublishedPolicy((64, 96), end_known="after forward"), 1, 3, 3),
        # Nobody looks at the crop after the last prediction that is allowed.
        (PublishedPolicy((64, 96), 2, text_each_step=True, end_known="after forward"), 2, 2, 2),
    ],
)
def test_needless_work_is_counted_and_changes_no_answer(
    model, tokenizer, monkeypatch, policy, texts: int, images: int, grounds: int
) -> None:
    """A search of two zooms, as the published code runs it: up to three passes."""
    monkeypatch.setattr(
        model.history,
        "forward",
        lambda h, v: (torch.full((1,), 9.0 if h.shape[1] == 3 else -9.0), torch.zeros(1)),
    )
    offering(model, monkeypatch, [0.25, 0.25, 0.75, 0.75])
    plain = PublishedSearcher(model, tokenizer, SMALL)(frame(), "the red car")
    runs: dict[str, int] = {}
    for name in ("encode_text", "encode_image", "ground"):
        monkeypatch.setattr(model, name, counted(getattr(model, name), name, runs))
    found = PublishedSearcher(model, tokenizer, policy)(frame(), "the red car")
    assert [zoom.to_dict() for zoom in found.zooms] == [zoom.to_dict() for zoom in plain.zooms]
    assert runs == {"encode_text": texts, "encode_image": images, "ground": grounds}


def counted(call: Callable[..., Any], name: str, runs: dict[str, int]) -> Callable[..., Any]:
    def wrapped(*args: Any) -> Any:
        runs[name] = runs.get(name, 0) + 1
        return call(*args)

    return wrapped
