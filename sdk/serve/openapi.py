"""What ``/openapi.json`` says of ``POST /locate``: how to ask, what is answered, what refused."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sdk.serve.limits import Limits
from sdk.serve.upload import FORM, JSON

PROBLEM = "application/problem+json"
_SCHEMA = Path(__file__).resolve().parents[1] / "schemas" / "grounding-3.json"
_REFUSED = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read as what it says it is.",
    HTTPStatus.REQUEST_TIMEOUT: "The body came too slowly.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too many bytes, or too many pixels.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Neither a form nor JSON, or the file is no image.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Something is missing or too much, the image is damaged, or"
    " an expression cannot be used.",
    HTTPStatus.TOO_MANY_REQUESTS: "All places are taken: try again after Retry-After seconds.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The engine failed.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The engine is loading, or there was no time: try again after"
    " Retry-After seconds.",
}


def components() -> dict[str, Any]:
    """The named schemas: ``grounding`` and its parts, as ``Grounding.to_json`` writes them, and
    ``problem``."""
    text = _SCHEMA.read_text(encoding="utf-8")
    grounding = json.loads(text.replace("#/definitions/", "#/components/schemas/"))
    parts = grounding.pop("definitions")
    del grounding["$schema"]
    problem = {
        "type": "object",
        "required": ["title", "status", "detail"],
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "what was expected, found, is to be done"},
        },
    }
    return {"grounding": grounding, "problem": problem, **parts}


def question(limits: Limits) -> dict[str, Any]:
    """The request body of the operation, in either form."""
    ref = {"type": "string", "examples": ["the white van left of the bus"]}
    refs = {"type": "array", "items": ref, "minItems": 1, "maxItems": limits.refs}
    deadline = {"type": "number", "description": "milliseconds that the search may take"}
    return {
        "requestBody": {
            "required": True,
            "description": f"At most {limits.megabytes:g} MB and {limits.megapixels:g} megapixels.",
            "content": {
                FORM: {
                    "schema": {
                        "type": "object",
                        "required": ["file", "ref"],
                        "additionalProperties": False,
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            "ref": {**refs, "description": "a field, or several of that name"},
                            "deadline_ms": deadline,
                        },
                    },
                    "encoding": {"ref": {"style": "form", "explode": True}},
                },
                JSON: {
                    "schema": {
                        "type": "object",
                        "required": ["image", "ref"],
                        "additionalProperties": False,
                        "properties": {
                            "image": {"type": "string", "contentEncoding": "base64"},
                            "name": {"type": "string", "description": "of it, for messages"},
                            "ref": {"oneOf": [ref, refs]},
                            "deadline_ms": {**deadline, "type": ["number", "null"]},
                        },
                    }
                },
            },
        }
    }


def responses() -> dict[int | str, dict[str, Any]]:
    """An answer for one expression, a list of them for several, and every refusal."""
    grounding = {"$ref": "#/components/schemas/grounding"}
    several = {"type": "array", "items": grounding}
    problem = {PROBLEM: {"schema": {"$ref": "#/components/schemas/problem"}}}
    told: dict[int | str, dict[str, Any]] = {
        200: {
            "description": "The answer; of several expressions a list of answers, in their order.",
            "content": {JSON: {"schema": {"oneOf": [grounding, several]}}},
        }
    }
    for status, description in _REFUSED.items():
        told[int(status)] = {"description": description, "content": problem}
    return told
