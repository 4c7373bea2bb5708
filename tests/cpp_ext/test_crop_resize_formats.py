"""cpp_ext.crop_resize: what frames may hold, what it writes, and threads."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cpp_ext import crop_resize

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (255.0, 255.0, 255.0)}  # 0..1
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def random_bytes(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def random_windows(seed: int, count: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, 1, (count, 2, 2)) * (width - 1, height - 1), axis=1)
    corners[:, 1] += 1.0
    return corners.reshape(count, 4)


@settings(max_examples=60)
@given(
    half_height=st.integers(1, 40),
    half_width=st.integers(1, 40),
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    seed=st.integers(0, 1000),
)
def test_nv12_equals_the_converted_picture(
    half_height: int, half_width: int, size: tuple[int, int], seed: int
) -> None:
    height, width = 2 * half_height, 2 * half_width
    frame = random_bytes(seed, height * 3 // 2, width)
    windows = random_windows(seed, 2, height, width)
    out = crop_resize(frame, windows, size, color="nv12", **PLAIN)
    bgr = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_NV12)
    expected = crop_resize(bgr, windows, size, color="bgr", **PLAIN)
    np.testing.assert_allclose(out, expected, atol=2 / 255)


def test_nv12_of_two_planes_with_padded_rows() -> None:
    frame = random_bytes(1, 90, 80)
    windows = random_windows(1, 3, 60, 80)
    expected = crop_resize(frame, windows, (24, 40), MEAN, STD, "nv12")
    luma = np.zeros((60, 96), np.uint8)
    chroma = np.zeros((30, 64, 2), np.uint8)
    luma[:, :80], chroma[:, :40] = frame[:60], frame[60:].reshape(30, 40, 2)
    planes = (luma[:, :80], chroma[:, :40])
    np.testing.assert_array_equal(
        crop_resize(planes, windows, (24, 40), MEAN, STD, "nv12"), expected
    )


def test_nv12_turned_over() -> None:
    luma, chroma = random_bytes(4, 60, 80), random_bytes(5, 30, 40, 2)
    whole = np.array([[0.0, 0.0, 80.0, 60.0]])
    expected = crop_resize((luma, chroma), whole, (24, 32), MEAN, STD, "nv12")
    turned = crop_resize((luma[::-1], chroma[::-1]), whole, (24, 32), MEAN, STD, "nv12")
    np.testing.assert_allclose(turned[:, :, ::-1], expected, atol=1e-5)


@pytest.mark.parametrize("size", [(20, 30), (90, 120)])
def test_gray_equals_three_equal_channels(size: tuple[int, int]) -> None:
    gray = random_bytes(2, 45, 67)
    windows = random_windows(2, 4, 45, 67)
    expected = crop_resize(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), windows, size, MEAN, STD)
    np.testing.assert_array_equal(crop_resize(gray, windows, size, MEAN, STD, "gray"), expected)
    views = (np.asfortranarray(gray), np.repeat(gray, 3, axis=1)[:, ::3])
    for view in views:
        np.testing.assert_array_equal(crop_resize(view, windows, size, MEAN, STD, "gray"), expected)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1000),
    size=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    spread=st.sampled_from([1e-6, 1e-3, 1.0, 255.0, 1e6]),
)
def test_half_precision_is_the_rounded_single(
    seed: int, size: tuple[int, int], spread: float
) -> None:
    frame = random_bytes(seed, 50, 60, 3)
    windows = random_windows(seed, 2, 50, 60)
    std = (spread, spread, spread)
    single = crop_resize(frame, windows, size, MEAN, std)
    half = np.full((2, 3, *size), np.nan, np.float16)
    assert crop_resize(frame, windows, size, MEAN, std, out=half) is half
    with np.errstate(over="ignore"):  # beyond 65504: infinity
        np.testing.assert_array_equal(half, single.astype(np.float16))


@settings(max_examples=25, deadline=None)
@given(
    threads=st.integers(2, 7),
    count=st.integers(1, 5),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    view=st.sampled_from(["packed", "mirrored", "nv12"]),
    seed=st.integers(0, 1000),
)
def test_threads_change_nothing(
    threads: int, count: int, size: tuple[int, int], view: str, seed: int
) -> None:
    frame = random_bytes(seed, 450, 400) if view == "nv12" else random_bytes(seed, 300, 400, 3)
    color = "nv12" if view == "nv12" else "bgr"
    if view == "mirrored":
        frame = frame[:, ::-1]
    windows = random_windows(seed, count, 300, 400)
    alone = crop_resize(frame, windows, size, MEAN, STD, color, threads=1)
    several = crop_resize(frame, windows, size, MEAN, STD, color, threads=threads)
    np.testing.assert_array_equal(several, alone)


def test_large_windows_are_shared_out() -> None:
    frame = random_bytes(3, 1080, 1920, 3)
    windows = np.array([[0.0, 0.0, 1920.0, 1080.0], [300.5, 200.25, 700.0, 600.0]])
    alone = crop_resize(frame, windows, (544, 960), MEAN, STD, threads=1)
    for threads in (0, 2, 5, 1024):
        np.testing.assert_array_equal(
            crop_resize(frame, windows, (544, 960), MEAN, STD, threads=threads), alone
        )
