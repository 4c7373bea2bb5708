"""Whole searches against those of the published implementation: the same boxes, to the pixel."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sdk.frame import read_image
from sdk.zoom.search import Search
from train.evaluation.published import (
    PublishedPolicy,
    PublishedSearcher,
    history_entry,
    prompt,
    resized,
    resized_wh,
)

CASES = [(bottleneck, case) for bottleneck in (64, 256) for case in range(3)]


@dataclass(frozen=True)
class Case:
    """What is expected, and our search for the same frame and expression."""

    about: dict[str, Any]
    arrays: dict[str, NDArray]  # without their ``case0_``
    scale_px: tuple[int, int]
    frame: NDArray[np.uint8]
    found: Search


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"d{case[0]}_case{case[1]}")
def case(request: pytest.FixtureRequest, golden: Path, golden_checkpoint: Callable) -> Case:
    bottleneck, number = request.param
    run = json.loads((golden / f"e2e_d{bottleneck}.json").read_text())
    about, start = run["cases"][number], f"case{number}_"
    stored = np.load(golden / f"e2e_d{bottleneck}.npz")
    arrays = {k.removeprefix(start): stored[k] for k in stored.files if k.startswith(start)}
    scale_px = tuple(run["test_scale"])
    policy = PublishedPolicy(scale_px, run["max_zoom"], run["eos_threshold"])
    frame = read_image(golden / about["image"])
    searcher = PublishedSearcher(*golden_checkpoint(bottleneck), policy)
    return Case(about, arrays, scale_px, frame, searcher(frame, about["text"]))


def test_golden_box_history(case: Case) -> None:
    """Every box, as integers, and as many of them."""
    history = [[0, 0, *case.about["image_wh"]]]
    history += [list(history_entry(zoom.xyxy)) for zoom in case.found.zooms]
    assert case.found.fault is None
    assert history == case.about["bbox_history_xywh"]
    assert len(case.found.zooms) == case.about["n_predicted_boxes"]
    assert prompt(case.about["text"]) == case.about["prompt"]


def test_golden_reason_to_stop(case: Case) -> None:
    ended = case.found.zooms[-1].stop_probability >= 0.95
    assert ended == (case.about["stopped_by"] == "eos")
    if not ended:
        assert len(case.found.zooms) == 5


def test_golden_answer(case: Case) -> None:
    last = case.found.zooms[-1]
    np.testing.assert_allclose(last.candidates_xyxy, case.arrays["final_boxes_xyxy"], atol=0.01)
    np.testing.assert_allclose(last.candidates_scores, case.arrays["final_scores"], atol=1e-5)


def test_golden_steps(case: Case) -> None:
    """What each step saw and said: progress, crop, its size, pixels, boxes, scores."""
    steps = case.about["steps"]
    for index, (zoom, step) in enumerate(zip(case.found.zooms, steps, strict=False)):
        x1, y1, x2, y2 = (int(edge) for edge in zoom.window_xyxy)
        if step["crop_xyxy_int"] is not None:
            assert [x1, y1, x2, y2] == step["crop_xyxy_int"]
        size = resized_wh((x2 - x1, y2 - y1), case.scale_px)
        assert size == tuple(step["resized_hw"][::-1])
        pixels = resized(case.frame[y1:y2, x1:x2], size)
        # Pillow's versions may round differently
        np.testing.assert_allclose(pixels, case.arrays[f"step{index}_rgb_u8"], atol=1)
        assert zoom.progress == pytest.approx(step["zoom"], abs=1e-6)
        boxes = zoom.candidates_xyxy - np.float32([x1, y1, x1, y1])
        expected = case.arrays[f"step{index}_boxes_in_crop_xyxy"]
        np.testing.assert_allclose(boxes, expected, atol=0.01)
        np.testing.assert_allclose(
            zoom.candidates_scores, case.arrays[f"step{index}_scores"], atol=1e-5
        )
    for zoom, following in zip(case.found.zooms, steps[1:], strict=False):
        assert zoom.stop_probability == pytest.approx(following["eos_prob"], abs=1e-5)
