"""Frames kept in the memory of a device, where batches get their pixels.

A frame is decoded and copied once and then looked at hundreds of times; cutting it there is work
for the device, not for the processes that make samples.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterable
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
        size_wh: of every frame.
        threads: that read files.
    """

    def __init__(
        self,
        folder: Path,
        config: PizaConfig,
        device: torch.device,
        room: int,
        size_wh: tuple[int, int] = (1920, 1080),
        threads: int = 4,
    ) -> None:
        self.folder, self.config, self.device = folder, config, device
        width, height = size_wh
        self.memory = torch.empty((room, height, width, 3), dtype=torch.uint8, device=device)
        self.places: OrderedDict[int, int] = OrderedDict()  # by number, the latest used last
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
        chunks = [given.views[k : k + CHUNK] for k in range(0, len(given.views), CHUNK)]
        pixels = torch.cat([self._look(views) for views in chunks])
        return to_device(replace(given.batch, pixels=pixels), self.device)

    def _look(self, views: tuple[View, ...]) -> Tensor:
        places = torch.tensor([self.places[view.number] for view in views]).to(self.device)
        windows = np.stack([view.window for view in views])
        config = self.config
        pixels = crop(self.memory[places], windows, config.input_hw, config.mean, config.std)
        light, grain = torch.tensor([view.light for view in views]), None
        if light[:, 3].any():
            generator = torch.Generator(self.device).manual_seed(views[0].seed)
            grain = torch.randn(pixels.shape, generator=generator, device=self.device)
        return lit(pixels, light, grain)

    def _ask_for(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number not in self.places and number not in self.coming:
                self.coming[number] = self.readers.submit(self._read, number)

    def _keep(self, numbers: list[int]) -> None:
        """Brings frames onto the device, in place of those that were not used for longest."""
        if len(numbers) > len(self.memory):
            raise ValueError(f"expected room for {len(numbers)} frames, got {len(self.memory)}")
        for number in numbers:
            if number in self.places:
                self.places.move_to_end(number)
        self._ask_for(numbers)
        for number in numbers:
            if number in self.places:
                continue
            full = len(self.places) == len(self.memory)
            place = self.places.popitem(last=False)[1] if full else len(self.places)
            self.memory[place].copy_(self.coming.pop(number).result(), non_blocking=True)
            self.places[number] = place

    def _read(self, number: int) -> Tensor:
        frame = torch.from_numpy(rendered.frame(self.folder, number))
        return frame.pin_memory() if self.device.type == "cuda" else frame
