"""Frames kept in the memory of a device, where batches get their pixels.

A frame is decoded and copied once and then looked at hundreds of times; cutting it there is work
for the device, not for the processes that make samples.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from train.data import rendered
from train.data.batches import Batch, Unseen, to_device
from train.data.crops import crop
from train.data.views import View, lit
from train.models.grounding_dino.config import PizaConfig

CHUNK = 32  # views made at once: bounds the memory that their matrices take


FRAME_BYTES = 1920 * 1080 * 3


def room_on(device: torch.device) -> int:
    """How many frames fit into half of the memory that is free on a GPU."""
    return max(1, torch.cuda.mem_get_info(device)[0] // 2 // FRAME_BYTES)


class Frames:
    """The latest used frames of a folder, uint8 on ``device``.

    Args:
        folder: of the rendered scenes.
        config: says what pixels are made of.
        device: where they are kept.
        room: how many frames at most; at least as many as one batch looks at.
        road_share: of the scenes, see ``rendered.setting_of``.
        threads: that read files.
    """

    def __init__(
        self,
        folder: Path,
        config: PizaConfig,
        device: torch.device,
        room: int,
        road_share: float = 0.0,
        threads: int = 8,
    ) -> None:
        self.folder, self.config, self.device = folder, config, device
        self.room, self.road_share = room, road_share
        self.kept: OrderedDict[int, Tensor] = OrderedDict()  # by number, the latest used last
        self.coming: dict[int, Future[Tensor]] = {}
        self.readers = ThreadPoolExecutor(threads)

    def seen(self, batches: Iterable[Unseen | Batch]) -> Generator[Batch, None, None]:
        """Batches with their pixels; files of the next are read while one is worked on.

        Batches that have their pixels go through as they are.
        """
        try:
            waiting: Unseen | Batch | None = None
            for batch in batches:
                if isinstance(batch, Unseen):
                    self._ask_for({view.number for view in batch.views})
                if waiting is not None:
                    yield self.made(waiting)
                waiting = batch
            if waiting is not None:
                yield self.made(waiting)
        finally:
            self.readers.shutdown(wait=False, cancel_futures=True)

    def made(self, given: Unseen | Batch) -> Batch:
        """One batch on the device, with its pixels."""
        if isinstance(given, Batch):
            return given
        self._keep(list(dict.fromkeys(view.number for view in given.views)))
        pixels = self._look(given.views)
        return to_device(replace(given.batch, pixels=pixels), self.device)

    def _look(self, views: tuple[View, ...]) -> Tensor:
        pixels = torch.empty(len(views), 3, *self.config.input_hw, device=self.device)
        for chunk in self._alike(views):
            pixels[chunk] = self._seen_in_light([views[k] for k in chunk])
        return pixels

    def _alike(self, views: tuple[View, ...]) -> Iterator[list[int]]:
        """Which views are made at once: of frames of one size, ``CHUNK`` at most."""
        by_shape: defaultdict[torch.Size, list[int]] = defaultdict(list)
        for k, view in enumerate(views):
            by_shape[self.kept[view.number].shape].append(k)
        for alike in by_shape.values():
            yield from (alike[k : k + CHUNK] for k in range(0, len(alike), CHUNK))

    def _seen_in_light(self, views: Sequence[View]) -> Tensor:
        """The pixels (B, 3, H, W) of views of frames of one size."""
        pixels = self._cut([self.kept[view.number] for view in views], views)
        light, grain = torch.tensor([view.light for view in views]), None
        if light[:, 3].any():
            generator = torch.Generator(self.device).manual_seed(views[0].seed)
            grain = torch.randn(pixels.shape, generator=generator, device=self.device)
        return lit(pixels, light, grain)

    def _cut(self, frames: Sequence[Tensor], views: Sequence[View]) -> Tensor:
        """Crops of frames of one size."""
        windows, config = np.stack([view.window for view in views]), self.config
        return crop(torch.stack(list(frames)), windows, config.input_hw, config.mean, config.std)

    def _ask_for(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number not in self.kept and number not in self.coming:
                self.coming[number] = self.readers.submit(self._read, number)

    def _keep(self, numbers: list[int]) -> None:
        """Brings frames onto the device, in place of those that were not used for longest."""
        if len(numbers) > self.room:
            raise ValueError(f"expected room for {len(numbers)} frames, got {self.room}")
        for number in numbers:
            if number in self.kept:
                self.kept.move_to_end(number)
        self._ask_for(numbers)
        for number in numbers:
            if number in self.kept:
                continue
            if len(self.kept) == self.room:
                self.kept.popitem(last=False)
            frame = self.coming.pop(number).result()
            self.kept[number] = frame.to(self.device, non_blocking=True)

    def _read(self, number: int) -> Tensor:
        frame = torch.from_numpy(
            rendered.frame(self.folder, number, rendered.setting_of(number, self.road_share))
        )
        return frame.pin_memory() if self.device.type == "cuda" else frame
