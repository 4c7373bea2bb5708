"""``python -m benchmarks gpu``: everything that only a GPU can say about the CUDA kernel."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import options
from sdk.options import positive

ROOT = Path(__file__).resolve().parents[2]
LEAST_SHARE_OF_COPY, LEAST_TIMES_TORCH = 0.6, 10.0
MOST_DIFFERENCE = 1e-3  # of 0..1, both output types
SANITIZERS = ("memcheck", "racecheck", "synccheck")

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
    from benchmarks.gpu import TYPES, Case, difference

    checks: dict[str, Check] = {}
    for dtype in TYPES:
        found = difference(Case(2, dtype, 0))
        checks[f"equals torch, {dtype}"] = found <= MOST_DIFFERENCE, f"{found:.1e} of 0..1"
    return checks


def _measure(rounds: int) -> list[Any]:
    import torch

    from benchmarks.gpu import BATCHES, TYPES, Case, measure

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
    from benchmarks.gpu import FRAME_HW, SIZE

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
