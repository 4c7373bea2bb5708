"""Frames of NV12: their pixels are those of the kernel, and every family answers on them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpp_ext import crop_resize
from sdk import Detector, Grounder, InputError, Nv12, Tracker
from sdk.frame import check_frame
from sdk.regions.heatmap import HeatmapProposer
from sdk.replay.bundle import ask_again, load_bundle
from sdk.tracking.tracker import thumbnail

sizes = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))


def random_nv12(half_height: int, half_width: int, seed: int) -> Nv12:
    shape = (3 * half_height, 2 * half_width)
    return Nv12(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def as_nv12(bgr: np.ndarray) -> Nv12:
    """A frame of even size, by OpenCV's conversion."""
    height, width = bgr.shape[:2]
    planes = cv2.cvtColor(np.ascontiguousarray(bgr), cv2.COLOR_BGR2YUV_I420)
    u, v = planes[height:].reshape(2, height // 2, width // 2)
    return Nv12.from_planes(planes[:height], np.stack([u, v], axis=-1))


@given(sizes)
def test_its_pixels_are_those_that_the_kernel_makes(size):
    frame = random_nv12(*size)
    height, width, _ = frame.shape
    whole = np.array([[0.0, 0.0, width, height]])
    planes = crop_resize(frame.rows, whole, (height, width), (0, 0, 0), (1, 1, 1), "nv12")
    pixels = np.asarray(frame)
    np.testing.assert_array_equal(pixels, planes[0, ::-1].transpose(1, 2, 0))
    opencv = cv2.cvtColor(frame.rows, cv2.COLOR_YUV2BGR_NV12)
    assert np.abs(pixels.astype(int) - opencv).max() <= 1


@given(sizes, st.data())
def test_an_index_picks_what_it_would_of_an_array(size, data):
    frame = random_nv12(*size)
    height, width, _ = frame.shape
    pixels = np.asarray(frame)
    step = data.draw(st.integers(1, 3))
    y = np.array(data.draw(st.lists(st.integers(0, height - 1), min_size=1, max_size=4)))
    x = np.array(data.draw(st.lists(st.integers(0, width - 1), min_size=1, max_size=4)))
    for key in (
        np.s_[::step, ::step],
        np.s_[1:, :-1],
        np.s_[y[:, None], x[None, :]],
        np.s_[0, 1],
        np.s_[:, :, ::-1],
        np.s_[..., 0],
        np.s_[0],
        np.s_[y],
    ):
        np.testing.assert_array_equal(frame[key], pixels[key])


def test_rows_apart_and_planes_apart():
    frame = random_nv12(10, 8, 1)
    padded = np.zeros((30, 40), np.uint8)
    padded[:, 3:19] = frame.rows
    assert np.shares_memory(Nv12(padded[:, 3:19]).rows, padded)
    np.testing.assert_array_equal(np.asarray(Nv12(padded[:, 3:19])), np.asarray(frame))
    luma, chroma = frame.rows[:20], frame.rows[20:]
    for planes in (chroma, chroma.reshape(10, 8, 2)):
        np.testing.assert_array_equal(Nv12.from_planes(luma, planes).rows, frame.rows)
    turned = Nv12(frame.rows[:, ::-1])
    np.testing.assert_array_equal(turned[:, :], np.asarray(Nv12(frame.rows[:, ::-1].copy())))


@pytest.mark.parametrize(
    "rows",
    [
        None,
        [[1, 2], [3, 4], [5, 6]],
        np.zeros((3, 2, 1), np.uint8),
        np.zeros((3, 2), np.int16),
        np.zeros((3, 3), np.uint8),
        np.zeros((4, 2), np.uint8),
        np.zeros((0, 2), np.uint8),
        np.zeros((3, 0), np.uint8),
    ],
)
def test_other_rows_are_refused(rows):
    with pytest.raises(InputError, match=r"expected the rows of NV12 as \(h \* 3 / 2, w\) uint8"):
        Nv12(rows)


@pytest.mark.parametrize(
    ("luma", "chroma"),
    [((4, 6), (2, 3)), ((4, 6), (2, 6, 1)), ((3, 6), (1, 6)), ((4,), (2, 4)), ((4,), (0, 0))],
)
def test_other_planes_are_refused(luma, chroma):
    with pytest.raises(InputError, match=r"expected luma \(h, w\) and chroma"):
        Nv12.from_planes(np.zeros(luma, np.uint8), np.zeros(chroma, np.uint8))


def told(answer) -> dict:
    """An answer as it is written, but for the time it took."""
    return {name: value for name, value in answer.to_dict().items() if name != "timing_ms"}


def same(a, b) -> bool:
    """The same answer to the bit."""
    return told(a) == told(b) and a.score == b.score and np.array_equal(a.xyxy, b.xyxy)


@pytest.fixture
def scene(make_frame):
    """A frame of squares in both forms: NV12, and the BGR of its pixels."""
    nv12 = as_nv12(make_frame())
    return nv12, np.asarray(nv12)


def test_a_search_answers_as_on_the_pixels(grounder, scene, tmp_path):
    nv12, pixels = scene
    assert check_frame(nv12) is nv12
    refs = ["the red square", "the blue square"]
    found = grounder.locate(nv12, refs)
    assert all(map(same, found, grounder.locate(pixels, refs)))
    np.testing.assert_array_equal(found[0].plot(), found[0].plot(pixels))
    found[0].save(tmp_path / "found.png")
    with pytest.raises(InputError, match='expected color "bgr" with a frame of NV12'):
        grounder.locate(nv12, refs[0], "rgb")


def test_a_search_makes_no_pixels_of_it(grounder, scene, monkeypatch):
    def refused(*_):
        raise AssertionError("converted")

    monkeypatch.setattr(Nv12, "__array__", refused)
    tracker = Tracker(grounder, ["the red square"], warm=False)
    assert tracker.update(scene[0], 0.0)[0].frame is scene[0]


def test_a_stream_and_its_bundles(grounder, scene, tmp_path):
    nv12, pixels = scene
    refs = ["the blue square"]  # there is none
    with grounder.stream([nv12, nv12], refs, "all", bundles=tmp_path) as stream:
        answered = list(stream)
    with grounder.stream([pixels, pixels], refs, "all") as stream:
        expected = list(stream)
    assert all(isinstance(each.image, Nv12) and each.image is not nv12 for each in answered)
    for one, other in zip(answered, expected, strict=True):
        assert same(one.answers[0], other.answers[0])
    paths = list(tmp_path.iterdir())
    assert paths
    for path in paths:
        bundle = load_bundle(path)
        assert told(ask_again(bundle, grounder)[0]) == told(bundle.answers[0])
    with (
        grounder.stream([nv12], refs, "all", color="rgb") as stream,
        pytest.raises(InputError, match='"bgr" with a frame of NV12'),
    ):
        next(stream)


def test_words_clip_regions_and_detectors_answer_on_it(make_two_stage, make_few_shot, make_frame):
    nv12 = as_nv12(make_frame((160, 120)))
    scene = nv12, np.asarray(nv12)
    rows = [(x, 20, x + 30, 60, 0.9, 0) for x in range(0, 120, 40)]
    engines = [
        lambda: make_two_stage(rows),
        lambda: make_two_stage(rows, ["clip"]),
        lambda: make_two_stage((), ["clip"], HeatmapProposer(), {"reading": "cosine"}),
    ]
    for make in engines:
        with Grounder(make()) as grounder:
            assert same(*(grounder.locate(each, "the red car") for each in scene))
    with Detector(make_few_shot([(*row[:4], 0.9, 0.05, 0.02) for row in rows])) as detector:
        found, expected = (detector.detect(each) for each in scene)
        with pytest.raises(InputError, match="frame of NV12"):
            detector.detect(scene[0], "rgb")
    assert len(found) > 0
    assert found.xyxy.tolist() == expected.xyxy.tolist()
    np.testing.assert_array_equal(found.plot(), expected.plot())


def test_thumbnails_see_the_same(scene):
    np.testing.assert_array_equal(thumbnail(scene[0]), thumbnail(scene[1]))
