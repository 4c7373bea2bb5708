"""``python -m benchmarks gpu``: everything that only a GPU can say about the CUDA kernel."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import options
from sdk.options import positive

ROOT = Path(__file__).resolve().parents[2]
LEAST_SHARE_OF_COPY, LEAST_TIMES_TORCH = 0.6, 10.0
MOST_DIFFERENCE = 1e-3  # of 0..1, both output types
SANITIZERS = ("memcheck", "racecheck", "synccheck")

FRAME_HW, SIZE = (2160, 3840), (800, 1333)
CONTENT = (750, 1333)  # of SIZE; bars above and below
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
BATCHES, TYPES = (1, 4, 8), ("float16", "float32")
REPEATS = 20  # runs between two events

# What compute-sanitizer watches: every way to read a frame, both output types, bars, tails. The
# frame with tails is allocated up to its last byte, so that a step beyond shows.
DRIVER = """
import torch
from cpp_ext import cuda
def random(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, device="cuda")
frames = [
    (random(50, 64, 3), "bgr"),
    (random(50, 61, 3), "bgr"),
    (random(49 * 192 + 183).as_strided((50, 61, 3), (192, 3, 1)), "rgb"),
    (random(60, 64), "gray"),
    (random(48, 64), "nv12"),
]
windows = torch.tensor(
    [[0, 0, 61, 50], [3.5, 2.25, 9, 8], [-9, float("nan"), 1, 2], [-1e9, -1e9, 1e9, 1e9]],
    device="cuda",
)
for frame, color in frames:
    for dtype in (torch.float32, torch.float16):
        for size in ((40, 70), (3, 5), (130, 200)):
            out = torch.empty((4, 3, *size), dtype=dtype, device="cuda")
            cuda.crop_resize(frame, windows, size, (0, 0, 0), (1, 1, 1), color, out=out)
torch.cuda.synchronize()
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--report", type=Path, metavar="FILE.md", help="write the report here")
    options.add_json(parser)
    parser.add_argument("--rounds", type=positive, default=30, help="of all contestants in turn")


def run(args: argparse.Namespace) -> int:
    """Check, measure, print and write; 1 where a check fails."""
    from evaluation.tables import JsonFile

    _need_gpu()
    report = args.report
    beside = report.with_suffix(".json") if report is not None and args.json is None else None
    file = JsonFile(args.json or beside)
    JsonFile(report)  # not only after the measurement
    about = _about()
    print("\n".join(f"{name:9} {value}" for name, value in about.items()), flush=True)
    checks = {"tests": _tests()}
    checks |= {f"compute-sanitizer {tool}": _sanitizer(tool) for tool in SANITIZERS}
    checks |= _equality()
    rows = _measure(args.rounds)
    checks |= _goals(rows)
    text = _markdown(about, checks, rows)
    print(text)
    figures = {
        "machine": about,
        "checks": {name: {"ok": ok, "found": found} for name, (ok, found) in checks.items()},
        "rows": [
            {**asdict(row), "share_of_copy": row.share_of_copy, "times_torch": row.times_torch}
            for row in rows
        ],
    }
    file.write(figures)
    if report is not None:
        report.write_text(text, encoding="utf-8")
    return 0 if all(ok is not False for ok, _ in checks.values()) else 1


Check = tuple[bool | None, str]  # None: could not be made


def _need_gpu() -> None:
    from cpp_ext import cuda
    from sdk.errors import InputError

    if not cuda.built():
        raise InputError(
            "cpp_ext was built without CUDA: install nvcc and build it again (pip install -e .)"
        )
    if not cuda.available():
        raise InputError("no GPU that the CUDA kernel was compiled for")
    try:
        import torch
    except ImportError as error:
        raise InputError("torch with CUDA is needed for device arrays") from error
    if not torch.cuda.is_available():
        raise InputError(f"torch with CUDA is needed for device arrays, found {torch.__version__}")


def _about() -> dict[str, str]:
    import torch

    from evaluation.environment import describe

    properties = torch.cuda.get_device_properties(0)
    environment = describe()
    return {
        "gpu": f"{properties.name}, sm_{properties.major}{properties.minor}, "
        f"{properties.multi_processor_count} multiprocessors, "
        f"{properties.total_memory / 2**30:.0f} GiB",
        "driver": _output(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]),
        "software": f"torch {torch.__version__} (CUDA {torch.version.cuda}), "
        f"Python {environment['python']}, {environment['system']}",
        "machine": f"{environment['cpu']}, {environment['cores']} cores",
        "commit": _output(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
    }


def _output(command: list[str]) -> str:
    """The first line that a command prints, "unknown" where it cannot run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return (done.stdout.strip().splitlines() or ["unknown"])[0]


def _tests() -> Check:
    paths = sorted(str(path) for path in (ROOT / "tests" / "cpp_ext").glob("test_cuda*.py"))
    if not paths:
        return None, "not found: run it in the repository"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rN", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr, flush=True)
    return done.returncode == 0, (done.stdout.strip().splitlines() or ["no output"])[-1].strip("= ")


def _sanitizer(tool: str) -> Check:
    program = shutil.which("compute-sanitizer") or shutil.which(
        "compute-sanitizer", path="/usr/local/cuda/bin"
    )
    if program is None:
        return None, "compute-sanitizer is not installed"
    done = subprocess.run(
        [program, "--tool", tool, "--error-exitcode", "9", sys.executable, "-c", DRIVER],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"},  # each array its own allocation
    )
    print(done.stdout[-4000:], done.stderr[-4000:], flush=True)
    return _verdict(done.returncode, done.stdout)


def _verdict(code: int, output: str) -> Check:
    """Passed where the program ended well and the tool sums up that it found nothing."""
    lines = [line for line in output.splitlines() if "SUMMARY:" in line]
    found = lines[-1].strip("= ") if lines else f"exit code {code}"
    clean = re.search(r"SUMMARY: 0 (errors|hazards)", found) is not None
    return code == 0 and clean, found


def _equality() -> dict[str, Check]:
    checks: dict[str, Check] = {}
    for dtype in TYPES:
        found = difference(Case(2, dtype, 0))
        checks[f"equals torch, {dtype}"] = found <= MOST_DIFFERENCE, f"{found:.1e} of 0..1"
    return checks


def _measure(rounds: int) -> list[Any]:
    import torch

    cache_bytes = torch.cuda.get_device_properties(0).L2_cache_size
    rows = []
    for dtype in TYPES:
        for batch in BATCHES:
            rows.append(measure(Case(batch, dtype, cache_bytes), batch, dtype, rounds))
            torch.cuda.empty_cache()
    return rows


def _goals(rows: list[Any]) -> dict[str, Check]:
    share = min(row.share_of_copy for row in rows if row.dtype == "float16")
    times = min(row.times_torch for row in rows)
    return {
        f"at least {LEAST_SHARE_OF_COPY:.0%} of a copy, float16": (
            share >= LEAST_SHARE_OF_COPY,
            f"{share:.0%} on the slowest row",
        ),
        f"at least {LEAST_TIMES_TORCH:.0f}x torch": (
            times >= LEAST_TIMES_TORCH,
            f"{times:.1f}x on the slowest row",
        ),
    }


def _markdown(about: dict[str, str], checks: dict[str, Check], rows: list[Any]) -> str:
    said = {True: "passed", False: "FAILED", None: "not made"}
    lines = ["# The CUDA kernel on this GPU", ""]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", "| check | | |", "|---|---|---|"]
    lines += [f"| {name} | {said[ok]} | {found} |" for name, (ok, found) in checks.items()]
    lines += [
        "",
        f"Frames of {FRAME_HW[1]}x{FRAME_HW[0]} to {SIZE[0]}x{SIZE[1]}, medians of interleaved "
        "rounds of CUDA graphs, memory in turn so that no cache holds it. Bytes: those of the "
        "frames and of the outputs, once each; the copy reads and writes as many. Torch: bytes to "
        "planes, antialiased interpolate, flip, one multiply-add into the output; for float16 "
        "in single or in half precision, whichever is faster.",
        "",
        "| frames | out | MB | ours / us | copy / us | torch / us | ours, GB/s | of the copy "
        "| times torch |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.batch} | {row.dtype} | {row.megabytes:.1f} | {row.ours_us:.1f} "
        f"| {row.copy_us:.1f} | {row.torch_us:.1f} | {row.megabytes / row.ours_us * 1e3:.0f} "
        f"| {row.share_of_copy:.0%} | {row.times_torch:.1f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


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
