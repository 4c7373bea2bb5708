"""What cpp_ext.crop_resize computes."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cpp_ext import crop_resize
from sdk.letterbox import Letterbox

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (255.0, 255.0, 255.0)}  # 0..1


def random_frame(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def content(window: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The letterbox rule: content width, height, left, top."""
    out_h, out_w = size
    w, h = window[2] - window[0], window[3] - window[1]
    scale = min(out_w / w, out_h / h)
    content_w = int(np.clip(np.floor(scale * w + 0.5), 1, out_w))
    content_h = int(np.clip(np.floor(scale * h + 0.5), 1, out_h))
    return content_w, content_h, (out_w - content_w) // 2, (out_h - content_h) // 2


def axis_weights(start: float, stop: float, out_size: int, in_size: int) -> np.ndarray:
    """The filter of one axis as a dense matrix, written pixel by pixel. (out_size, in_size)"""
    ratio = (stop - start) / out_size
    support = max(1.0, ratio)
    weights = np.zeros((out_size, in_size))
    for j in range(out_size):
        centre = start + (j + 0.5) * ratio
        for i in range(in_size):
            if i + 1 > start and i < stop:  # the pixel overlaps the window
                weights[j, i] = max(0.0, 1.0 - abs(i + 0.5 - centre) / support)
        weights[j] /= weights[j].sum()
    return weights


def reference(frame: np.ndarray, window: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """RGB planes in 0..1, 0 outside of the content, slowly. (3, H, W)"""
    content_w, content_h, left, top = content(window, size)
    columns = axis_weights(window[0], window[2], content_w, frame.shape[1])
    rows = axis_weights(window[1], window[3], content_h, frame.shape[0])
    inner = np.einsum("iy,yxc,jx->cij", rows, frame[..., ::-1].astype(np.float64), columns)
    out = np.zeros((3, *size))
    out[:, top : top + content_h, left : left + content_w] = inner / 255.0
    return out


sizes = st.tuples(st.integers(1, 60), st.integers(1, 60))


@st.composite
def whole_windows(draw: st.DrawFn) -> tuple[int, int, np.ndarray]:
    height, width = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
    return height, width, np.array([x1, y1, x2, y2], dtype=np.float64)


@st.composite
def fractional_windows(draw: st.DrawFn) -> tuple[int, int, np.ndarray]:
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    x1 = draw(st.floats(0, width - 0.01))
    y1 = draw(st.floats(0, height - 0.01))
    x2 = draw(st.floats(x1 + 0.005, width))
    y2 = draw(st.floats(y1 + 0.005, height))
    return height, width, np.array([x1, y1, x2, y2])


@settings(max_examples=300)
@given(case=whole_windows(), size=sizes, seed=st.integers(0, 1000))
def test_equals_torch_antialiased(
    case: tuple[int, int, np.ndarray], size: tuple[int, int], seed: int
) -> None:
    height, width, window = case
    frame = random_frame(seed, height, width)
    x1, y1, x2, y2 = window.astype(int)
    content_w, content_h, left, top = content(window, size)
    # torch repeats the first row when its result is one pixel wide; the reference below covers it.
    assume(content_w > 1)
    crop = np.ascontiguousarray(frame[y1:y2, x1:x2, ::-1].transpose(2, 0, 1))[None]
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(crop).float() / 255.0,
        size=(content_h, content_w),
        mode="bilinear",
        antialias=True,
        align_corners=False,
    ).numpy()[0]

    out = crop_resize(frame, window[None], size, **PLAIN)[0]

    inner = out[:, top : top + content_h, left : left + content_w]
    np.testing.assert_allclose(inner, expected, atol=1e-3)
    out[:, top : top + content_h, left : left + content_w] = 0.0
    assert not out.any(), "the letterbox bars hold the mean colour, which is 0"


@settings(max_examples=300)
@given(case=st.one_of(fractional_windows(), whole_windows()), size=sizes, seed=st.integers(0, 1000))
def test_fractional_windows_equal_the_slow_reference(
    case: tuple[int, int, np.ndarray], size: tuple[int, int], seed: int
) -> None:
    height, width, window = case
    frame = random_frame(seed, height, width)
    out = crop_resize(frame, window[None], size, **PLAIN)[0]
    np.testing.assert_allclose(out, reference(frame, window, size), atol=2.5e-4)  # 16-bit words


@pytest.mark.parametrize(
    ("window", "size", "bars"),
    [
        ((0, 0, 160, 90), (96, 160), (3, 3, 0, 0)),  # bars above and below
        ((0, 0, 90, 90), (96, 160), (0, 0, 32, 32)),  # bars left and right
        ((10, 20, 40, 21), (8, 30), (3, 4, 0, 0)),  # an odd rest: the smaller bar comes first
        ((5, 5, 6, 85), (8, 16), (0, 0, 7, 8)),  # never less than one pixel of content
        ((0, 0, 160, 96), (96, 160), (0, 0, 0, 0)),  # none
    ],
)
def test_letterbox_placement(
    window: tuple[int, ...], size: tuple[int, int], bars: tuple[int, int, int, int]
) -> None:
    frame = np.full((96, 160, 3), 200, dtype=np.uint8)
    out = crop_resize(frame, np.array([window], np.float32), size, **PLAIN)[0]
    top, bottom, left, right = bars
    expected = np.zeros((3, *size), np.float32)
    expected[:, top : size[0] - bottom, left : size[1] - right] = 200 / 255
    np.testing.assert_allclose(out, expected, atol=1e-6)


def test_bars_are_zero_whatever_the_mean() -> None:
    frame = random_frame(1, 20, 20)
    out = crop_resize(frame, np.array([[0.0, 0, 20, 20]]), (20, 40), MEAN, STD)
    assert not out[..., :10].any()
    assert not out[..., 30:].any()
    assert out[..., 10:30].any()


def test_normalises_in_rgb_order() -> None:
    frame = random_frame(2, 12, 16)
    window = np.array([[0.0, 0.0, 16.0, 12.0]])
    out = crop_resize(frame, window, (12, 16), MEAN, STD)[0]
    expected = (frame[..., ::-1].astype(np.float64) - MEAN) / STD
    np.testing.assert_allclose(out, expected.transpose(2, 0, 1), atol=1e-5)


def test_rgb_frames_are_the_mirror_of_bgr_frames() -> None:
    frame = random_frame(3, 30, 40)
    window = np.array([[1.5, 2.5, 38.0, 29.0]])
    bgr = crop_resize(frame, window, (24, 24), MEAN, STD)
    rgb = crop_resize(frame[..., ::-1], window, (24, 24), MEAN, STD, color="rgb")
    np.testing.assert_array_equal(bgr, rgb)


@pytest.mark.parametrize(
    "view",
    [
        lambda big: big[::2, ::3],
        lambda big: big[::-1],
        lambda big: big[:, ::-1],
        lambda big: big[..., ::-1],
        lambda big: big[::-2, ::-1, ::-1],
        lambda big: big.transpose(1, 0, 2),
        lambda big: np.asfortranarray(big),
        lambda big: big[5:61, 7:50],
        lambda big: np.broadcast_to(big[:1], (40, *big.shape[1:])),
        lambda big: np.broadcast_to(big[:, :, :1], big.shape),
        lambda big: np.ascontiguousarray(big.transpose(2, 0, 1)).transpose(1, 2, 0),
    ],
)
def test_any_strides(view: object) -> None:
    frame = view(random_frame(4, 64, 80))  # type: ignore[operator]
    height, width = frame.shape[:2]
    windows = np.array([[0, 0, width, height], [3.25, 2.5, width - 1.5, height - 2.25]])
    out = crop_resize(frame, windows, (20, 32), MEAN, STD)
    expected = crop_resize(np.ascontiguousarray(frame), windows, (20, 32), MEAN, STD)
    np.testing.assert_array_equal(out, expected)


def test_windows_of_either_dtype_and_any_strides() -> None:
    frame = random_frame(5, 40, 50)
    windows = np.array([[1, 2, 30, 20], [0.5, 0.25, 50, 40], [10, 10, 11, 11]])
    expected = crop_resize(frame, windows, (16, 16), MEAN, STD)
    assert expected.dtype == np.float32
    variants = [
        windows.astype(np.float32),
        np.asfortranarray(windows),
        np.repeat(windows, 2, axis=0)[::2],
        windows[::-1].copy()[::-1],
    ]
    for variant in variants:
        np.testing.assert_array_equal(crop_resize(frame, variant, (16, 16), MEAN, STD), expected)


@settings(max_examples=30)
@given(count=st.integers(0, 6), seed=st.integers(0, 1000))
def test_a_batch_equals_a_loop(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = random_frame(seed, 60, 90)
    first = rng.uniform(0, 40, (count, 2))
    windows = np.concatenate([first, first + rng.uniform(0.5, 19, (count, 2))], axis=1)
    batch = crop_resize(frame, windows, (24, 40), MEAN, STD)
    assert batch.shape == (count, 3, 24, 40)
    for k in range(count):
        alone = crop_resize(frame, windows[k : k + 1], (24, 40), MEAN, STD)[0]
        np.testing.assert_array_equal(batch[k], alone)


def test_a_large_batch_equals_a_loop() -> None:
    frame = random_frame(10, 50, 70)
    first = np.random.default_rng(10).uniform(0, 40, (100, 2))
    windows = np.concatenate([first, first + 9.5], axis=1)
    batch = crop_resize(frame, windows, (12, 16), MEAN, STD)
    loop = [crop_resize(frame, window[None], (12, 16), MEAN, STD)[0] for window in windows]
    np.testing.assert_array_equal(batch, loop)


def test_writes_into_out() -> None:
    frame = random_frame(6, 30, 30)
    windows = np.array([[0.0, 0.0, 30.0, 20.0], [3.0, 3.0, 9.0, 20.0]])
    out = np.full((2, 3, 16, 20), np.nan, np.float32)
    result = crop_resize(frame, windows, (16, 20), MEAN, STD, "bgr", out)
    assert result is out
    np.testing.assert_array_equal(out, crop_resize(frame, windows, (16, 20), MEAN, STD))


def test_windows_may_leave_the_frame_by_a_rounding_error() -> None:
    frame = random_frame(7, 30, 40)
    exact = np.array([[0.0, 0.0, 40.0, 30.0]])
    beyond = np.array([[-5e-4, -5e-4, 40.0005, 30.0005]])
    out = crop_resize(frame, beyond, (15, 20), **PLAIN)
    np.testing.assert_allclose(out, crop_resize(frame, exact, (15, 20), **PLAIN), atol=1e-3)


@pytest.mark.parametrize(
    "window",
    [
        (-9e-4, 5.0, -8e-4, 6.0),  # in the tolerance, outside of the frame
        (40.0001, 5.0, 40.0009, 6.0),
        (7.0, 7.0, 7.0 + 1e-14, 7.0 + 1e-14),
        (0.0, 0.0, 5e-324, 5e-324),
        (0.0, 0.0, 40.0, 5e-324),
        (39.999999, 29.999999, 40.0, 30.0),
    ],
)
def test_the_smallest_windows_show_the_nearest_pixels(window: tuple[float, ...]) -> None:
    frame = np.full((30, 40, 3), 51, dtype=np.uint8)
    out = crop_resize(frame, np.array([window]), (9, 9), **PLAIN)
    assert np.isfinite(out).all()
    assert out.max() == pytest.approx(0.2, abs=1e-5)


def test_a_large_frame_to_one_pixel_is_its_mean() -> None:
    # A window of one output pixel is blended by the triangle over all of it.
    frame = np.full((2000, 3000, 3), 102, dtype=np.uint8)
    out = crop_resize(frame, np.array([[0.0, 0.0, 3000.0, 2000.0]]), (1, 1), **PLAIN)
    assert out.ravel() == pytest.approx(0.4, abs=1e-4)


def test_the_longest_frame_to_one_pixel_is_its_mean() -> None:
    frame = np.broadcast_to(np.full((1, 2, 3), 102, dtype=np.uint8), (2**20, 2, 3))
    out = crop_resize(frame, np.array([[0.0, 0.0, 2.0, 2.0**20]]), (1, 1), **PLAIN)
    assert out.ravel() == pytest.approx(0.4, abs=1e-3)


@pytest.mark.parametrize("shift", [0.0, 1e-15, 4e-15])
def test_windows_a_rounding_error_away_from_whole_pixels(shift: float) -> None:
    gray = np.random.default_rng(11).integers(0, 256, (20, 30), dtype=np.uint8)
    window = np.array([[3.0, 5.0, 15.0 + shift, 11.0 + shift]])
    out = crop_resize(gray, window, (6, 12), color="gray", **PLAIN)
    np.testing.assert_allclose(out[0, 0], gray[5:11, 3:15] / 255, atol=1e-6)


def test_threads_do_not_disturb_each_other() -> None:
    frame = random_frame(8, 300, 400)
    windows = np.array([[k * 3.5, k * 2.5, 200 + k * 10.0, 150 + k * 10.0] for k in range(8)])
    expected = crop_resize(frame, windows, (96, 160), MEAN, STD)
    results: list[np.ndarray | None] = [None] * 8

    def work(k: int) -> None:
        for _ in range(5):
            results[k] = crop_resize(frame, windows[k : k + 1], (96, 160), MEAN, STD)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(np.concatenate(results), expected)


def test_releases_the_interpreter_lock() -> None:
    frame = np.zeros((2160, 3840, 3), np.uint8)
    windows = np.tile([[0.0, 0.0, 3840.0, 2160.0]], (20, 1))
    started, ticks = threading.Event(), []

    def work() -> None:
        started.set()
        crop_resize(frame, windows, (352, 640), MEAN, STD)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    while thread.is_alive():
        ticks.append(1)
    assert len(ticks) > 100, "this thread stood still while the kernel ran"


def test_agrees_with_the_letterbox_of_the_sdk() -> None:
    frame = np.full((120, 200, 3), 255, np.uint8)
    rng = np.random.default_rng(9)
    for _ in range(200):
        x1, y1 = rng.uniform(0, 150), rng.uniform(0, 90)
        window = np.array([x1, y1, rng.uniform(x1 + 1, 200), rng.uniform(y1 + 1, 120)])
        size = (int(rng.integers(1, 60)), int(rng.integers(1, 60)))
        out = crop_resize(frame, window[None], size, **PLAIN)[0]
        rows, columns = np.nonzero(out[0])
        unit = Letterbox(tuple(window), size).to_unit(window[None])[0]
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        np.testing.assert_allclose(found, unit * np.array([size[1], size[0]] * 2), atol=1e-4)
