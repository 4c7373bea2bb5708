"""Frames and image files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sdk.errors import InputError
from sdk.frame import check_frame, read_image, write_image


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (None, "got None"),
        ("frame.jpg", "got str"),
        ([[[1, 2, 3]]], "got list"),
        (np.float32(3), "got float32"),
        (np.array(3, np.uint8), "got a scalar"),
        (np.zeros((4, 5), np.uint8), "expected 3 channels, got 1"),
        (np.zeros((4, 5, 1), np.uint8), "expected 3 channels, got 1"),
        (np.zeros((4, 5, 4), np.uint8), "expected 3 channels, got 4"),
        (np.zeros((4, 5, 2), np.uint8), "4x5x2"),
        (np.zeros((3, 4, 5), np.uint8), "3x4x5"),
        (np.zeros((1, 4, 5, 3), np.uint8), "1x4x5x3"),
        (np.zeros((0, 5, 3), np.uint8), "at least 1x1 pixels, got 0x5x3"),
        (np.zeros((5, 0, 3), np.uint8), "at least 1x1 pixels, got 5x0x3"),
        (np.zeros((4, 5, 3), np.int32), "uint8 frame.*int32"),
        (np.zeros((4, 5, 3), np.uint16), "uint16"),
        (np.zeros((4, 5, 3), bool), "bool"),
        (np.zeros((4, 5, 3), np.float32), "float32"),
        (np.full((4, 5, 3), np.nan), "float64.*NaN or infinite"),
        (np.full((4, 5, 3), np.inf, np.float16), "float16.*NaN or infinite"),
    ],
)
def test_what_is_no_frame(grounder, frame, message):
    with pytest.raises(InputError, match=message):
        check_frame(frame)
    with pytest.raises(InputError, match=message):
        grounder.locate(frame, "the red square")


def test_a_frame_is_handed_through():
    frame = np.zeros((4, 10, 3), np.uint8)[:, ::2]
    assert check_frame(frame) is frame


@pytest.fixture
def picture():
    rows, columns = np.mgrid[:40, :60]
    return np.stack([rows * 6, columns * 4, rows * 0 + 90], -1).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg", ".webp", ".PNG"])
@pytest.mark.parametrize("color", ["bgr", "rgb"])
def test_written_images_read_the_same(tmp_path, picture, suffix, color):
    path = tmp_path / f"Bild ä{suffix}"
    write_image(path, picture, color)
    expected = picture if color == "bgr" else picture[:, :, ::-1]
    difference = np.abs(read_image(path).astype(int) - expected)
    assert difference.max() <= (0 if suffix.lower() in (".png", ".bmp") else 24)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.9, 0.995])
def test_truncated_images_are_refused(tmp_path, suffix, keep):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    data = cv2.imencode(suffix, noise)[1].tobytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(InputError, match="truncated"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("hole", [b"\x00", b"\xff", b"\x55"])
def test_images_damaged_inside_are_refused(tmp_path, suffix, hole):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    data = cv2.imencode(suffix, noise)[1].tobytes()
    path = tmp_path / f"hole{suffix}"
    for share in (0.2, 0.5, 0.8):
        at = int(len(data) * share)
        path.write_bytes(data[:at] + hole * 1000 + data[at + 1000 :])
        with pytest.raises(InputError, match=f"hole{suffix} is damaged"):
            read_image(path)


def test_a_jpeg_without_its_last_two_bytes_is_whole(tmp_path, picture):
    path = tmp_path / "picture.jpg"
    write_image(path, picture)
    whole = read_image(path)
    path.write_bytes(path.read_bytes()[:-2])
    assert (read_image(path) == whole).all()


def test_what_a_png_can_do_without(tmp_path, picture):
    """A wrong checksum of a text is none of the picture's; one of its size is."""
    data = cv2.imencode(".png", picture)[1].tobytes()
    path = tmp_path / "x.png"
    text = (4).to_bytes(4, "big") + b"tEXta\x00bc" + bytes(4)
    path.write_bytes(data[:33] + text + data[33:])
    assert (read_image(path) == picture).all()
    path.write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:])
    with pytest.raises(InputError, match="checksum of its IHDR chunk"):
        read_image(path)


def test_bytes_after_a_jpeg_do_no_harm(tmp_path, picture):
    path = tmp_path / "long.jpg"
    path.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes() + b"trailer" * 50)
    assert read_image(path).shape == picture.shape


def _with_segment(jpeg, marker, payload):
    """A JPEG with one more segment after its start-of-image marker."""
    return (
        jpeg[:2]
        + bytes([0xFF, marker])
        + (len(payload) + 2).to_bytes(2, "big")
        + payload
        + jpeg[2:]
    )


def test_the_end_of_a_thumbnail_is_not_the_end(tmp_path, picture):
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    whole = _with_segment(jpeg, 0xE5, b"thumbnail" + jpeg)
    path = tmp_path / "thumbnail.jpg"
    path.write_bytes(whole)
    assert read_image(path).shape == picture.shape
    path.write_bytes(whole[:-20])
    with pytest.raises(InputError, match="truncated"):
        read_image(path)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, None),
        (3, cv2.ROTATE_180),
        (6, cv2.ROTATE_90_CLOCKWISE),
        (8, cv2.ROTATE_90_COUNTERCLOCKWISE),
    ],
)
def test_exif_orientation_is_honoured(tmp_path, picture, orientation, turn):
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00" + bytes([orientation, 0, 0, 0])
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + entry + b"\x00\x00\x00\x00"
    path = tmp_path / "turned.jpg"
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    path.write_bytes(_with_segment(jpeg, 0xE1, exif))
    expected = picture if turn is None else cv2.rotate(picture, turn)
    found = read_image(path)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 3


@pytest.mark.parametrize(
    "stored",
    [
        np.full((9, 7), 120, np.uint8),
        np.full((9, 7, 4), 120, np.uint8),
        np.full((9, 7, 3), 30840, np.uint16),
    ],
)
def test_every_kind_of_png_becomes_bgr(tmp_path, stored):
    path = tmp_path / "kind.png"
    path.write_bytes(cv2.imencode(".png", stored)[1].tobytes())
    frame = read_image(path)
    assert frame.shape == (9, 7, 3)
    assert frame.dtype == np.uint8
    assert (frame == 120).all()


def test_files_that_are_no_image(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_image(tmp_path / "absent.jpg")
    with pytest.raises(InputError, match="cannot read"):
        read_image(tmp_path)
    for content in (b"", b"hello", b"\x00" * 4000):
        (tmp_path / "text.jpg").write_bytes(content)
        with pytest.raises(InputError, match="expected an image"):
            read_image(tmp_path / "text.jpg")


def test_places_that_cannot_be_written(tmp_path, picture):
    with pytest.raises(InputError, match="expected an image suffix"):
        write_image(tmp_path / "picture.txt", picture)
    with pytest.raises(InputError, match="expected an image suffix"):
        write_image(tmp_path / "picture", picture)
    with pytest.raises(InputError, match="No such file"):
        write_image(tmp_path / "absent" / "picture.png", picture)


@pytest.mark.parametrize("color", ["bgr", "rgb"])
def test_what_is_no_picture_is_not_written(tmp_path, color):
    for picture in (None, np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(InputError, match=r"expected (a frame|a uint8 frame|3 channels)"):
            write_image(tmp_path / "picture.png", picture, color)
    assert not list(tmp_path.iterdir())
