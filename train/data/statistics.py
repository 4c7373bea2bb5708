"""What an annotation file holds, in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import as_boxes
from train.data.entries import AnnotationSet
from train.evaluation.groups import RELATIONS, SIZES, relations, size_group
from train.evaluation.report import table


def statistics(known: AnnotationSet) -> dict[str, Any]:
    """Plain values, NaN where there is nothing to count.

    ``count`` usable annotations of ``images`` images; percentiles of the boxes' ``area_px2``,
    ``width_px`` and ``height_px`` and of the ``words`` of a sentence; shares of annotations by
    ``sizes`` and by ``relations`` (a sentence may name several); ``bad`` entries with reasons.
    """
    items = known.items
    boxes = as_boxes([item.xyxy for item in items])
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    words = np.array([len(item.ref.split()) for item in items], dtype=np.float64)
    named = [relations(item.ref) for item in items]
    sizes = [size_group(area) for area in width * height]
    return {
        "count": len(items),
        "images": len({item.image for item in items}),
        "area_px2": _percentiles(width * height),
        "width_px": _percentiles(width),
        "height_px": _percentiles(height),
        "words": _percentiles(words),
        "sizes": {name: _share([size == name for size in sizes]) for name in SIZES},
        "relations": {name: _share([name in of_one for of_one in named]) for name in RELATIONS},
        "bad": [{"entry": p.entry, "reason": p.reason} for p in known.problems],
    }


def statistics_lines(figures: dict[str, Any]) -> list[str]:
    """The numbers of ``statistics`` as tables for people, without the bad entries."""
    titles = {"width_px": "width / px", "height_px": "height / px", "area_px2": "area / px2"}
    rows = [
        [title, *(f"{figures[name][p]:.0f}" for p in ("p1", "p50", "p99"))]
        for name, title in (titles | {"words": "words"}).items()
    ]
    shares = figures["sizes"] | figures["relations"]
    lines = [f"{figures['count']:,} sentences about {figures['images']:,} images"]
    if figures["count"]:
        lines += ["", table(("percentile", "1", "50", "99"), rows), ""]
        lines.append(table(("share", "%"), [[n, f"{100 * s:.1f}"] for n, s in shares.items() if s]))
    return lines


def _percentiles(values: NDArray[np.float64]) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(("p1", "p50", "p99"), float("nan"))
    found = np.percentile(values, (1, 50, 99)).tolist()
    return dict(zip(("p1", "p50", "p99"), found, strict=True))


def _share(holds: list[bool]) -> float:
    return float(np.mean(holds)) if holds else float("nan")
