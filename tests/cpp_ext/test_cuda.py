"""The CUDA kernel against the CPU's, where there is a GPU and a torch that can use it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from cpp_ext import crop_resize, cuda

pytestmark = pytest.mark.skipif(
    not (cuda.available() and torch.cuda.is_available()), reason="no GPU, or built without CUDA"
)

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (255.0, 255.0, 255.0)}  # 0..1
TYPES = {np.float32: torch.float32, np.float16: torch.float16}


def random_bytes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(0, 256, shape, dtype=np.uint8)


def random_windows(rng: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
    low = rng.uniform(0, (width - 1, height - 1), (count, 2))
    high = low + 0.5 + rng.uniform(0, 1, (count, 2)) * ((width, height) - low - 0.5)
    return np.concatenate([low, high], axis=1).astype(np.float32)


def on_device(array: Any) -> Any:
    if isinstance(array, tuple):
        return tuple(on_device(each) for each in array)
    return torch.from_numpy(array).cuda()


def check(
    frame: Any,
    windows: np.ndarray,
    size: tuple[int, int],
    color: str = "bgr",
    dtype: Any = np.float32,
    device_frame: Any = None,
) -> None:
    """The kernel's output, written over NaN, equals the CPU's."""
    expected = crop_resize(frame, windows, size, **PLAIN, color=color)
    out = torch.full((len(windows), 3, *size), torch.nan, dtype=TYPES[dtype], device="cuda")
    device_frame = on_device(frame) if device_frame is None else device_frame
    given = cuda.crop_resize(device_frame, on_device(windows), size, **PLAIN, color=color, out=out)
    assert given is out
    torch.cuda.synchronize()
    np.testing.assert_allclose(out.float().cpu().numpy(), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("seed", range(30))
def test_random_cases(seed: int, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 300, 2)
    size = (int(rng.integers(1, 200)), int(rng.integers(1, 200)))
    windows = random_windows(rng, int(rng.integers(1, 5)), height, width)
    color = ("bgr", "rgb")[seed % 2]
    check(random_bytes(rng, height, width, 3), windows, size, color, dtype)


@pytest.mark.parametrize("seed", range(8))
def test_gray_and_nv12(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = 2 * rng.integers(1, 100, 2)
    windows, size = random_windows(rng, 3, height, width), (50, 70)
    check(random_bytes(rng, height, width), windows, size, "gray")
    check(random_bytes(rng, height * 3 // 2, width), windows, size, "nv12")
    planes = random_bytes(rng, height, width), random_bytes(rng, height // 2, width // 2, 2)
    check(planes, windows, size, "nv12")


@pytest.mark.parametrize(
    "view",
    [
        lambda frame: frame[3:91, 5:122],
        lambda frame: frame[:, :, :3],
        lambda frame: frame[::2, ::3],
        lambda frame: frame[:, 4:100],
        lambda frame: frame.swapaxes(0, 1),
    ],
)
def test_strides(view: Any) -> None:
    rng = np.random.default_rng(3)
    frame = random_bytes(rng, 100, 128, 4)[..., :3]
    packed = random_bytes(rng, 100, 128, 3)
    for whole in (frame, packed):
        base = whole if whole.base is None else whole.base
        device = view(on_device(np.ascontiguousarray(base))[..., :3])
        seen = view(whole)
        windows = random_windows(rng, 3, *seen.shape[:2])
        check(np.ascontiguousarray(seen), windows, (40, 60), device_frame=device)


class Strided:
    """A view of a tensor whose strides may be negative, which torch itself has not."""

    def __init__(self, tensor: torch.Tensor, view: np.ndarray, offset: int) -> None:
        self.tensor = tensor
        self.__cuda_array_interface__ = {
            "shape": view.shape,
            "typestr": "|u1",
            "data": (tensor.data_ptr() + offset, False),
            "strides": view.strides,
            "version": 3,
        }


@pytest.mark.parametrize("width", [128, 101])
@pytest.mark.parametrize(
    "view",
    [
        lambda frame: frame[::-1],
        lambda frame: frame[:, ::-1],
        lambda frame: frame[..., ::-1],
        lambda frame: frame[::-2, 70:3:-3, ::-1],
    ],
)
def test_negative_strides(view: Any, width: int) -> None:
    rng = np.random.default_rng(8)
    frame = random_bytes(rng, 90, width, 3)
    seen = view(frame)
    offset = seen.__array_interface__["data"][0] - frame.__array_interface__["data"][0]
    windows = random_windows(rng, 3, *seen.shape[:2])
    check(
        np.ascontiguousarray(seen),
        windows,
        (40, 60),
        device_frame=Strided(on_device(frame), seen, offset),
    )


def test_negative_strides_of_nv12() -> None:
    rng = np.random.default_rng(9)
    luma, chroma = random_bytes(rng, 60, 80), random_bytes(rng, 30, 40, 2)
    flipped = luma[::-1], chroma[::-1]
    device = (
        Strided(on_device(luma), flipped[0], 59 * 80),
        Strided(on_device(chroma), flipped[1], 29 * 80),
    )
    windows = random_windows(rng, 3, 60, 80)
    check(tuple(map(np.ascontiguousarray, flipped)), windows, (40, 60), "nv12", device_frame=device)


def test_the_whole_of_4k() -> None:
    rng = np.random.default_rng(4)
    windows = np.array([[0, 0, 3840, 2160], [100.5, 7, 500.25, 407]], np.float32)
    check(random_bytes(rng, 2160, 3840, 3), windows, (800, 1333), dtype=np.float16)


def test_more_windows_than_a_grid_has_layers() -> None:
    rng = np.random.default_rng(5)
    check(random_bytes(rng, 20, 20, 3), random_windows(rng, 70_000, 20, 20), (2, 3))


def test_no_windows() -> None:
    out = torch.empty((0, 3, 8, 8), device="cuda")
    frame, windows = torch.zeros((4, 4, 3), dtype=torch.uint8), torch.zeros((0, 4))
    cuda.crop_resize(frame.cuda(), windows.cuda(), (8, 8), **PLAIN, out=out)


def test_hostile_windows_give_zeros() -> None:
    nan, inf = float("nan"), float("inf")
    nothing = [[nan, 0, 5, 5], [5, 5, 5, 9], [9, 9, 2, 2], [50, 0, 60, 9], [-inf, 3, -2, 9]]
    seen = [[-inf, -inf, inf, inf], [0, 0, 20, 20]]
    frame = torch.full((20, 20, 3), 255, dtype=torch.uint8, device="cuda")
    windows = torch.tensor(nothing + seen, device="cuda")
    out = torch.full((len(windows), 3, 16, 16), torch.nan, device="cuda")
    cuda.crop_resize(frame, windows, (16, 16), **PLAIN, out=out)
    assert not out[: len(nothing)].any()
    torch.testing.assert_close(out[len(nothing) :], torch.ones_like(out[len(nothing) :]))


def test_runs_on_the_given_stream() -> None:
    """The stream is held up, then fills the frame: whoever does not wait for it sees zeros."""
    rng = np.random.default_rng(6)
    frame, windows = random_bytes(rng, 200, 300, 3), random_windows(rng, 2, 200, 300)
    expected = crop_resize(frame, windows, (64, 96), **PLAIN)
    filled, device_windows = on_device(frame), on_device(windows)
    device = torch.zeros_like(filled)
    out = torch.full((2, 3, 64, 96), torch.nan, device="cuda")
    stream, done = torch.cuda.Stream(), torch.cuda.Event()
    assert cuda.available(), "loads the kernel, which might wait for the device"
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(500_000_000)
        device.copy_(filled)
    cuda.crop_resize(device, device_windows, (64, 96), **PLAIN, out=out, stream=stream)
    done.record(stream)
    assert not done.query(), "the call returns before the kernel has run"
    done.synchronize()
    np.testing.assert_allclose(out.cpu().numpy(), expected, rtol=0, atol=1e-3)


class OnStream:
    """A tensor whose interface names the stream that fills it."""

    def __init__(self, tensor: torch.Tensor, stream: torch.cuda.Stream) -> None:
        self.__cuda_array_interface__ = {
            **tensor.__cuda_array_interface__,
            "version": 3,
            "stream": stream.cuda_stream,
        }


def test_waits_for_the_stream_of_an_array() -> None:
    producer, consumer = torch.cuda.Stream(), torch.cuda.Stream()
    frame = torch.zeros((64, 64, 3), dtype=torch.uint8, device="cuda")
    windows = torch.tensor([[0.0, 0, 64, 64]], device="cuda")
    out = torch.zeros((1, 3, 32, 32), device="cuda")
    assert cuda.available(), "loads the kernel, which might wait for the device"
    torch.cuda.synchronize()
    with torch.cuda.stream(producer):
        torch.cuda._sleep(500_000_000)
        frame.fill_(255)
    filled = torch.cuda.Event()
    filled.record(producer)
    shown = OnStream(frame, producer), OnStream(windows, producer)
    cuda.crop_resize(*shown, (32, 32), **PLAIN, out=out, stream=consumer)
    assert not filled.query(), "the host does not wait"
    consumer.synchronize()
    assert filled.query(), "the stream does"
    torch.testing.assert_close(out, torch.ones_like(out))


CAPTURE = """
import torch
from cpp_ext import cuda
frame = torch.zeros((64, 64, 3), dtype=torch.uint8, device="cuda")
windows = torch.tensor([[0.0, 0, 64, 64]], device="cuda")
out = torch.zeros((1, 3, 32, 32), device="cuda")
assert cuda.available()
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    stream = torch.cuda.current_stream()
    zero, one = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
    cuda.crop_resize(frame, windows, (32, 32), zero, one, out=out, stream=stream)
for value in (255, 51):
    frame.fill_(value)
    windows[0, 2] = 32.0  # windows are read when the graph runs
    graph.replay()
    torch.cuda.synchronize()
    assert abs(out.max().item() - value / 255) < 1e-5
    assert not out[..., 0].any(), "a window of 32 x 64 leaves bars"
"""


def test_a_graph_captures_it_once_it_is_loaded() -> None:
    """In a process of its own: here an earlier test may have loaded the kernel."""
    done = subprocess.run([sys.executable, "-c", CAPTURE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_host_memory_is_refused() -> None:
    class Host:
        def __init__(self, array: np.ndarray) -> None:
            self.array = array
            interface = array.__array_interface__
            self.__cuda_array_interface__ = {
                key: interface[key] for key in ("shape", "typestr", "data", "version")
            }

    frame = Host(np.zeros((8, 8, 3), np.uint8))
    windows = torch.tensor([[0.0, 0, 8, 8]], device="cuda")
    out = torch.zeros((1, 3, 8, 8), device="cuda")
    with pytest.raises(ValueError, match="frame: expected memory of the current device"):
        cuda.crop_resize(frame, windows, (8, 8), **PLAIN, out=out)
