"""SegClip's maps and rectangles: against the published code, and by themselves."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import EngineError, MissingRuntimeError
from sdk.json_reader import JsonReader
from sdk.regions import heatmap
from sdk.regions.heatmap import HeatmapProposer

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = Path(os.environ.get("PIZA_GOLDEN_ZOO", ROOT.parent / "shared" / "golden")) / "segclip"
COUNTS = (4, 8, 16, 32)

SEGMENTED = [
    pytest.param(path, kind, id=f"{path.stem}-{kind}")
    for path in sorted(GOLDEN.glob("seg_*.npz"))
    for kind in heatmap.SEGMENTATIONS
] or [pytest.param(None, "", marks=pytest.mark.skip(f"no golden data at {GOLDEN}"))]
QUANTILES = {"q75": 0.75, "q95": 0.95}


def said(path: Path) -> Any:
    return json.loads((path.parent / "seg.json").read_text())


def red_less_blue(rgb: Any, boxes: Any) -> Any:
    """The stub that stood for CLIP in the reference."""
    crops = [rgb[y1:y2, x1:x2] / 255 for x1, y1, x2, y2 in boxes.astype(int)]
    means = np.array([crop.mean((0, 1)) for crop in crops])
    return means[:, 0] - means[:, 2]


@pytest.mark.parametrize(("path", "kind"), SEGMENTED)
def test_golden_regions(path: Path, kind: str) -> None:
    data = np.load(path)
    for count in COUNTS:
        key = f"{kind}_n{count}"
        labels = heatmap.segmented(data["rgb_u8"], kind, count)
        np.testing.assert_array_equal(labels, data[f"{key}_labels"])
        numbers, boxes = heatmap.numbered(labels)
        np.testing.assert_array_equal(numbers + 1, labels)
        np.testing.assert_array_equal(boxes, data[f"{key}_region_boxes_xyxy"])
        scores = red_less_blue(data["rgb_u8"], boxes)
        np.testing.assert_allclose(scores, data[f"{key}_region_scores"], atol=1e-6)


@pytest.mark.parametrize("quantile", QUANTILES)
@pytest.mark.parametrize(("path", "kind"), SEGMENTED)
def test_golden_maps_and_rectangles(path: Path, kind: str, quantile: str) -> None:
    data = np.load(path)
    maps = [heatmap.numbered(data[f"{kind}_n{count}_labels"])[0] for count in COUNTS]
    scores = [data[f"{kind}_n{count}_region_scores"] for count in COUNTS]
    starts = np.cumsum([0, *map(len, scores)])
    heat = heatmap.pooled(
        [rows + start for rows, start in zip(maps, starts[:-1], strict=True)],
        np.concatenate(scores),
    )
    np.testing.assert_allclose(heat, data[f"{kind}_pooled_heatmap"], atol=1e-6)
    key = f"{kind}_{quantile}"
    cut = heatmap.clamped(heat, QUANTILES[quantile])
    assert cut.min() == pytest.approx(float(data[f"{key}_threshold"]), abs=1e-6)
    coarse = heatmap.block_means(cut, heatmap.BLOCK)
    np.testing.assert_allclose(coarse, data[f"{key}_downsampled"], atol=1e-6)
    answers = said(path)["images"][path.stem.removeprefix("seg_")]["methods"][kind][key]
    for version, columns in (("PUBLISHED_per_column", True), ("CORRECTED_global", False)):
        ranged = heatmap.brought_to_range(coarse, columns=columns)
        np.testing.assert_allclose(ranged, data[f"{key}_normalised_{version}"], atol=1e-6)
        answer = answers[version.split("_")[0]]
        if answers["degenerate_constant_map"]:
            continue
        cells, total = heatmap.best_rectangle(ranged)
        assert list(cells) == answer["rect_blocks_xyxy"]
        assert total == pytest.approx(answer["score"], abs=1e-6)
        assert list(heatmap.to_pixels(cells, published=columns)) == answer["box_px_xyxy"]


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize("quantile", QUANTILES)
@pytest.mark.parametrize(("path", "kind"), SEGMENTED)
def test_golden_boxes_from_pixels(path: Path, kind: str, quantile: str, published: bool) -> None:
    rgb = np.load(path)["rgb_u8"]
    answers = said(path)["images"][path.stem.removeprefix("seg_")]["methods"][kind]
    answer = answers[f"{kind}_{quantile}"]
    proposer = HeatmapProposer(kind, QUANTILES[quantile], published)
    regions = proposer.regions(rgb[..., ::-1], "bgr")
    found = proposer.hottest(regions, red_less_blue(rgb, regions.boxes_xyxy))
    if answer["degenerate_constant_map"]:
        return
    assert found is not None
    assert list(found.xyxy) == answer["PUBLISHED" if published else "CORRECTED"]["box_px_xyxy"]
    assert 0 <= found.heat <= 1


def test_golden_rectangles() -> None:
    if not (GOLDEN / "rectangles.npz").is_file():
        pytest.skip(f"no golden data at {GOLDEN}")
    data = np.load(GOLDEN / "rectangles.npz")
    answers = json.loads((GOLDEN / "seg.json").read_text())["rectangles"]
    for name, answer in answers.items():
        for version, columns in (("PUBLISHED", True), ("CORRECTED", False)):
            ranged = heatmap.brought_to_range(data[name], columns=columns)
            np.testing.assert_allclose(ranged, data[f"{name}_norm_{version}"], atol=1e-9)
            cells, total = heatmap.best_rectangle(ranged)
            assert list(cells) == answer[f"{version}_rect"]
            assert total == pytest.approx(answer[f"{version}_score"])
    for block in (16, 5):
        np.testing.assert_allclose(
            heatmap.block_means(data["down_in"], block), data[f"down_{block}"], atol=1e-12
        )


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6))
def test_no_rectangle_is_better(seed: int, height: int, width: int) -> None:
    heat = np.random.default_rng(seed).normal(size=(height, width))
    (x1, y1, x2, y2), total = heatmap.best_rectangle(heat)
    assert total == pytest.approx(heat[y1:y2, x1:x2].sum())
    sums = [
        heat[top:bottom, left:right].sum()
        for top in range(height)
        for bottom in range(top + 1, height + 1)
        for left in range(width)
        for right in range(left + 1, width + 1)
    ]
    assert total == pytest.approx(max(sums))


@pytest.fixture
def picture() -> Any:
    """Grey, with a red thing; BGR."""
    rng = np.random.default_rng(0)
    frame = rng.integers(100, 110, (480, 960, 3)).astype(np.uint8)
    frame[96:240, 384:576] = (20, 20, 220)
    return frame


@pytest.mark.parametrize("kind", heatmap.SEGMENTATIONS)
def test_the_hot_thing_is_found_in_a_frame_that_is_made_smaller(picture, kind) -> None:
    proposer = HeatmapProposer(kind)
    regions = proposer.regions(picture, "bgr")
    assert regions.pixel_wh == (1.5, 1.5)
    assert (regions.boxes_xyxy <= [960, 480, 960, 480]).all()
    scores = red_less_blue(picture[..., ::-1], np.rint(regions.boxes_xyxy))
    found = proposer.hottest(regions, scores)
    x1, y1, x2, y2 = found.xyxy
    shared = (min(x2, 576) - max(x1, 384)) * (min(y2, 240) - max(y1, 96))
    assert shared / ((x2 - x1) * (y2 - y1) + 192 * 144 - shared) > 0.5


@pytest.mark.parametrize("kind", heatmap.SEGMENTATIONS)
@pytest.mark.parametrize("hw", [(1, 1), (1, 300), (2, 2), (15, 40), (17, 17)])
def test_frames_in_which_nothing_can_stand_out(kind, hw) -> None:
    """Of one pixel, of one colour, smaller than a block: one region, or none that differs."""
    proposer = HeatmapProposer(kind)
    regions = proposer.regions(np.full((*hw, 3), 90, np.uint8), "bgr")
    assert proposer.hottest(regions, np.ones(len(regions.boxes_xyxy))) is None


def test_one_region_says_nothing(monkeypatch) -> None:
    monkeypatch.setattr(heatmap, "segmented", lambda rgb, *_: np.ones(rgb.shape[:2], np.int64))
    regions = HeatmapProposer().regions(np.zeros((64, 64, 3), np.uint8), "rgb")
    assert len(regions.maps) == len(regions.boxes_xyxy) == 0
    assert HeatmapProposer().hottest(regions, np.empty(0)) is None


def test_without_scikit_image(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(MissingRuntimeError, match=r"\[segclip\] extra, which brings skimage"):
        heatmap.segmented(np.zeros((64, 64, 3), np.uint8), "slic", 4)


def test_blocks() -> None:
    proposer = HeatmapProposer("slic", 0.95, True, "attention")
    assert heatmap.read_heatmap(JsonReader(proposer.to_mapping(), "x")) == proposer
    said = {"segmentation": "slic", "quantile": 0.95, "published": True}  # as earlier engines did
    assert heatmap.read_heatmap(JsonReader(said, "x")).pool == "crops"
    wrong = {"segmentation": "knife", "quantile": 1.5, "published": "no", "pool": "swimming"}
    for key, value in wrong.items():
        with pytest.raises(EngineError, match=key):
            heatmap.read_heatmap(JsonReader({**proposer.to_mapping(), key: value}, "x"))
