"""Vectors of many regions from one look at the frame: each is pooled by attention.

Li et al. 2022, "Adapting CLIP for phrase localization without further training": in CLIP's vision
transformer the token that becomes the image's vector has a clone for every region, which attends
to the patches of its region alone. Nothing is trained, and no region is cropped: what surrounds it
is known to its patches.

The host says which patches belong to a region: those of which it covers at least half as much as
of the one it covers most, so that every region has one, however small. The frame is fitted into
the network's square by the letterbox rule; the patches around it belong to no region. The square
may be finer than the crops that CLIP was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import ImageInput
from sdk.frame import ColorOrder
from sdk.json_reader import JsonReader
from sdk.letterbox import Letterbox
from sdk.preprocess import network_input
from sdk.regions.heatmap import Regions
from sdk.runtime.runtime import Signature

# Inputs and the output of the network.
SCENE, REGION_MASKS, REGION_FEATURES = "scene", "region_masks", "region_features"
BLOCKED = -1e4  # added to what is not attended to: nothing is left of it, also in half precision
_ENOUGH = 0.5  # of the patch that a region covers most (our choice)


@dataclass(frozen=True)
class RegionAttention:
    """What an engine knows of the network.

    Attributes:
        network: its name; ``scene (1, 3, side, side), region_masks (1, count, grid * grid) ->
            region_features (1, count, D)``.
        count: regions of one run.
        grid: patches along each side of the scene, row by row.
        side: of the scene in pixels.
    """

    network: str
    count: int
    grid: int
    side: int

    @property
    def signature(self) -> Signature:
        """What the network has to be."""
        scene, masks = (1, 3, self.side, self.side), (1, self.count, self.grid**2)
        return Signature({SCENE: scene, REGION_MASKS: masks}, (REGION_FEATURES,))

    def feeds(
        self,
        frame: NDArray[np.uint8],
        color: ColorOrder,
        regions: Regions,
        image: ImageInput,
    ) -> list[dict[str, NDArray[Any]]]:
        """What the network is given, run by run.

        Args:
            frame: ``(h, w, 3)``.
            color: order of its channels.
            regions: of that frame; more than ``count`` take several runs.
            image: how pixels are normalised.
        """
        height, width = frame.shape[:2]
        fit = Letterbox((0.0, 0.0, float(width), float(height)), (self.side, self.side))
        scene = network_input(frame, fit.window_xyxy, fit.input_hw, image.mean, image.std, color)
        masks = np.where(patches_of(regions, fit, self.grid), 0.0, BLOCKED).astype(np.float32)
        missing = -len(masks) % self.count  # they attend to everything, and nobody reads them
        masks = np.concatenate([masks, np.zeros((missing, self.grid**2), np.float32)])
        runs = range(0, len(masks), self.count)
        return [{SCENE: scene, REGION_MASKS: masks[None, k : k + self.count]} for k in runs]

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_region_attention`` reads."""
        return asdict(self)


def read_region_attention(reader: JsonReader, networks: Sequence[str]) -> RegionAttention:
    """The network that a block of a manifest describes, out of ``networks``.

    Raises:
        EngineError: a value is missing or makes no sense.
    """
    return RegionAttention(
        reader.text("network", choices=tuple(networks)),
        int(reader.number("count", low=1, high=4096, whole=True)),
        int(reader.number("grid", low=1, high=256, whole=True)),
        int(reader.number("side", low=1, high=8192, whole=True)),
    )


def patches_of(regions: Regions, fit: Letterbox, grid: int) -> NDArray[np.bool_]:
    """Which patches belong to each region: at least one.

    Args:
        regions: R of a frame.
        fit: how that frame is fitted into the scene.
        grid: patches along each side of the scene.

    Returns:
        ``(R, grid * grid)``.
    """
    shape = len(regions.boxes_xyxy), grid**2
    covered = np.zeros(shape, np.int64)
    for numbers in regions.maps:
        rows, columns = (
            _patches(side, pixel, fit, axis, grid)
            for side, pixel, axis in zip(numbers.shape, regions.pixel_wh[::-1], (1, 0), strict=True)
        )
        places = numbers * grid**2 + rows[:, None] * grid + columns
        covered += np.bincount(places.ravel(), minlength=covered.size).reshape(shape)
    return np.asarray(covered >= _ENOUGH * covered.max(axis=1, keepdims=True))


def _patches(side: int, pixel: float, fit: Letterbox, axis: int, grid: int) -> NDArray[np.int64]:
    """In which row (axis 1) or column (0) of patches each pixel of a map's side has its middle."""
    middles = (np.arange(side) + 0.5) * pixel
    unit = fit.to_unit(np.repeat(middles[:, None], 4, axis=1))[:, axis]
    return np.clip((unit * grid).astype(np.int64), 0, grid - 1)
