"""The plot of exactness over p99."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.baselines.plot import front, label, pareto_plot


def row(name: str, group: str, p99_ms: float, macc: float, **changes: Any) -> dict[str, Any]:
    values = {"macc_se": 0.02, "mpx": p99_ms, "weights": "a", "n": 9}
    return {"name": name, "group": group, "p99_ms": p99_ms, "macc": macc, **values, **changes}


OURS = row("ours, onnxruntime fp32", "ours", 40.0, 0.7)
ROWS = [
    OURS,
    row("ours, expression known", "ours", 39.0, 0.9),
    row("published loop, 640x352", "published", 400.0, 0.5, mpx=float("nan")),
    row("published demo, 640x352", "published", 410.0, 0.5, mpx=float("nan")),
    row("2x2 tiles", "slicing", 60.0, 0.2),
    row("3x3 + frame tiles", "slicing", 120.0, 0.55),
    row("single pass, 640x352", "single pass", 20.0, 0.1, weights="b"),
    row("single pass, 1280x704", "resolution", 90.0, 0.2, weights="b"),
    row("transformers pipeline", "transformers", 50.0, float("nan"), n=0),
]


def test_front() -> None:
    names = [each["name"] for each in front([*ROWS[2:8], OURS])]
    assert names == ["single pass, 640x352", "ours, onnxruntime fp32"]
    tie = [row("a", "ours", 5.0, 0.2), row("b", "ours", 5.0, 0.3), row("c", "ours", 6.0, 0.3)]
    assert [each["name"] for each in front(tie)] == ["b"]
    assert front([]) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ours, onnxruntime fp32", "onnxruntime fp32"),
        ("3x3 + frame tiles", "3x3 + frame"),
        ("2x2 tiles, single-pass weights", "2x2"),
        ("single pass, 960x544", "960x544"),
        ("our loop, torch.compile", "our loop, torch.compile"),
    ],
)
def test_label(name: str, expected: str) -> None:
    assert label({"name": name}) == expected


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], [*ROWS, *ROWS]])
def test_plot(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = tmp_path / "deep" / "plot.png"
    pareto_plot(rows, path)
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.std() > 5
    red = np.abs(picture.astype(int) - (0x5B, 0x49, 0xD1)).sum(axis=2) < 30
    assert red.sum() > 50  # our point
