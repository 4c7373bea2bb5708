"""The kernel benchmark itself: how long does everyone take, and is the goal met?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from benchmarks.kernel.check import check
from benchmarks.kernel.contestants import ANTIALIASED, CONTESTANTS, make_forms
from benchmarks.kernel.tasks import Task
from cpp_ext import instruction_set

WARMUP = 3  # rounds that do not count
PAUSE_S = 0.005  # before each turn: the threads of the last one spin on for a while


class Times(NamedTuple):
    """Of one form: what counts, and the least, which other work on the machine disturbs less."""

    median_ms: float
    least_ms: float


@dataclass(frozen=True)
class Row:
    """One task: milliseconds of each contestant's fastest form, None where it is not installed.

    Attributes:
        isa: what our kernel ran with.
        instructions_per_pixel: that it takes, with what ``instructions`` counts; None where they
            were not counted.
    """

    frame: str
    window: str
    size: str
    device: str
    ours_ms: float
    opencv_ms: float
    blob_ms: float
    pillow_ms: float | None
    torch_ms: float | None
    kornia_ms: float | None
    copy_ms: float
    isa: str
    instructions_per_pixel: float | None

    @property
    def antialiased_ratio(self) -> float:
        """How many times as long as ours the best antialiased other takes."""
        times = [getattr(self, f"{name}_ms") for name in ANTIALIASED]
        return min(ms for ms in times if ms is not None) / self.ours_ms

    @property
    def blob_ratio(self) -> float:
        """How many times as long as ours blobFromImage takes."""
        return self.blob_ms / self.ours_ms

    @property
    def kornia_ratio(self) -> float | None:
        """How many times as long as ours kornia-rs takes."""
        return None if self.kornia_ms is None else self.kornia_ms / self.ours_ms


@dataclass(frozen=True)
class Result:
    """A row, its scale (output pixels for each frame pixel), and every form by contestant."""

    row: Row
    scale: float
    forms: dict[str, dict[str, Times]]

    def details(self) -> dict[str, Any]:
        """All but the row, as plain values."""
        return {
            "scale": self.scale,
            "antialiased_ratio": self.row.antialiased_ratio,
            "blob_ratio": self.row.blob_ratio,
            "kornia_ratio": self.row.kornia_ratio,
            "forms": {
                contestant: {name: times._asdict() for name, times in forms.items()}
                for contestant, forms in self.forms.items()
            },
        }


def measure(
    runs: Sequence[Callable[[], object]],
    rounds: int,
    rng: np.random.Generator,
    warmup: int,
    pause_s: float,
) -> list[Times]:
    """How long each takes; everyone has one turn a round, in an order drawn for it."""
    times: list[list[float]] = [[] for _ in runs]
    for index in range(warmup + rounds):
        for k in rng.permutation(len(runs)):
            _wait(pause_s)
            begin = time.perf_counter()
            runs[k]()
            ms = (time.perf_counter() - begin) * 1e3
            if index >= warmup:
                times[k].append(ms)
    return [Times(float(np.median(each)), min(each)) for each in times]


def _wait(seconds: float) -> None:
    """Awake, as between the steps of a search: a core that sleeps is slow to start."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def run_task(
    task: Task,
    threads: int,
    rounds: int,
    rng: np.random.Generator,
    instructions_per_pixel: float | None = None,
) -> Result:
    """Check every form, then time them; raises BenchmarkError when an answer is wrong."""
    forms = make_forms(task, threads)
    for form in forms:
        check(task, form, threads)
    by_contestant: dict[str, dict[str, Times]] = {}
    measured = measure([form.run for form in forms], rounds, rng, WARMUP, PAUSE_S)
    for form, times in zip(forms, measured, strict=True):
        by_contestant.setdefault(form.contestant, {})[form.name] = times
    best = {f"{name}_ms": _fastest(by_contestant.get(name)) for name in CONTESTANTS}
    row = Row(
        *(task.frame_name, task.window_name, task.size_name, "cpu"),
        **best,
        isa=instruction_set(),
        instructions_per_pixel=instructions_per_pixel,
    )
    return Result(row, task.scale, by_contestant)


def _fastest(forms: dict[str, Times] | None) -> float | None:
    return None if forms is None else min(times.median_ms for times in forms.values())


class Roofline(NamedTuple):
    """What this machine does at most, by numpy, now.

    ``copy_gb_s``: bytes read and written by a copy that no cache holds, one thread.
    ``float32_gflops``: of a product of matrices, with as many threads as numpy takes.
    """

    copy_gb_s: float
    float32_gflops: float


def roofline(rounds: int = 20) -> Roofline:
    """The best of some rounds of either, short ones: others may want the cores."""
    source = np.ones(1 << 26, np.uint8)
    target = np.zeros_like(source)
    matrix = np.ones((512, 512), np.float32)
    product = np.zeros_like(matrix)
    copied = min(_seconds(lambda: np.copyto(target, source)) for _ in range(rounds))
    multiplied = min(_seconds(lambda: np.matmul(matrix, matrix, product)) for _ in range(rounds))
    return Roofline(2 * source.nbytes / copied / 1e9, 2 * 512**3 / multiplied / 1e9)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@dataclass(frozen=True)
class Bound:
    """What the kernel is to reach: a ratio of at least ``least`` on rows of some scales."""

    text: str
    least: float
    ratio: Callable[[Row], float | None]
    applies: Callable[[float], bool]

    def line(self, results: Sequence[Result]) -> str:
        """On how many rows it holds, in words."""
        asked = [each.row for each in results if self.applies(each.scale)]
        ratios = {row: ratio for row in asked if (ratio := self.ratio(row)) is not None}
        if not ratios:
            return f"{self.text}: no such row."
        held = sum(ratio >= self.least for ratio in ratios.values())
        worst = min(ratios, key=ratios.__getitem__)
        return (
            f"{self.text}: {held} of {len(ratios)} rows (least: {ratios[worst]:.2f}x,"
            f" {worst.frame} {worst.window} -> {worst.size})."
        )


GOALS = (
    Bound(
        "Not slower than the best antialiased other",
        1.0,
        lambda row: row.antialiased_ratio,
        lambda scale: True,
    ),
    Bound(
        "At least 2x faster than the best antialiased other",
        2.0,
        lambda row: row.antialiased_ratio,
        lambda scale: True,
    ),
    Bound(
        "Not slower than kornia-rs where the scale is 1 or above",
        1.0,
        lambda row: row.kornia_ratio,
        lambda scale: scale >= 1.0,
    ),
    Bound(
        "Not slower than blobFromImage where the scale is above 1/2",
        1.0,
        lambda row: row.blob_ratio,
        lambda scale: scale > 0.5,
    ),
    Bound(
        "Within 2x of blobFromImage where it is 1/2 or below",
        0.5,
        lambda row: row.blob_ratio,
        lambda scale: scale <= 0.5,
    ),
)
