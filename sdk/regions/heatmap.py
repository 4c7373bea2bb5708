"""A box without a detector: regions of the picture are scored, and the hottest rectangle is it.

SegClip. The frame is divided into regions, coarsely and finely; the rectangle round each is scored
by an image and a text network, the score painted on the region, and the maps are averaged. What
is not hot is cut off, the map made coarse, and of all rectangles that with the largest sum taken:
cells below the middle count against it.

The published code differs in two ways that are mistakes, and are to be had by ``published``: it
brings each column of the map to -0.75..1 rather than the whole map, and its boxes begin half a
block late and end half a block early.

With the pool ``attention`` no rectangle is cropped: one look at the frame gives a vector to every
region (``sdk.regions.region_attention``), and what is painted is exp(cosine / temperature).

Watershed and SLIC are what scikit-image does, the [segclip] extra; label maps change with its
version. Frames that are larger than photographs are made as small for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.extras import extras_named
from sdk.frame import ColorOrder
from sdk.geometry import Boxes
from sdk.json_reader import JsonReader

SEGMENTATIONS = ("watershed", "slic")
POOLS = ("crops", "attention")
BLOCK = 16  # pixels along each side of a cell of the coarse map
# Regions asked for, by pool; how many it becomes is another matter.
_COUNTS = {"crops": (4, 8, 16, 32), "attention": (100, 200)}
_COLDEST = -0.75  # of the coarse map, whose hottest cell is 1
_LONGEST = 640  # side in pixels of what is divided into regions: photographs of COCO
_COMPACTNESS = {"watershed": 1e-3, "slic": 10.0}

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Regions:
    """A picture, divided several times.

    Attributes:
        maps: ``(h, w)`` each: which row of ``boxes_xyxy`` a pixel belongs to.
        boxes_xyxy: ``(R, 4)`` frame pixels, the rectangles round all regions of all maps.
        pixel_wh: width and height in frame pixels of a pixel of the maps.
    """

    maps: tuple[Labels, ...]
    boxes_xyxy: Boxes
    pixel_wh: tuple[float, float]


@dataclass(frozen=True)
class Hottest:
    """What stands out.

    Attributes:
        xyxy: frame pixels.
        heat: mean of the coarse map in it, in 0..1, where 1 is the hottest cell.
    """

    xyxy: tuple[float, float, float, float]
    heat: float


@dataclass(frozen=True)
class HeatmapProposer:
    """Proposes one box for a sentence, by scores of regions.

    Attributes:
        segmentation: one of ``SEGMENTATIONS``.
        quantile: of the map's pixels that are cut off.
        published: as the published code does it, see above.
        pool: one of ``POOLS``: how a region becomes a vector.
    """

    segmentation: str = "watershed"
    quantile: float = 0.75
    published: bool = False
    pool: str = POOLS[0]

    def regions(self, frame: NDArray[np.uint8], color: ColorOrder) -> Regions:
        """Divides a frame. Divisions into one region say nothing, and are left out.

        Args:
            frame: ``(h, w, 3)``.
            color: order of its channels.

        Raises:
            MissingRuntimeError: scikit-image is not installed.
        """
        import cv2

        height, width = frame.shape[:2]
        shrink = min(1.0, _LONGEST / max(height, width))
        small = frame
        if shrink < 1.0:
            size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
            small = cv2.resize(np.ascontiguousarray(frame), size, interpolation=cv2.INTER_AREA)
        rgb = small[..., ::-1] if color == "bgr" else small
        pixel_wh = width / small.shape[1], height / small.shape[0]
        maps: list[Labels] = []
        boxes: list[Boxes] = []
        for count in _COUNTS[self.pool]:
            rows, around = numbered(segmented(rgb, self.segmentation, count))
            if len(around) > 1:
                maps.append(rows + sum(map(len, boxes)))
                boxes.append(around * (*pixel_wh, *pixel_wh))
        return Regions(tuple(maps), np.concatenate([np.empty((0, 4)), *boxes]), pixel_wh)

    def hottest(self, regions: Regions, scores: NDArray[Any]) -> Hottest | None:
        """The box that the scores point at; None where nothing stands out.

        Args:
            regions: what ``regions`` gave.
            scores: ``(R,)``, of each of its boxes.
        """
        if not regions.maps:
            return None
        heat = block_means(clamped(pooled(regions.maps, scores), self.quantile), BLOCK)
        if heat.size == 0 or heat.min() == heat.max():
            return None
        heat = brought_to_range(heat, columns=self.published)
        found, total = best_rectangle(heat)
        cells = (found[2] - found[0]) * (found[3] - found[1])
        xyxy = np.array(to_pixels(found, published=self.published), np.float64)
        x1, y1, x2, y2 = (xyxy * (*regions.pixel_wh, *regions.pixel_wh)).tolist()
        return Hottest((x1, y1, x2, y2), (total / cells - _COLDEST) / (1.0 - _COLDEST))

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_heatmap`` reads."""
        return {"where": "heatmap", **asdict(self)}

    def describe(self) -> str:
        """Where it looks, as the rest of a sentence."""
        as_published = ", as published" if self.published else ""
        pooled_by = ", pooled by attention" if self.pool == "attention" else ""
        return f"regions of the frame by {self.segmentation}{pooled_by}{as_published}"


def read_heatmap(reader: JsonReader) -> HeatmapProposer:
    """The heatmap that a block of a manifest describes.

    Raises:
        EngineError: a value is missing or makes no sense.
    """
    return HeatmapProposer(
        reader.text("segmentation", choices=SEGMENTATIONS),
        reader.number("quantile", low=0.0, high=1.0),
        reader.boolean("published"),
        reader.text("pool", POOLS) if reader.has("pool") else POOLS[0],  # earlier engines said none
    )


def require_segmentation() -> None:
    """Raises MissingRuntimeError where scikit-image is not installed."""
    with extras_named():
        import skimage.segmentation  # noqa: F401


def segmented(rgb: NDArray[np.uint8], segmentation: str, count: int) -> Labels:
    """A picture ``(h, w, 3)`` divided into about ``count`` regions: their labels ``(h, w)``.

    Raises:
        MissingRuntimeError: scikit-image is not installed.
    """
    require_segmentation()
    from skimage.color import rgb2gray
    from skimage.filters import sobel
    from skimage.segmentation import slic, watershed

    compactness = _COMPACTNESS[segmentation]
    if min(rgb.shape[:2]) < 2:  # there is nothing to divide, which both of them trip over
        return np.ones(rgb.shape[:2], np.int64)
    if segmentation == "slic":
        return np.asarray(slic(rgb / 255.0, count, compactness, sigma=1), np.int64)
    edges = sobel(rgb2gray(rgb / 255.0))
    return np.asarray(watershed(edges, markers=count, compactness=compactness), np.int64)


def numbered(labels: NDArray[Any]) -> tuple[Labels, Boxes]:
    """Regions by numbers from 0 in the order of their labels, and the rectangles round them.

    Args:
        labels: ``(h, w)``.

    Returns:
        ``(h, w)`` numbers, and ``(R, 4)`` xyxy.
    """
    names, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.reshape(labels.shape)
    rows, columns = np.indices(labels.shape)
    low = np.full((len(names), 2), max(labels.shape))
    high = np.zeros((len(names), 2), np.int64)
    for axis, places in enumerate((columns, rows)):
        np.minimum.at(low[:, axis], numbers, places)
        np.maximum.at(high[:, axis], numbers, places + 1)
    return numbers, np.concatenate([low, high], axis=1).astype(np.float64)


def pooled(maps: Sequence[Labels], scores: NDArray[Any]) -> Floats:
    """Scores ``(R,)`` painted on the regions of each map ``(h, w)``, and the mean of these."""
    painted = np.asarray(scores, np.float64)
    return np.asarray(np.mean([painted[numbers] for numbers in maps], axis=0))


def clamped(heat: Floats, quantile: float) -> Floats:
    """The map with nothing below that quantile of it."""
    return np.maximum(heat, np.quantile(heat, quantile))


def block_means(heat: Floats, block: int) -> Floats:
    """Means of square blocks of that side; what is left at the end of rows and columns is not
    seen. ``(h, w) -> (h // block, w // block)``."""
    height, width = (side // block for side in heat.shape)
    whole = heat[: height * block, : width * block]
    return np.asarray(whole.reshape(height, block, width, block).mean(axis=(1, 3)))


def brought_to_range(heat: Floats, *, columns: bool) -> Floats:
    """The map ``(h, w)`` brought to -0.75..1, or each of its columns; what is constant is cold."""
    low, high = (f(heat, axis=0 if columns else None, keepdims=True) for f in (np.min, np.max))
    span = high - low
    share = np.divide(heat - low, span, out=np.zeros_like(heat), where=span > 0)
    return np.asarray(share * (1.0 - _COLDEST) + _COLDEST)


def best_rectangle(heat: Floats) -> tuple[tuple[int, int, int, int], float]:
    """The rectangle of the largest sum: cells ``x1, y1, x2, y2`` (ends exclusive), and the sum.

    All of them are tried, by the integral image; of equals the first by width, then by height,
    then from the left, from the top.
    """
    height, width = heat.shape
    integral = np.zeros((height + 1, width + 1))
    integral[1:, 1:] = heat.cumsum(axis=0).cumsum(axis=1)
    best, found = -np.inf, (0, 0, width, height)
    for wide in range(1, width + 1):
        strips = integral[:, wide:] - integral[:, :-wide]
        for high in range(1, height + 1):
            sums = (strips[high:] - strips[:-high]).T  # (columns, rows)
            x, y = divmod(int(sums.argmax()), sums.shape[1])
            if sums[x, y] > best:
                best, found = float(sums[x, y]), (x, y, x + wide, y + high)
    return found, best


def to_pixels(
    cells: tuple[int, int, int, int], *, published: bool, block: int = BLOCK
) -> tuple[int, int, int, int]:
    """A rectangle of cells in pixels of the map."""
    inside = block // 2 if published else 0
    x1, y1, x2, y2 = (place * block for place in cells)
    return x1 + inside, y1 + inside, x2 - inside, y2 - inside
