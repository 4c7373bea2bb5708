"""Bundles from anywhere: nothing but our error comes out."""

from __future__ import annotations

import contextlib
import json
import warnings
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import InputError
from sdk.frame import encode_image
from sdk.replay.bundle import ask_again, load_bundle
from sdk.replay.difference import compare


def test_missing_members(rewrite, bundle_path):
    rewrite(bundle_path, frame_png=None)
    with pytest.raises(InputError, match=r"has no frame.png"):
        load_bundle(bundle_path)
    rewrite(bundle_path, bundle_json=None)
    with pytest.raises(InputError, match=r"has no bundle.json and no frame.png"):
        load_bundle(bundle_path)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"\xff", b'{"schema": 1}', b"[" * 50000, b'{"a": NaN}']
)
def test_wrong_json(rewrite, bundle_path, text):
    rewrite(bundle_path, bundle_json=text)
    with pytest.raises(InputError):
        load_bundle(bundle_path)


PATHS = ["schema", "created", "engine", "versions", "options", "answers"]
PATHS += [f"options/{key}" for key in ("threshold", "color", "beam", "deadline_ms", "starts")]
ANSWER_KEYS = ("schema", "ref", "found", "complete", "reason", "score", "xyxy", "rival")
ANSWER_KEYS += ("frame_wh", "zooms", "abandoned", "unknown_words", "timing_ms", "engine")
PATHS += [f"answers/0/{key}" for key in ANSWER_KEYS]
PATHS += [f"answers/0/zooms/0/{key}" for key in ("window_xyxy", "xyxy", "raw_score", "progress")]


def place(data, path):
    *way, last = path.split("/")
    for key in way:
        data = data[int(key) if key.isdigit() else key]
    return data, last


@pytest.mark.parametrize("path", PATHS)
def test_every_value_is_needed(rewrite, said, bundle_path, path):
    data = said(bundle_path)
    holder, key = place(data, path)
    del holder[key]
    rewrite(bundle_path, bundle_json=json.dumps(data))
    with pytest.raises(InputError, match=r"bundle\.json"):
        load_bundle(bundle_path)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(st.characters(codec="utf-8") | st.just("\ud800"))
    | st.just([0, 0, 1, 1]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(path=st.sampled_from(PATHS), value=ANY)
def test_any_value_is_read_or_refused(
    rewrite, said, grounder, bundle_bytes, tmp_path_factory, path, value
):
    file = tmp_path_factory.mktemp("any") / "x.zip"
    file.write_bytes(bundle_bytes)
    data = said(file)
    holder, key = place(data, path)
    holder[key] = value
    rewrite(file, bundle_json=json.dumps(data))
    with contextlib.suppress(InputError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bundle = load_bundle(file)
        for recorded, again in zip(bundle.answers, ask_again(bundle, grounder), strict=True):
            compare(recorded, again).to_dict()
            recorded.plot(bundle.frame)


@given(data=st.data())
def test_flipped_bits_and_truncation(bundle_bytes, tmp_path_factory, data):
    changed = bytearray(bundle_bytes)
    for _ in range(data.draw(st.integers(0, 5))):
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    length = data.draw(st.integers(0, len(changed)) | st.just(len(changed)))
    path = tmp_path_factory.mktemp("flipped") / "x.zip"
    path.write_bytes(changed[:length])
    with contextlib.suppress(InputError):
        load_bundle(path)


@given(data=st.data())
def test_flipped_bits_in_the_picture(rewrite, bundle_bytes, tmp_path_factory, data):
    """With checksums that are right: the decoder meets them."""
    path = tmp_path_factory.mktemp("picture") / "x.zip"
    path.write_bytes(bundle_bytes)
    with zipfile.ZipFile(path) as archive:
        picture = bytearray(archive.read("frame.png"))
    for _ in range(data.draw(st.integers(1, 5))):
        picture[data.draw(st.integers(0, len(picture) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    rewrite(path, frame_png=bytes(picture))
    with contextlib.suppress(InputError):
        assert load_bundle(path).frame.shape == (48, 64, 3)


def test_pictures_that_are_not_the_frame(rewrite, bundle_path, make_frame):
    for data, message in [
        (b"", "expected a PNG"),
        (encode_image(make_frame(), ".jpg"), "expected a PNG"),
        (encode_image(make_frame((64, 48)), ".png"), "not the frame of the answers"),
        (encode_image(make_frame(), ".png")[:-40], "truncated"),
    ]:
        rewrite(bundle_path, frame_png=data)
        with pytest.raises(InputError, match=message):
            load_bundle(bundle_path)


def test_a_picture_bomb_is_not_decoded(rewrite, bundle_path, make_frame):
    picture = bytearray(encode_image(make_frame(), ".png"))
    picture[16:24] = (60000).to_bytes(4, "big") * 2
    rewrite(bundle_path, frame_png=bytes(picture))
    with pytest.raises(InputError, match=r"67108864 pixels .* found 60000x60000"):
        load_bundle(bundle_path)
