"""The picture of a search: every size of frame, every length of search, everything it says."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import Rival
from sdk.geometry import intersection
from sdk.visual.canvas import Canvas, chip_size, shorten, text_width, wrap_text
from sdk.visual.caption import set_caption
from sdk.visual.panels import FOUND, REJECTED, RIVAL, STEPS, size_text
from sdk.visual.search_picture import CHIP_SIZE, panel_grid


@pytest.fixture(scope="module")
def answer(grounder):
    frame = np.full((480, 640, 3), 114, np.uint8)
    frame[100:128, 400:430] = (1, 1, 227)
    return grounder.locate(frame, "the red square")


def has(picture, color) -> bool:
    return bool((picture == np.array(color, np.uint8)).all(axis=-1).any())


def notes(answer) -> list[str]:
    return [text for text, _ in set_caption(answer, 1500).notes]


def test_the_frame_stays_clean(answer):
    before = answer.frame.copy()
    answer.plot()
    np.testing.assert_array_equal(answer.frame, before)


def test_the_picture_keeps_the_colour_order(answer):
    rgb = dataclasses.replace(
        answer, color="rgb", frame=np.ascontiguousarray(answer.frame[:, :, ::-1])
    )
    np.testing.assert_array_equal(answer.plot(), rgb.plot()[:, :, ::-1])


@pytest.mark.parametrize(
    "wh",
    [(1, 1), (3, 900), (900, 3), (64, 36), (500, 500), (1080, 1920), (7680, 4320), (8000, 60)],
)
@pytest.mark.parametrize("found", [True, False])
def test_every_size_of_frame_is_drawn(answer, wh, found):
    scale = np.array([wh[0] / 640, wh[1] / 480] * 2, np.float32)
    zooms = tuple(
        dataclasses.replace(
            zoom,
            window_xyxy=zoom.window_xyxy * scale,
            xyxy=zoom.xyxy * scale,
            candidates_xyxy=np.full((3, 4), np.nan, np.float32),
        )
        for zoom in answer.zooms
    )
    scaled = dataclasses.replace(
        answer,
        frame=np.full((wh[1], wh[0], 3), 114, np.uint8),
        frame_wh=wh,
        found=found,
        reason=None if found else "the score 0.100 is below the threshold 0.500",
    )
    rival = Rival(zooms[0].xyxy, 0.3)
    for count in (0, 1, 2, len(zooms)):
        box = zooms[count - 1].xyxy if count else None
        few = dataclasses.replace(scaled, zooms=zooms[:count], xyxy=box)
        full = dataclasses.replace(few, complete=False, rival=rival, abandoned=zooms)
        for each in (few, full):
            picture = each.plot()
            assert picture.shape[1:] == (1600, 3)
            assert picture.dtype == np.uint8
            assert picture.shape[0] < 2200


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 32])
def test_every_length_of_search_is_drawn(answer, count):
    """Of a long search, the first and the last steps."""
    zooms = (answer.zooms[0], *[answer.zooms[-1]] * (count - 1))
    picture = dataclasses.replace(answer, zooms=zooms).plot()
    assert picture.shape[0] < 1800
    assert has(picture, FOUND)


def test_the_close_up_shows_the_target(answer):
    """A 30-pixel square of the frame is a large area of the picture's lower part."""
    lower = answer.plot()[950:].astype(int)
    red = (lower[..., 2] > 200) & (lower[..., 1] < 60) & (lower[..., 0] < 60)
    assert red.sum() > 100 * 100


def test_each_step_has_its_colour(answer):
    picture = answer.plot()
    assert all(has(picture, color) for color in STEPS[: len(answer.zooms)])
    assert not has(picture, RIVAL)
    assert not has(picture, REJECTED)


def test_a_rival_is_shown(answer):
    rival = Rival(np.array([100, 300, 140, 340], np.float32), 0.6)
    shown = dataclasses.replace(answer, rival=rival)
    picture = shown.plot()
    assert (picture == np.array(RIVAL, np.uint8)).all(axis=-1).sum() > 1000
    assert notes(shown) == ["ambiguous: another candidate has the score 0.60"]


def test_what_is_not_as_usual_is_said(answer):
    assert notes(answer) == []
    unusual = dataclasses.replace(
        answer,
        found=False,
        reason="the score 0.100 is below the threshold 0.500",
        complete=False,
        abandoned=answer.zooms[:1],
        unknown_words=("zebra",),
    )
    assert notes(unusual) == [
        "not found: the score 0.100 is below the threshold 0.500",
        "incomplete: the deadline stopped the search",
        "the warm start was given up after 1 step",
        "unknown to the engine: zebra",
    ]
    picture = unusual.plot()
    assert has(picture, REJECTED)
    assert not has(picture, FOUND)
    assert picture.shape[0] > answer.plot().shape[0]


@pytest.mark.parametrize("ref", ["x", "a " * 400, "w" * 500, "红车" * 90, "“ünï” → \\ %s {} \n\t"])
@pytest.mark.parametrize("wh", [(640, 480), (270, 480)])
def test_every_expression_fits(answer, ref, wh):
    frame = np.full((wh[1], wh[0], 3), 114, np.uint8)
    asked = dataclasses.replace(answer, ref=ref, frame=frame, frame_wh=wh, zooms=(), xyxy=None)
    assert asked.plot().shape[1] == 1600
    for width in (600, 1552):
        caption = set_caption(asked, width)
        assert all(text_width(line, caption.size, 500) <= width for line in caption.lines)


@given(
    width=st.integers(600, 1552),
    count=st.integers(0, 8),
    ratio=st.floats(0.001, 1000),
)
def test_panels_lie_in_their_column_and_never_overlap(width, count, ratio):
    rects = panel_grid(10, 20, width, count, ratio)
    assert len(rects) == count
    for x, y, w, h in rects:
        assert x >= 10
        assert x + w <= 10 + width
        assert y >= 20
        assert w >= 250
        assert h >= 125
    for k, (x, y, w, h) in enumerate(rects):
        for left, top, _, _ in rects[k + 1 :]:
            assert left >= x + w or top >= y + h or left + w <= x


def test_text_is_wrapped_and_shortened():
    lines = wrap_text("one two three four five six seven", 20, 120, lines=2)
    assert len(lines) == 2
    assert lines[-1].endswith("...")
    assert all(text_width(line, 20) <= 120 for line in lines)
    assert wrap_text("one two", 20, 500, lines=2) == ["one two"]
    assert wrap_text("", 20, 500, lines=2) == [""]
    assert shorten("short", 20, 500) == "short"
    assert text_width(shorten("w" * 90, 20, 150), 20) <= 150


def test_words_longer_than_a_line_are_cut():
    word = "红色的汽车在白色面包车旁边"
    width = math.ceil(text_width(word, 20) * 0.4)
    lines = wrap_text(word, 20, width, lines=4)
    assert "".join(lines) == word
    assert len(lines) == 3
    assert all(text_width(line, 20) <= width for line in lines)
    assert wrap_text(f"a {word} b", 20, width, lines=9)[0] == "a"
    assert wrap_text(word, 20, 1, lines=2)[-1].endswith("...")


SQUEEZED = [(1, 1), (7, 5), (8000, 60), (4000, 600), (600, 4000), (60, 4000), (1920, 1080)]


@pytest.fixture(params=SQUEEZED, ids=lambda wh: f"{wh[0]}x{wh[1]}")
def at_the_edge(answer, request):
    """An answer with a rival and a start that was given up, all in the corners of its frame."""
    w, h = request.param
    corner = np.array([w * 0.9, h * 0.9, w, h], np.float32)
    zooms = tuple(
        dataclasses.replace(zoom, window_xyxy=window, xyxy=corner, candidates_xyxy=corner[None])
        for zoom, window in zip(
            answer.zooms,
            [(0, 0, w, h), (w * 0.7, h * 0.7, w, h), (w * 0.8, h * 0.8, w, h), corner],
            strict=True,
        )
    )
    return dataclasses.replace(
        answer,
        frame=np.full((h, w, 3), 114, np.uint8),
        frame_wh=(w, h),
        zooms=zooms,
        xyxy=corner,
        rival=Rival(np.array([0, h * 0.9, w * 0.1, h], np.float32), 0.6),
        abandoned=zooms[1:2],
    )


def test_nothing_hangs_over_the_frame(at_the_edge, monkeypatch):
    """What is drawn on the frame changes nothing outside of its rectangle."""
    with_marks = at_the_edge.plot()
    monkeypatch.setattr("sdk.visual.search_picture._mark_frame", lambda *_: None)
    w, h = at_the_edge.frame_wh
    scale = min(1600 / w, 900 / h, 6.0)
    shown_w, shown_h = max(round(w * scale), 1), max(round(h * scale), 1)
    left, top = (24, 24) if shown_w < 960 else ((1600 - shown_w) // 2, 0)
    changed = (with_marks != at_the_edge.plot()).any(axis=2)
    assert changed[top : top + shown_h, left : left + shown_w].any()
    changed[top : top + shown_h, left : left + shown_w] = False
    assert not changed.any()


def test_labels_lie_inside_and_apart(at_the_edge, monkeypatch):
    placed = []

    def chip(canvas, x, y, text, fill, ink, size, weight=600):
        width, height = chip_size(text, size)
        rows, columns = canvas.image.shape[:2]
        assert 0 <= x <= columns - width
        assert 0 <= y <= rows - height
        if size == CHIP_SIZE:  # on the frame
            placed.append((x, y, x + width, y + height))
        return width, height

    monkeypatch.setattr(Canvas, "chip", chip)
    at_the_edge.plot()
    if at_the_edge.frame_wh == (1920, 1080):
        assert len(placed) == len(at_the_edge.zooms) + 2
        assert not any(intersection(a, b) for k, a in enumerate(placed) for b in placed[:k])


def test_small_boxes_have_a_size():
    assert size_text((0, 0, 0.52, 0.48)) == "0.5 × 0.5 px"
    assert size_text((0, 0, 9.6, 1920)) == "9.6 × 1920 px"
