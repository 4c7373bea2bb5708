"""Tables for people and JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdk.errors import InputError


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def share(value: float | None) -> str:
    """A share of 1 for a table; a dash where there was nothing to count."""
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


class JsonFile:
    """Where the figures go; opened before a long measurement, so that it is not made in vain.

    Args:
        path: the file, None for nowhere.

    Raises:
        InputError: the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            except OSError as error:
                raise InputError(f"cannot write {path}: {error.strerror or error}") from error

    def write(self, figures: dict[str, Any]) -> None:
        """Write the figures; NaN becomes null."""
        if self._path is not None:
            text = json.dumps(_without_nan(figures), indent=2, allow_nan=False)
            self._path.write_text(text + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
