"""Films of a red square, and what a plain loop of ``locate`` says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pyarrow.dataset as ds
import pytest

from sdk.__main__ import main

REFS = ("the red square", "the green square")


@pytest.fixture
def make_film(tmp_path, make_frame) -> Callable[..., Path]:
    """``make_film(count, name)``: a red square that moves, ten frames a second."""

    def make(count: int = 5, name: str = "logs/a.mp4") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        code = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(path), code, 10.0, (480, 270))
        for k in range(count):
            left = 40 + (7 * k + len(name)) % 300
            writer.write(make_frame((480, 270), {"red": (left, 60, left + 40, 100)}))
        writer.release()
        return path

    return make


@pytest.fixture
def refs(tmp_path) -> Path:
    """A file of two expressions."""
    path = tmp_path / "refs.txt"
    path.write_text("\n".join(REFS) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def batch(tmp_path, engine, refs) -> Callable[..., int]:
    """``batch(source, *options, out="out")``: the exit code."""

    def run(source: object, *options: object, out: object = tmp_path / "out") -> int:
        given = ("batch", source, "--refs", refs, "-o", out, "--engine", engine, *options)
        return main([str(each) for each in given])

    return run


@pytest.fixture
def rows(tmp_path) -> Callable[..., list[dict[str, Any]]]:
    """``rows(out)``: every row of a folder, as any reader of Parquet finds them, in order; without
    the milliseconds that the answers took."""

    def read(out: Path = tmp_path / "out") -> list[dict[str, Any]]:
        found = ds.dataset(out, format="parquet").to_table().to_pylist()
        assert all(dict(row["timing_ms"])["total"] > 0 for row in found if row["error"] is None)
        found.sort(
            key=lambda row: (row["source"], row["frame"] or 0, REFS.index(row["ref"] or REFS[0]))
        )
        return [{k: v for k, v in row.items() if k != "timing_ms"} for row in found]

    return read


@pytest.fixture
def loop(grounder) -> Callable[..., list[dict[str, Any]]]:
    """``loop(*films)``: the rows that a plain loop of ``locate`` makes, by another way."""

    def ask(*films: Path) -> list[dict[str, Any]]:
        found = []
        for film in sorted(films, key=str):
            capture, number = cv2.VideoCapture(str(film)), 0
            while (read := capture.read())[0]:
                for g in grounder.locate(read[1], list(REFS)):
                    found.append(
                        {
                            "source": str(film),
                            "frame": number,
                            "time_s": capture.get(cv2.CAP_PROP_POS_MSEC) / 1000,
                            "ref": g.ref,
                            "found": g.found,
                            "complete": g.complete,
                            "score": g.score,
                            "xyxy": None if g.xyxy is None else g.xyxy.tolist(),
                            "reason": g.reason,
                            "rival_score": None if g.rival is None else g.rival.score,
                            "rival_xyxy": None if g.rival is None else g.rival.xyxy.tolist(),
                            "zooms": [
                                {
                                    "window_xyxy": zoom.window_xyxy.tolist(),
                                    "xyxy": zoom.xyxy.tolist(),
                                    "raw_score": zoom.raw_score,
                                }
                                for zoom in g.zooms
                            ],
                            "unknown_words": list(g.unknown_words),
                            "frame_wh": list(g.frame_wh),
                            "error": None,
                        }
                    )
                number += 1
        return found

    return ask
