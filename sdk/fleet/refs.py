"""Expressions from a file: a line each, a JSON list, or the column ``ref`` of a CSV."""

from __future__ import annotations

import csv
import io
import json

from sdk.errors import InputError
from sdk.fleet.places import opened, suffix_of

COLUMN = "ref"


def read_refs(address: str) -> tuple[str, ...]:
    """The expressions of a file, each once, in its order.

    ``.json``: a list of texts. ``.csv``: the column ``ref``. Anything else: a line each, empty ones
    left out.

    Args:
        address: a path, or an address that fsspec knows.

    Returns:
        At least one expression.

    Raises:
        InputError: the file cannot be read, is not what its suffix says, or has no expression.
    """
    with opened(address) as file:
        data = file.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"expected expressions in UTF-8 in {address}: {error}") from error
    reader = {".json": _of_json, ".csv": _of_csv}.get(suffix_of(address), _of_lines)
    found = tuple(dict.fromkeys(ref.strip() for ref in reader(text, address) if ref.strip()))
    if not found:
        raise InputError(f"expected an expression in {address}, found none")
    return found


def _of_lines(text: str, _: str) -> list[str]:
    return text.splitlines()


def _of_json(text: str, address: str) -> list[str]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"{address} is not valid JSON ({error})") from error
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InputError(f"expected a list of texts in {address}, found {text.strip()!r:.80}")
    return value


def _of_csv(text: str, address: str) -> list[str]:
    rows = csv.DictReader(io.StringIO(text))
    if COLUMN not in (rows.fieldnames or ()):
        raise InputError(f"expected a column {COLUMN!r} in {address}, found {rows.fieldnames}")
    return [row[COLUMN] or "" for row in rows]
