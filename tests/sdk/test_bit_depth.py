"""Pictures of 16 bits that use fewer."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest

from sdk.__main__ import main
from sdk.bit_depth import BitDepth
from sdk.errors import InputError
from sdk.frame import decode_image, read_image

SLOPE = np.linspace(0, 1, 64 * 48).reshape(48, 64)


def used(bits):
    """A slope from black to white that uses so many bits."""
    return (SLOPE * ((1 << bits) - 1)).astype(np.uint16)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_what_is_used_is_shown_from_black_to_white(bits, suffix):
    data = cv2.imencode(suffix, used(bits))[1].tobytes()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = decode_image(data, "x")
    assert frame.shape == (48, 64, 3)
    assert np.abs(frame[:, :, 0].astype(int) - SLOPE * 255).max() <= 1
    said = [str(each.message) for each in caught]
    assert said == (
        []
        if bits == 16
        else [
            f"the image x: of 16 bits a value, {bits} are in use; 0 to {(1 << bits) - 1} is taken"
            " for black to white"
        ]
    )


def test_colours_and_alpha():
    color = np.dstack([used(12), used(12)[::-1], used(12)[:, ::-1]])
    for stored in (color, np.dstack([color, used(16)])):
        with pytest.warns(UserWarning, match="12 are in use"):
            frame = decode_image(cv2.imencode(".png", stored)[1].tobytes(), "x")
        assert (frame == (color >> 4)).all()


def test_a_stream_keeps_its_brightness():
    depth = BitDepth()
    with pytest.warns(UserWarning, match="16 bits") as caught:
        shown = [depth.to_bytes(used(bits), "x")[-1, -1] for bits in (12, 10, 12, 8, 14, 12)]
    assert shown == [255, 63, 255, 15, 255, 63]
    assert len(caught) == 2  # once for 12 bits, once for 14


def test_a_black_picture():
    with pytest.warns(UserWarning, match="8 are in use"):
        assert not BitDepth().to_bytes(np.zeros((3, 4), np.uint16), "x").any()
    with pytest.raises(InputError, match="16-bit values of x, found float32"):
        BitDepth().to_bytes(np.zeros((3, 4), np.float32), "x")


def test_the_command_says_it(tmp_path, engine, capsys):
    path = tmp_path / "twelve.png"
    cv2.imwrite(str(path), used(12))
    assert main(["locate", str(path), "the red square", "--engine", str(engine)]) == 0
    err = capsys.readouterr().err
    assert f"warning: the image {path}: of 16 bits a value, 12 are in use" in err


def test_floats_are_no_picture(tmp_path):
    path = tmp_path / "float.tif"
    cv2.imwrite(str(path), np.dstack([SLOPE] * 3).astype(np.float32))
    with pytest.raises(InputError, match="float32"):
        read_image(path)
