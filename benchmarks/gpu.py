"""The CUDA kernel against a device copy of as many bytes and against torch's own operators."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FRAME_HW, SIZE = (2160, 3840), (800, 1333)
CONTENT = (750, 1333)  # of SIZE; bars above and below
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
    torch_us: float  # the faster of torch's forms

    @property
    def share_of_copy(self) -> float:
        """Our bytes per second over those of the copy."""
        return self.copy_us / self.ours_us

    @property
    def times_torch(self) -> float:
        """How many times faster than torch's chain."""
        return self.torch_us / self.ours_us


def planes_of(picture: Any, frame_hw: tuple[int, int], dtype: Any) -> Any:
    """The frames that tile a picture (rows * h, columns * w, 3), as planes (n, 3, h, w).

    One pass over the bytes, into the layout and the type that ``interpolate`` works on.
    """
    import torch

    height, width = frame_hw
    rows, columns = picture.shape[0] // height, picture.shape[1] // width
    frames = picture.view(rows, height, columns, width, 3).permute(0, 2, 4, 1, 3)
    return frames.to(dtype, memory_format=torch.contiguous_format).flatten(0, 1)


def torch_chain(planes: Any, content_hw: tuple[int, int], scale: Any, bias: Any, out: Any) -> Any:
    """Antialiased resize of planes in B, G, R order, then ``* scale + bias`` in R, G, B order.

    Args:
        planes: (n, 3, h, w), floating.
        content_hw: size of the resized frames, which lie centred in ``out``.
        scale, bias: (1, 3, 1, 1), those of mean and standard deviation together.
        out: (n, 3, H, W), 0 beside the content; one operation writes the rest in its type.
    """
    import torch
    from torch.nn.functional import interpolate

    height, width = content_hw
    top, left = (out.shape[2] - height) // 2, (out.shape[3] - width) // 2
    small = interpolate(planes, content_hw, mode="bilinear", antialias=True)
    inside = out[:, :, top : top + height, left : left + width]
    torch.addcmul(bias, small.flip(1), scale, out=inside)
    return out


class Case:
    """The contestants on one batch.

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
        self._torch_outs = [torch.zeros_like(out) for out in self._outs]  # bars stay as they are
        mean, std = (torch.tensor(each, device="cuda").view(1, 3, 1, 1) for each in (MEAN, STD))
        self._affine = {
            each: ((1.0 / std).to(each), (-mean / std).to(each))
            for each in (torch.float32, torch.float16)
        }

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
        """Torch's own operators, in single precision up to the output."""
        import torch

        return self._torch(index, torch.float32)

    def torch_half(self, index: int) -> Any:
        """The same in half precision: half the bytes between the operators, less exact."""
        import torch

        return self._torch(index, torch.float16)

    def _torch(self, index: int, dtype: Any) -> Any:
        k = index % len(self._frames)
        planes = planes_of(self._frames[k], FRAME_HW, dtype)
        return torch_chain(planes, CONTENT, *self._affine[dtype], self._torch_outs[k])

    def contestants(self) -> dict[str, Callable[[int], Any]]:
        """By name; torch computes in half precision only where the output is."""
        runs = {"ours": self.ours, "copy": self.copy, "torch": self.torch}
        half = self._dtype.itemsize == 2
        return runs | ({"torch_half": self.torch_half} if half else {})


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
    graphs = {name: captured(run) for name, run in case.contestants().items()}
    times: dict[str, list[float]] = {name: [] for name in graphs}
    for round_index in range(rounds + 2):  # two to warm up
        for name, graph in graphs.items():
            took = microseconds(graph)
            if round_index >= 2:
                times[name].append(took)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return Row(
        batch=batch,
        dtype=dtype,
        megabytes=case.bytes / 1e6,
        ours_us=medians["ours"],
        copy_us=medians["copy"],
        torch_us=min(medians[name] for name in medians if name.startswith("torch")),
    )
