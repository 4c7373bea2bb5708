"""``POST /locate``: the answers of ``Grounder``, and everything that is refused, by its name."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk.frame import decode_image

pytestmark = pytest.mark.filterwarnings("ignore:the engine does not know")

SCHEMA = Path(__file__).parents[3] / "sdk" / "schemas" / "grounding-3.json"


def form(data: bytes, *refs: str, name: str = "street.png", **fields: str) -> dict[str, Any]:
    """A question as a form."""
    return {"files": {"file": (name, data)}, "data": {"ref": list(refs), **fields}}


def said(data: bytes, **changes: Any) -> dict[str, Any]:
    """A question as JSON."""
    return {"json": {"image": base64.b64encode(data).decode(), "ref": "the red square"} | changes}


def untimed(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without the milliseconds that it took."""
    return {name: value for name, value in answer.items() if name != "timing_ms"}


def png_of(width: int, height: int) -> bytes:
    """A PNG file whose header promises so many pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [header, b"IDAT" + zlib.compress(b"\0" * 64), b"IEND"]
    chunks = [struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_the_answers_of_the_grounder(served, grounder, picture):
    client, frame = served(), decode_image(picture, "street")
    refs = ["the red square", "the green square"]
    expected = [untimed(json.loads(each.to_json())) for each in grounder.locate(frame, refs)]
    assert [each["found"] for each in expected] == [True, False]
    one = client.post("/locate", **form(picture, refs[0]))
    assert one.headers["content-type"] == "application/json"
    fastjsonschema.compile(json.loads(SCHEMA.read_text()))(one.json())
    assert untimed(one.json()) == expected[0]
    assert untimed(client.post("/locate", **said(picture)).json()) == expected[0]
    for several in (form(picture, *refs), said(picture, ref=refs)):
        assert [untimed(each) for each in client.post("/locate", **several).json()] == expected
    (listed,) = client.post("/locate", **said(picture, ref=refs[:1])).json()
    assert untimed(listed) == expected[0]


def test_a_deadline(served, picture):
    client = served()
    for question in (
        form(picture, "the red square", deadline_ms="1e-6"),
        said(picture, deadline_ms=1e-6),
    ):
        answer = client.post("/locate", **question).json()
        assert (answer["found"], answer["complete"]) == (False, False)
    assert client.post("/locate", **said(picture, deadline_ms=None)).json()["complete"]


@pytest.mark.parametrize(
    ("damage", "status", "detail"),
    [
        (lambda _: b"", 415, r"expected a JPEG, .* in street\.png \(0 bytes\)"),
        (lambda _: b"no picture", 415, r"expected a JPEG, .* in street\.png \(10 bytes\)"),
        (lambda _: b"<svg width='9' height='9'/>", 415, r"expected a JPEG, .* in street\.png"),
        (lambda _: b"\xff\xd8\xff\xe0" + bytes(50), 415, r"expected a JPEG, .* in street\.png"),
        (lambda _: b"RIFF\x24\0\0\0WAVEfmt ", 415, r"expected a JPEG, .* in street\.png"),
        (lambda data: data[:-40], 422, r"the image street\.png is truncated"),
        (lambda data: data[:60] + b"?" + data[61:], 422, r"street\.png is damaged: the checksum"),
        (lambda _: png_of(7000, 7000), 413, r"at most 40 megapixels, got 7000x7000 in street\.png"),
    ],
)
def test_bad_pictures(served, picture, damage, status, detail):
    answer = served().post("/locate", **form(damage(picture), "the red square"))
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == answer.json()["status"] == status
    assert re.search(detail, answer.json()["detail"]), answer.text


BAD = {
    "no file": ({"data": {"ref": "a car"}}, 415, "expected multipart/form-data or application"),
    "no picture": ({"files": {"x": ("a", b"")}, "data": {"ref": "a"}}, 422, "deadline_ms, got 'x'"),
    "a text as file": (
        {"files": {"file": (None, b"text"), "ref": (None, "a")}},
        422,
        "field 'file'",
    ),
    "no ref": ({"files": {"file": ("a.png", b"")}}, 422, "1 to 16 fields 'ref', got 0"),
    "many refs": (form(b"", *("a car" for _ in range(17))), 422, "got 17|Too many fields"),
    "two files": ({"files": [("file", ("a", b"")), ("file", ("b", b""))]}, 400, "Too many files"),
    "a bad deadline": (
        form(b"", "a car", deadline_ms="soon"),
        422,
        "a number in 0..1e.09, got 'soon'",
    ),
    "no deadline": (form(b"", "a car", deadline_ms="nan"), 422, "a number in 0..1e.09"),
    "no boundary": (
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        400,
        "boundary",
    ),
    "no JSON": ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "no JSON"),
    "deep JSON": (
        {"content": b"[" * 10**5, "headers": {"content-type": "application/json"}},
        400,
        "no JSON",
    ),
    "a list": ({"json": []}, 422, "expected a JSON object, got list"),
    "no image": ({"json": {"ref": "a car"}}, 422, "has no 'image'"),
    "no base64": ({"json": {"ref": "a car", "image": "%"}}, 422, "an image file in base64"),
    "no refs": ({"json": {"ref": [], "image": "AA=="}}, 422, "1 to 16 expressions"),
    "a number": ({"json": {"ref": 5, "image": "AA=="}}, 422, "'ref' to be a name, got 5"),
    "a misspelt key": (said(b"", deadline=5), 422, "deadline_ms, got 'deadline'"),
    "a deadline as text": (said(b"x", deadline_ms="5"), 422, "a number in"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests(client, name):
    request, status, detail = BAD[name]
    answer = client.post("/locate", **request)
    assert answer.status_code == status, answer.text
    assert re.search(detail, answer.json()["detail"]), answer.text


def test_expressions_that_cannot_be_used(client, picture):
    for ref, detail in (("...", "word"), ("a" * 5000, "at most 4096 characters, got 5000")):
        answer = client.post("/locate", **form(picture, ref))
        assert (answer.status_code, detail in answer.json()["detail"]) == (422, True), answer.text
    answer = client.post("/locate", **form(picture, "the zebra"))
    assert (answer.status_code, answer.json()["unknown_words"]) == (200, ["zebra"])


def test_a_name_is_no_way_to_write_messages(client):
    name = "x\r\nSet-Cookie: a\x1b[31m" + "y" * 500
    detail = client.post("/locate", **said(b"x", name=name)).json()["detail"]
    assert detail.isprintable()
    assert len(detail) < 200


def test_too_many_bytes(served, picture):
    client = served(megabytes=0.01)
    large = said(bytes(20_000))
    assert client.post("/locate", **large).status_code == 413
    sent = (b"x" * 1000 for _ in range(1000))  # nobody says how many
    answer = client.post("/locate", content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert "at most 0.01 MB" in answer.json()["detail"]
    assert client.post("/locate", **form(picture, "the red square")).status_code == 200


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["image", "name", "ref", "deadline_ms"]), inner)
            ),
        ).map(lambda value: json.dumps(value).encode()),
    ),
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=x", "text/plain", ""]),
)
def test_whatever_comes_is_refused(client, body, kind):
    answer = client.post("/locate", content=body, headers={"content-type": kind})
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]
