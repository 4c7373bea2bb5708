"""Damaged JPEGs are told from whole ones by their Huffman codes."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from cpp_ext import jpeg_fault

SAMPLINGS = [
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]
KINDS = {
    "plain": [],
    "optimised": [cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    "restarts": [cv2.IMWRITE_JPEG_RST_INTERVAL, 3],
}


def scene(height, width):
    """Slopes, edges and noise, as a photograph has them."""
    rows, columns = np.mgrid[:height, :width]
    picture = np.stack([rows, columns * 2, rows + columns], -1) % 200
    picture[height // 3 : height // 2, width // 4 : width // 2] = (40, 50, 220)
    return (picture + np.random.default_rng(0).integers(0, 30, picture.shape)).astype(np.uint8)


def encoded(picture, *options):
    return cv2.imencode(".jpg", picture, list(options))[1].tobytes()


def picture_data(jpeg):
    """Begin and end of the data of a scan: the only one, or the second of several."""
    scans = [at for at in range(len(jpeg)) if jpeg[at : at + 2] == b"\xff\xda"]
    return scans[:2][-1] + 14, (scans[2] if len(scans) > 2 else len(jpeg)) - 2


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_whole_pictures_have_no_fault(kind, sampling):
    pictures = [
        *(scene(*size) for size in ((1, 1), (9, 7), (64, 48), (131, 203))),
        np.full((64, 64, 3), 255, np.uint8),
        np.zeros((64, 64, 3), np.uint8),
        np.random.default_rng(1).integers(0, 256, (50, 70, 3), np.uint8),
        np.kron(np.indices((20, 20)).sum(0) % 2 * 255, np.ones((5, 5)))[:, :, None].repeat(3, 2),
    ]
    for picture, quality in itertools.product(pictures, (1, 50, 90, 100)):
        options = (cv2.IMWRITE_JPEG_QUALITY, quality, *KINDS[kind])
        jpeg = encoded(picture, *options, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
        assert jpeg_fault(jpeg) is None
        assert jpeg_fault(jpeg[:-2]) is None  # without its end-of-image marker
        assert jpeg_fault(jpeg + b"trailer") is None
        assert jpeg_fault(jpeg[:-2] + bytes(16) + jpeg[-2:]) is None  # filled up with zeros


def test_grey_pictures():
    for options in KINDS.values():
        assert jpeg_fault(encoded(scene(50, 61)[:, :, 0], *options)) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quality", [75, 95])
def test_damage_is_seen(kind, quality):
    """Each damage at many places; small ones in the finest bits of progressive files may pass."""
    jpeg = encoded(scene(480, 640), cv2.IMWRITE_JPEG_QUALITY, quality, *KINDS[kind])
    begin, end = picture_data(jpeg)
    noise = np.random.default_rng(2).bytes(600)
    for share in np.linspace(0.02, 0.85, 15):
        at = begin + int((end - begin) * share)
        for what, damaged in {
            "truncated": jpeg[:at],
            "cut, with an end": jpeg[:at] + b"\xff\xd9",
            "a hole of zeros": jpeg[:at] + bytes(600) + jpeg[at + 600 :],
            "a hole of ones": jpeg[:at] + b"\xff" * 600 + jpeg[at + 600 :],
            "noise": jpeg[:at] + noise + jpeg[at + 600 :],
            "lost bytes": jpeg[:at] + jpeg[at + 600 :],
            "repeated bytes": jpeg[: at + 600] + jpeg[at:],
        }.items():
            assert jpeg_fault(damaged) is not None, (what, share)


@pytest.mark.parametrize("quality", [75, 95])
def test_small_holes_are_seen(quality):
    jpeg = encoded(scene(480, 640), cv2.IMWRITE_JPEG_QUALITY, quality)
    begin, end = picture_data(jpeg)
    for share in np.linspace(0.02, 0.85, 30):
        at = begin + int((end - begin) * share)
        assert jpeg_fault(jpeg[:at] + bytes(100) + jpeg[at + 100 :]) is not None


def test_missing_scans_are_seen():
    jpeg = encoded(scene(240, 320), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    scans = [at for at in range(len(jpeg)) if jpeg[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 3
    for at in scans[1:]:
        assert "incomplete" in jpeg_fault(jpeg[:at] + b"\xff\xd9")
        assert "truncated" in jpeg_fault(jpeg[:at])
    assert jpeg_fault(jpeg[: scans[1]] + jpeg[scans[2] :]) is not None  # one in the middle


def test_a_restart_marker_is_missing():
    jpeg = encoded(scene(240, 320), cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
    at = jpeg.index(b"\xff\xd2")
    assert "restart" in jpeg_fault(jpeg[: at + 1] + b"\xd3" + jpeg[at + 2 :])
    assert jpeg_fault(jpeg[:at] + jpeg[at + 2 :]) is not None


def test_more_or_fewer_blocks_than_the_header_says():
    jpeg = bytearray(encoded(scene(240, 320)))
    at = jpeg.index(b"\xff\xc0") + 5
    for height in (120, 480):
        jpeg[at : at + 2] = height.to_bytes(2, "big")
        assert jpeg_fault(bytes(jpeg)) is not None


def test_films_leave_the_usual_tables_out():
    jpeg = encoded(scene(48, 64))
    while (at := jpeg.find(b"\xff\xc4")) >= 0:
        jpeg = jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]
    assert jpeg_fault(jpeg) is None
    assert jpeg_fault(jpeg[: len(jpeg) // 2] + b"\xff\xd9") is not None


def test_what_is_not_followed():
    for data in (b"", b"\xff", b"GIF89a", b"\xff\xd8 no picture at all"):
        assert jpeg_fault(data) in (None, "is truncated: its data end before its picture does")
    with pytest.raises(TypeError):
        jpeg_fault(bytearray(b"\xff\xd8"))
