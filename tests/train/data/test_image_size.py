"""Sizes from the headers of image files, as the pictures come out when they are read."""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from sdk.frame import read_image
from train.data import image_size
from train.data.image_size import image_wh

PICTURE = np.full((24, 40, 3), 90, np.uint8)


def jpeg(*options: int) -> bytes:
    return cv2.imencode(".jpg", PICTURE, list(options))[1].tobytes()


def exif(orientation: int, order: str = "little", kind: int = 3) -> bytes:
    """An APP1 segment with one entry."""

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, order)  # type: ignore[arg-type]

    tiff = (b"II" if order == "little" else b"MM") + number(42, 2) + number(8, 4) + number(1, 2)
    value = number(orientation, 2) + b"\0\0"
    tiff += number(0x0112, 2) + number(kind, 2) + number(1, 4) + value + number(0, 4)
    return segment(0xE1, b"Exif\0\0" + tiff)


def segment(code: int, data: bytes) -> bytes:
    return bytes([0xFF, code]) + (len(data) + 2).to_bytes(2, "big") + data


def insert(data: bytes, *segments: bytes) -> bytes:
    """Segments after a JPEG's first marker."""
    return data[:2] + b"".join(segments) + data[2:]


@pytest.fixture
def size(tmp_path: Path):
    """``size(data)``: the size from the header, equal to that of the decoded picture."""

    def of(data: bytes) -> tuple[int, int]:
        path = tmp_path / "picture"
        path.write_bytes(data)
        found = image_wh(path)
        assert found == read_image(path).shape[1::-1]
        return found

    return of


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("orientation", range(10))  # 0 and 9 mean nothing
def test_orientation(size, orientation: int, order: str) -> None:
    expected = (24, 40) if orientation in (5, 6, 7, 8) else (40, 24)
    assert size(insert(jpeg(), exif(orientation, order))) == expected


@pytest.mark.parametrize(
    "segments",
    [
        (),
        (segment(0xFE, b"a comment \xff\xc0\x00\x11"), exif(6)),
        (segment(0xE1, b"Exif\0\0"),),
        (segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),),
        (segment(0xE1, b"Exif\0\0XX*\0\x08\0\0\0"),),
        (segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0"),),
        (segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<a tiff:Orientation="6"/>'),),
        (exif(6, kind=4),),
        (exif(6), exif(1)),
        (b"\xff\xff\xff",),  # fill bytes
    ],
)
def test_other_segments(size, segments: tuple[bytes, ...]) -> None:
    assert size(insert(jpeg(), *segments)) in ((40, 24), (24, 40))


@pytest.mark.parametrize(
    "data",
    [
        jpeg(cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        jpeg(cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
        cv2.imencode(".jpg", PICTURE[:, :, 0])[1].tobytes(),
        cv2.imencode(".png", PICTURE)[1].tobytes(),
        cv2.imencode(".bmp", PICTURE)[1].tobytes(),
    ],
)
def test_formats(size, data: bytes) -> None:
    assert size(data) == (40, 24)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xc0\0\1", b"no image", jpeg()[:20]]
)
def test_files_that_are_no_images(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "picture"
    path.write_bytes(data)
    with pytest.raises(InputError):
        image_wh(path)


def sized(data: bytes, height: int, width: int) -> bytes:
    """A JPEG whose header states another size."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def vast_png(side: int) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(("height", "width"), [(0, 40), (24, 0), (0, 0)])
def test_sizes_that_are_none(tmp_path: Path, height: int, width: int) -> None:
    (tmp_path / "picture").write_bytes(sized(jpeg(), height, width))
    with pytest.raises(InputError):
        image_wh(tmp_path / "picture")


@pytest.mark.parametrize("data", [sized(jpeg(), 65500, 65500), vast_png(37_000)])
def test_sizes_that_nobody_decodes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "picture").write_bytes(data)
    with pytest.raises(InputError, match="more pixels than OpenCV decodes") as raised:
        image_wh(tmp_path / "picture")
    assert "\n" not in str(raised.value)
    assert "Assertion" not in str(raised.value)


def test_headers_that_promise_too_much_are_not_believed(tmp_path: Path, monkeypatch) -> None:
    """A few hundred bytes do not hold 3000 x 2000 px: only decoding tells."""
    (tmp_path / "picture").write_bytes(sized(jpeg(), 2000, 3000))
    read = []
    real = image_size.read_image
    monkeypatch.setattr(image_size, "read_image", lambda path: read.append(path) or real(path))
    with contextlib.suppress(InputError):
        image_wh(tmp_path / "picture")
    assert read


@pytest.mark.parametrize("quality", [1, 50, 95])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_header_and_an_end_are_enough(
    tmp_path: Path, monkeypatch, quality: int, orientation: int
) -> None:
    """Whatever the picture: the emptiest one still has bytes enough."""
    monkeypatch.setattr(image_size, "read_image", lambda _: pytest.fail("it was decoded"))
    picture = np.full((1500, 2000, 3), 90, np.uint8)
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    path = tmp_path / "picture.jpg"
    path.write_bytes(insert(data, exif(orientation)))
    assert image_wh(path) == ((2000, 1500) if orientation == 1 else (1500, 2000))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the image"):
        image_wh(tmp_path / "gone.jpg")


@given(st.binary(max_size=40))
def test_any_header(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jpg"
    path.write_bytes(b"\xff\xd8" + data)
    try:
        width, height = image_wh(path)
    except InputError:
        return
    assert width > 0
    assert height > 0
