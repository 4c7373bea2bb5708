"""Tables for people and JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdk.errors import InputError


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text: the first to the left, the others to the right.

    Args:
        header: the columns' names.
        rows: for each row a cell for each column.

    Returns:
        Lines without an end of line at the end, the second a rule below the header.
    """
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
                existed = path.exists()
                path.open("a").close()
                if not existed:  # an empty file would look like a finished measurement
                    path.unlink()
            except OSError as error:
                raise InputError(f"cannot write {path}: {error.strerror or error}") from error

    def write(self, figures: dict[str, Any] | list[Any]) -> None:
        """Write the figures; NaN becomes null."""
        if self._path is not None:
            self._path.write_text(_text(_without_nan(figures)) + "\n", encoding="utf-8")


def accuracy_lines(figures: dict[str, dict[str, Any]]) -> list[str]:
    """What ``scoring.summarise`` gave, as tables for people; empty groups are left out."""
    columns = ("acc50", "acc75", "macc", "mean_iou", "first_window", "found")

    def cells(title: str, group: dict[str, Any]) -> list[str]:
        shares = [share(group[column]) for column in columns]
        return [title, str(group["n"]), *shares, f"{group['steps']:.2f}"]

    rows = [cells(title, figures[name]) for name, title in _GROUPS.items() if figures[name]["n"]]
    absent = figures["absent"]
    if absent["n"]:
        found, steps = share(absent["found"]), f"{absent['steps']:.2f}"
        rows.append(["absent objects", str(absent["n"]), *"-----", found, steps])
    for kind, title in (("by_size", "area of the target"), ("by_relation", "relation named")):
        held = {name: group for name, group in figures[kind].items() if group["n"]}
        rows += [[title, *[""] * 8]] if held else []
        rows += [cells(f"  {name}", group) for name, group in held.items()]
    header = ("", "n", "Acc50", "Acc75", "mAcc", "mean IoU", "1st window", "found", "steps")
    return [
        table(header, rows),
        "",
        "Acc50, Acc75, mAcc: IoU with the true box, whatever the score. 1st window: the region",
        "that the first step chose holds the target. found: the score reached the threshold; for",
        "absent objects that is a false alarm.",
    ]


_GROUPS = {
    "zoom": "all",
    "attribute": "noun phrase is enough",
    "relation": "needs the relation",
    "shuffled": "sentences shuffled",
}


def _text(value: Any, indent: str = "") -> str:
    """JSON with a line for whatever holds plain values alone: a row, a column of samples."""
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list) or not any(isinstance(each, dict | list) for each in inner):
        return json.dumps(value, allow_nan=False)
    within = indent + "  "
    names = (
        [f"{json.dumps(str(key))}: " for key in value]
        if isinstance(value, dict)
        else [""] * len(inner)
    )
    lines = [
        f"{within}{name}{_text(each, within)}" for name, each in zip(names, inner, strict=True)
    ]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([begin, ",\n".join(lines), indent + end])


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
