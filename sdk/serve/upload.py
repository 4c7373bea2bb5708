"""What a request asks: a picture and expressions, as a form or as JSON."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import python_multipart  # noqa: F401 (without it a form cannot be read: say so before one comes)
from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from sdk.errors import InputError
from sdk.json_reader import JsonReader
from sdk.serve.limits import Limits
from sdk.serve.refused import RefusedError

FORM, JSON = "multipart/form-data", "application/json"
FIELDS = ("file", "ref", "deadline_ms")  # of a form
KEYS = ("image", "name", "ref", "deadline_ms")  # of JSON
_LONGEST_NAME = 80  # characters of a file's name that messages repeat
_MAX_MS = 1e9  # of a deadline; the server's own is shorter


@dataclass(frozen=True)
class Question:
    """A picture and what is asked about it.

    Attributes:
        data: bytes of an image file, not looked at yet.
        name: what messages call it.
        refs: one expression, or several.
        deadline_ms: when the answer is wanted, counted from the search's begin; None: whenever.
    """

    data: bytes
    name: str
    refs: str | tuple[str, ...]
    deadline_ms: float | None


async def read_question(request: Request, limits: Limits) -> Question:
    """Reads the body of a request, as far as its limits go.

    Raises:
        RefusedError: it is too large or comes too slowly (413, 408), is neither a form nor JSON
            (415), cannot be read as what it says it is (400), lacks or has too much (422).
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdecimal() and int(declared) > limits.body_bytes:
        raise _too_large(limits)
    bounded = Request(request.scope, _bounded(request.receive, limits))
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        async with asyncio.timeout(limits.seconds):
            if kind == FORM:
                async with bounded.form(max_files=1, max_fields=limits.refs + 1) as form:
                    return await _of_form(form, limits)
            if kind == JSON:
                return _of_json(await bounded.body(), limits)
    except TimeoutError:
        raise RefusedError(
            HTTPStatus.REQUEST_TIMEOUT, f"expected the request within {limits.seconds:g} s"
        ) from None
    except InputError as error:
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    except HTTPException as error:  # by the parser of forms
        raise RefusedError(HTTPStatus.BAD_REQUEST, error.detail) from None
    except ClientDisconnect:  # nobody reads this
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body ended before its end") from None
    raise RefusedError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {FORM} or {JSON}, got {kind or 'neither'}"
    )


def _bounded(receive: Receive, limits: Limits) -> Receive:
    """``receive``, until it has given as many bytes as a body may have."""
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limits.body_bytes:
            raise _too_large(limits)
        return message

    return receive_bounded


def _too_large(limits: Limits) -> RefusedError:
    return RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"expected a request of at most {limits.megabytes:g} MB: send a smaller picture",
    )


async def _of_form(form: FormData, limits: Limits) -> Question:
    _known(list(form), FIELDS)
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise InputError("expected the picture as the form's field 'file', with a file name")
    refs = [each for each in form.getlist("ref") if isinstance(each, str)]
    if not 1 <= len(refs) <= limits.refs:
        raise InputError(f"expected 1 to {limits.refs} fields 'ref', got {len(refs)}")
    said = form.get("deadline_ms")
    deadline_ms = None if said is None else _milliseconds(str(said))
    asked = refs[0] if len(refs) == 1 else tuple(refs)
    return Question(await file.read(), _shown(file.filename), asked, deadline_ms)


def _of_json(body: bytes, limits: Limits) -> Question:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from None
    reader = JsonReader(said, "the body", InputError)
    _known(list(said), KEYS)
    several = isinstance(reader.raw("ref"), list)
    asked = reader.texts("ref", limits.refs) if several else reader.text("ref")
    if not asked:
        raise InputError(f"the body: expected 'ref' to be 1 to {limits.refs} expressions")
    name = reader.text("name") if reader.has("name") else "image"
    deadline_ms = reader.optional_number("deadline_ms", 0.0, _MAX_MS)
    return Question(_decoded(reader.raw("image")), _shown(name), asked, deadline_ms)


def _decoded(image: object) -> bytes:
    try:
        return base64.b64decode(image if isinstance(image, str) else "?", validate=True)
    except ValueError:
        raise InputError("the body: expected 'image' to be an image file in base64") from None


def _known(names: Sequence[str], known: Sequence[str]) -> None:
    """Whoever misspells an option must not wonder why it has no effect."""
    for name in names:
        if name not in known:
            raise InputError(f"expected {', '.join(known)}, got {_shown(name)!r}")


def _milliseconds(text: str) -> float:
    try:
        given: float | str = float(text)
    except ValueError:
        given = text
    return JsonReader({"deadline_ms": given}, "the form", InputError).number(
        "deadline_ms", 0.0, _MAX_MS
    )


def _shown(name: str | None) -> str:
    """A name that a stranger gave, fit for a message: on a line, without what is not printed."""
    said = "".join(letter if letter.isprintable() else "?" for letter in name or "")
    said = said if len(said) <= _LONGEST_NAME else f"{said[:_LONGEST_NAME]}..."
    return said or "(without a name)"
