"""From a frame to the pixels of a sample: where it looks, and in what light.

A view says all of it in numbers, so that whoever has the frame can make the pixels: the process
that makes the sample, or the device that trains (``train.data.frames``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdk.geometry import Boxes
from sdk.letterbox import Letterbox
from sdk.preprocess import network_input
from train.data.appearance import disguised

_OFTEN = 0.3  # share of samples that are softened, and of those that are noisy


class NetworkInput(Protocol):
    """What of a model's configuration says how pixels are made for it."""

    @property
    def input_hw(self) -> tuple[int, int]: ...

    @property
    def mean(self) -> tuple[float, float, float]: ...

    @property
    def std(self) -> tuple[float, float, float]: ...


@dataclass(frozen=True)
class View:
    """A window of frame ``number`` and how its normalised pixels are changed.

    Exposure and contrast, focus and noise vary a little; hue must not: sentences are about it.

    gain, offset: of pixels. soft: share of its value that a pixel gives to each of its neighbours
    in a row and in a column. noise: standard deviation of what is added. seed: of that, and of the
    disguise. objects: in frame pixels, where the picture is disguised before it is lit (see
    ``train.data.appearance``), which is done where the frame is read, and on no GPU.
    """

    number: int
    window: Boxes  # (4,) xyxy frame pixels
    gain: float
    offset: float
    soft: float
    noise: float
    seed: int
    objects: Boxes | None = None  # (n, 4) xyxy frame pixels

    @property
    def light(self) -> tuple[float, float, float, float]:
        return self.gain, self.offset, self.soft, self.noise


def random_view(
    number: int, window: Boxes, rng: np.random.Generator, objects: Boxes | None = None
) -> View:
    """A view of ``window`` in any light; disguised, if ``objects`` are given."""
    gain, offset = rng.uniform(0.85, 1.15), rng.uniform(-0.15, 0.15)
    soft, noise = rng.uniform(0, 0.15), rng.uniform(0, 0.12)
    is_soft, is_noisy = rng.random(2) < _OFTEN
    seed = int(rng.integers(2**31))
    return View(number, window, gain, offset, soft * is_soft, noise * is_noisy, seed, objects)


def pixels_of(frame: NDArray[np.uint8], view: View, network: NetworkInput) -> NDArray[np.float32]:
    """The network input (3, H, W) of one view, on the CPU."""
    # One thread: samples are made side by side already.
    made = network_input(frame, view.window, network.input_hw, network.mean, network.std, threads=1)
    if view.objects is not None:
        _disguise(made[0], view, network)
    grain = None
    if view.noise:
        grain = torch.randn(made.shape, generator=torch.Generator().manual_seed(view.seed))
    return lit(torch.from_numpy(made), torch.tensor([view.light]), grain)[0].numpy()


def _disguise(pixels: NDArray[np.float32], view: View, network: NetworkInput) -> None:
    """Changes normalised pixels (3, H, W) where they show the frame, and not around it."""
    assert view.objects is not None
    box = Letterbox(tuple(view.window), network.input_hw)
    (width, height), (left, top) = box.content_wh, box.offset_xy
    content = pixels[:, top : top + height, left : left + width]
    mean, std = np.float32(network.mean), np.float32(network.std)
    seen = np.rint(content.transpose(1, 2, 0) * std + mean).clip(0, 255).astype(np.uint8)
    scale = np.array(network.input_hw[::-1] * 2)
    objects = box.to_unit(view.objects) * scale - (left, top, left, top)
    made = disguised(seen, objects, np.random.default_rng(view.seed))
    content[:] = ((made - mean) / std).transpose(2, 0, 1)


def lit(pixels: Tensor, light: Tensor, grain: Tensor | None) -> Tensor:
    """Normalised pixels (B, 3, H, W) in their light (B, 4).

    grain: noise of standard deviation 1, shaped like the pixels; None where there is none.
    """
    gain, offset, soft, noise = light.to(pixels)[:, :, None, None, None].unbind(1)
    if light[:, 2].any():
        pixels = _softened(_softened(pixels, soft, 2), soft, 3)
    pixels = pixels * gain + offset
    return pixels if grain is None else pixels + noise * grain


def _softened(pixels: Tensor, soft: Tensor, axis: int) -> Tensor:
    """Each pixel shares with its two neighbours along an axis; at the border, with itself."""
    size = pixels.shape[axis]
    first, last = pixels.narrow(axis, 0, 1), pixels.narrow(axis, size - 1, 1)
    before = torch.cat([first, pixels.narrow(axis, 0, size - 1)], axis)
    after = torch.cat([pixels.narrow(axis, 1, size - 1), last], axis)
    return pixels + soft * (before + after - 2 * pixels)
