"""The CUDA kernel against a device copy of as many bytes and against torch's own operators."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FRAME_HW, SIZE = (2160, 3840), (800, 1333)
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
BATCHES, TYPES = (1, 4, 8), ("float16", "float32")
REPEATS = 20  # runs between two events


@dataclass(frozen=True)
class Row:
    """Medians of one batch: ``batch`` 4K frames -> 800 x 1333, microseconds for all of them."""

    batch: int
    dtype: str
    megabytes: float  # read and written, each byte once
    ours_us: float
    copy_us: float  # a device copy that reads and writes as many bytes
    torch_us: float

    @property
    def share_of_copy(self) -> float:
        """Our bytes per second over those of the copy."""
        return self.copy_us / self.ours_us

    @property
    def times_torch(self) -> float:
        """How many times faster than torch's chain."""
        return self.torch_us / self.ours_us


class Case:
    """The three contestants on one batch.

    The frames of a batch lie in one large picture, a window on each: every byte is read once. Sets
    of memory are used in turn, so that none is found in the cache.
    """

    def __init__(self, batch: int, dtype: str, cache_bytes: int) -> None:
        import torch

        columns = 2 if batch > 1 else 1
        rows = batch // columns
        height, width = FRAME_HW
        self._windows = torch.tensor(
            [
                [x * width, y * height, (x + 1) * width, (y + 1) * height]
                for y in range(rows)
                for x in range(columns)
            ],
            dtype=torch.float32,
            device="cuda",
        )
        content = (750, 1333)  # of 800 rows; the bars are written too
        self._content = content
        frame_bytes = batch * height * width * 3
        out_elements = batch * 3 * SIZE[0] * SIZE[1]
        self._dtype = getattr(torch, dtype)
        self.bytes = frame_bytes + out_elements * self._dtype.itemsize
        sets = max(2, -(-4 * cache_bytes // self.bytes))
        shape = (rows * height, columns * width, 3)
        self._frames = [
            torch.randint(0, 256, shape, dtype=torch.uint8, device="cuda") for _ in range(sets)
        ]
        self._outs = [
            torch.empty((batch, 3, *SIZE), dtype=self._dtype, device="cuda") for _ in range(sets)
        ]
        self._sources = [
            torch.randint(0, 256, (self.bytes // 2,), dtype=torch.uint8, device="cuda")
            for _ in range(sets)
        ]
        self._targets = [torch.empty_like(source) for source in self._sources]
        self._mean = torch.tensor(MEAN, device="cuda").view(1, 3, 1, 1)
        self._std = torch.tensor(STD, device="cuda").view(1, 3, 1, 1)
        self._corners = [[int(value) for value in window] for window in self._windows.tolist()]

    def ours(self, index: int) -> Any:
        """The kernel; returns its output."""
        import torch

        from cpp_ext import cuda

        k = index % len(self._frames)
        stream = torch.cuda.current_stream()
        frame, out = self._frames[k], self._outs[k]
        return cuda.crop_resize(frame, self._windows, SIZE, MEAN, STD, out=out, stream=stream)

    def copy(self, index: int) -> Any:
        """Reads half and writes half of the bytes that the kernel moves."""
        k = index % len(self._sources)
        return self._targets[k].copy_(self._sources[k])

    def torch(self, index: int) -> Any:
        """Slice, permute, float, antialiased interpolate, normalise, letterbox."""
        import torch
        from torch.nn.functional import interpolate, pad

        frame = self._frames[index % len(self._frames)]
        crops = torch.stack([frame[y1:y2, x1:x2] for x1, y1, x2, y2 in self._corners])
        planes = crops.flip(-1).permute(0, 3, 1, 2).float()
        small = interpolate(planes, self._content, mode="bilinear", antialias=True)
        normal = ((small - self._mean) / self._std).to(self._dtype)
        bars = SIZE[0] - self._content[0]
        return pad(normal, (0, 0, bars // 2, bars - bars // 2))


def difference(case: Case) -> float:
    """Largest difference between the kernel and torch's chain, in units of 0..1."""
    ours, theirs = case.ours(0).float(), case.torch(0).float()
    return float((ours - theirs).abs().max()) * max(STD) / 255.0


def captured(run: Callable[[int], Any]) -> Any:
    """A CUDA graph of ``REPEATS`` runs: what Python costs between them is left out for all."""
    import torch

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):  # libraries make themselves ready outside of the graph
        run(0)
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for index in range(REPEATS):
            run(index)
    return graph


def microseconds(graph: Any) -> float:
    """Mean time on the device of the runs in a graph."""
    import torch

    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    graph.replay()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) * 1e3 / REPEATS


def measure(case: Case, batch: int, dtype: str, rounds: int) -> Row:
    """Rounds of all contestants, one after the other, and their medians."""
    contestants = {"ours": case.ours, "copy": case.copy, "torch": case.torch}
    graphs = {name: captured(run) for name, run in contestants.items()}
    times: dict[str, list[float]] = {name: [] for name in graphs}
    for round_index in range(rounds + 2):  # two to warm up
        for name, graph in graphs.items():
            took = microseconds(graph)
            if round_index >= 2:
                times[name].append(took)
    medians = {f"{name}_us": statistics.median(values) for name, values in times.items()}
    return Row(batch=batch, dtype=dtype, megabytes=case.bytes / 1e6, **medians)
