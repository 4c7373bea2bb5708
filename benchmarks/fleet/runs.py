"""Runs of ``piza batch``, each in a process of its own, as one would type it: to their end or
killed, and what they wrote against what a loop finds."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.options import BenchmarkError

if TYPE_CHECKING:
    import pyarrow

    from sdk.grounder import Grounder

REF = "the red car to the left of the white van"
_LOOK_S = 1.0


@dataclass(frozen=True)
class Batch:
    """``python -m sdk batch`` of one source by one engine; its output goes to a log."""

    source: Path
    engine: Path
    options: tuple[str, ...]
    place: Path
    _refs: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_refs", self.place / "refs.txt")
        self._refs.write_text(REF + "\n", encoding="utf-8")

    def command(self, out: Path, actors: int | None) -> list[str]:
        """What ``python -m`` runs; it goes on with what there is."""
        several = [] if actors is None else ["--actors", str(actors)]
        given = ["--refs", self._refs, "-o", out, "--engine", self.engine, "--resume", "--json"]
        return ["sdk", "batch", *map(str, [self.source, *given]), *several, *self.options]

    def begin(self, out: Path, actors: int | None) -> subprocess.Popen[bytes]:
        """Without waiting for it; what it says goes to ``OUT.log``."""
        with out.with_suffix(".log").open("wb") as log:
            command = [sys.executable, "-P", "-m", *self.command(out, actors)]
            return subprocess.Popen(command, stdout=log, stderr=log)

    def run(self, out: Path, actors: int | None) -> dict[str, Any]:
        """To its end.

        Returns:
            ``seconds`` of answering, ``wall_s`` with all that came before: the start of Python and
            of Ray, the opening of engines, the listing of files. ``cpu_ms_a_part``: of all its
            processes, from the first part on (a cluster's are not its own); None where it was over
            too soon to look.

        Raises:
            BenchmarkError: it failed, or ended before all was done.
        """
        begin_s = time.perf_counter()
        process = self.begin(out, actors)
        cpu_ms = _cpu_ms_a_part(process, out)
        wall_s = time.perf_counter() - begin_s
        log = out.with_suffix(".log")
        lines = log.read_text().splitlines()
        summaries = [json.loads(line) for line in lines if line.startswith("{")]
        if process.returncode or not (summaries and summaries[0]["complete"]):
            raise BenchmarkError(
                f"expected a whole batch, found exit code {process.returncode}: {lines[-1:]}"
            )
        return {"seconds": summaries[0]["seconds"], "wall_s": wall_s, "cpu_ms_a_part": cpu_ms}


def loop(grounder: Grounder, films: Sequence[Path]) -> tuple[pyarrow.Table, dict[str, float]]:
    """The answers of a plain loop, in the columns of a batch; its seconds, and milliseconds of the
    processors a frame."""
    from benchmarks.fleet.logs import read_film
    from sdk.fleet.rows import answer_row
    from sdk.fleet.rows import table as arrow_table

    begin_s, spent_s = time.perf_counter(), time.process_time()
    found = [
        answer_row(str(film), number, time_s, grounder.locate(picture, REF))
        for film in films
        for number, (picture, time_s) in enumerate(read_film(film))
    ]
    cpu_ms = 1e3 * (time.process_time() - spent_s) / len(found)
    return arrow_table(found), {"seconds": time.perf_counter() - begin_s, "cpu_ms": cpu_ms}


def held(out: Path, expected: pyarrow.Table) -> dict[str, Any]:
    """What a batch wrote against what the loop found, to the last bit.

    Returns:
        ``rows``, ``errors``: rows of what cannot be read. ``lost``, ``twice``: answers that are
        missing, or there more than once. ``same``: the answers are those of the loop.
    """
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    found = _comparable(ds.dataset(out, format="parquet").to_table())
    answers = found.filter(pc.is_null(found["error"]))
    expected = _comparable(expected)
    keys = [_keys(each) for each in (answers, expected)]
    return {
        "rows": len(found),
        "errors": len(found) - len(answers),
        "lost": len(set(keys[1]) - set(keys[0])),
        "twice": len(keys[0]) - len(set(keys[0])),
        "same": answers.equals(expected),
    }


def kill(
    batch: Batch,
    out: Path,
    actors: int | None,
    usual_s: float,
    times: int,
    rng: np.random.Generator,
) -> list[int]:
    """Kills a batch, goes on with it, kills it again, each time at a random moment after it wrote
    a part.

    Args:
        batch: what is killed.
        out: where it writes to.
        actors: its actors.
        usual_s: what it takes when nobody kills it.
        times: how often.
        rng: of the moments, which are so early that the batch does not end before the last.

    Returns:
        The parts that were there at each kill.
    """
    found: list[int] = []
    for _ in range(times):
        there = parts_in(out)
        process = batch.begin(out, actors)
        while process.poll() is None and parts_in(out) == there:
            time.sleep(0.002)
        try:
            process.wait(rng.uniform(0.0, usual_s / (times + 1)))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            found.append(parts_in(out))
        else:
            break  # it failed or, on a machine that has grown faster since, has ended
    return found


def parts_in(out: Path) -> int:
    """Parts that a batch has written."""
    return len(list(out.glob("part-*")))


def bytes_in(out: Path) -> int:
    """Bytes of these."""
    return sum(path.stat().st_size for path in out.glob("part-*"))


def _cpu_ms_a_part(process: subprocess.Popen[bytes], out: Path) -> float | None:
    """Waits for a batch, and looks every second at what it and all that it started have taken of
    the processors: other work on the machine changes that less than how long it takes."""
    import psutil

    before = parts_in(out)
    spent_s: dict[int, float] = {}  # by process, also of those that have ended
    seen: list[tuple[int, float]] = []  # parts, seconds
    while process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_S)
        with suppress(psutil.NoSuchProcess):
            whole = psutil.Process(process.pid)
            for each in (whole, *whole.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    times = each.cpu_times()
                    spent_s[each.pid] = times.user + times.system
            seen.append((parts_in(out), sum(spent_s.values())))
    answering = [each for each in seen if each[0] > before]
    if not answering or answering[0][0] == answering[-1][0]:
        return None
    (first, begin_s), (last, end_s) = answering[0], answering[-1]
    return 1e3 * (end_s - begin_s) / (last - first)


def _comparable(answers: pyarrow.Table) -> pyarrow.Table:
    """In order, without the milliseconds that they took."""
    order = [("source", "ascending"), ("frame", "ascending")]
    return answers.drop_columns(["timing_ms"]).sort_by(order)


def _keys(answers: pyarrow.Table) -> list[tuple[str, int]]:
    return list(zip(answers["source"].to_pylist(), answers["frame"].to_pylist(), strict=True))
