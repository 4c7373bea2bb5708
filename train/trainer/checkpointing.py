"""What a training run leaves behind: a log, states to resume from, its last and best checkpoint.

``OUT/state.pt`` is what to go on from, ``OUT/best`` the checkpoint of the highest score so far;
``OUT/log.jsonl`` and ``OUT/tensorboard`` say how it went. A run that was killed goes on from its
state, and what the log says of later steps is forgotten.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.storage import STATE, room_for, whole_file
from train.trainer.loop import Trainer

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG, CURVES, BEST = "log.jsonl", "tensorboard", "best"


@dataclass
class Checkpointing:
    """Called after each step with the loss terms; returns True when the run should stop here.

    last: folder of the last checkpoint.
    save: writes a model into a folder.
    check: scores of a model on data that training never sees, ``best_by`` among them; None for
    none.
    keep_s: seconds after which state and last checkpoint are saved again, besides ``save_every``.
    interrupted: asked after each step, ends the run.
    """

    trainer: Trainer[Any]
    out: Path
    last: Path
    save: Callable[[Path, Any], None]
    check: Callable[[Any], dict[str, float]] | None = None
    best_by: str = "macc"
    log_every: int = 50
    save_every: int = 250
    check_every: int = 500
    keep_s: float = math.inf
    stop_after_minutes: float | None = None
    interrupted: Callable[[], bool] = lambda: False
    started: float = field(default_factory=time.monotonic)
    sums: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        entries = _entries(self.out / LOG, self.trainer.step)
        with whole_file(self.out / LOG) as partial:
            partial.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        checks = [entry for entry in entries if self.best_by in entry]
        self.kept = self.started
        self.best = max((entry[self.best_by] for entry in checks), default=-math.inf)
        self.checked = checks[-1]["step"] if checks else None
        self.curves = _curves(self.out / CURVES, self.trainer.step)

    def __call__(self, terms: dict[str, float]) -> bool:
        step = self.trainer.step
        for name, value in terms.items():
            self.sums[name].append(value)
        if step % self.log_every == 0:
            self._write_means()
        if step % self.check_every == 0:
            self._check()
        late = self.stop_after_minutes is not None and self._minutes() >= self.stop_after_minutes
        stop = late or self.interrupted()
        if stop or step % self.save_every == 0:
            self.keep()
        elif time.monotonic() - self.kept >= self.keep_s:
            self.keep()
            self.save(self.last, self.trainer.average)
        return stop

    def finish(self) -> None:
        """Leaves the rest of the means, the last state and checkpoint.

        A run at its end is checked once more.
        """
        if self.sums:
            self._write_means()
        if self.trainer.done:
            self._check()
        self.keep()
        self.save(self.last, self.trainer.average)
        self.curves.close()

    def keep(self) -> None:
        """Saves the state: what a run goes on from."""
        self.trainer.save(self.out / STATE)
        self.kept = time.monotonic()

    def _check(self) -> None:
        if self.check is None or self.checked == self.trainer.step:
            return
        model = self.trainer.average
        scores = self.check(model)
        self.checked = self.trainer.step
        self.save(self.last, model)
        if scores[self.best_by] > self.best:
            self.best = scores[self.best_by]
            self.save(self.out / BEST, model)
        self._write("check", scores)

    def _write_means(self) -> None:
        """Means over the steps since the last time, without what was not finite."""
        norms = self.sums.get("norm", [])
        means: dict[str, float] = {"skipped": sum(not math.isfinite(norm) for norm in norms)}
        for name, values in self.sums.items():
            finite = [value for value in values if math.isfinite(value)]
            if finite:
                means[name] = float(f"{sum(finite) / len(finite):.5g}")
        self.sums.clear()
        self._write("train", means)

    def _write(self, group: str, values: dict[str, float]) -> None:
        step = self.trainer.step
        record = {"step": step, "minutes": round(self._minutes(), 2), **values}
        with room_for(self.out / LOG):  # also for the curves, which are written behind our back
            with (self.out / LOG).open("a") as file:
                file.write(json.dumps(record) + "\n")
            for name, value in values.items():
                self.curves.add_scalar(f"{group}/{name}", value, step)
            self.curves.flush()

    def _minutes(self) -> float:
        return (time.monotonic() - self.started) / 60


def _entries(log: Path, step: int) -> list[dict[str, Any]]:
    """What a log says up to ``step``; the last line of a killed run may be half a line."""
    entries = []
    for line in log.read_text().splitlines() if log.is_file() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry["step"] <= step:
            entries.append(entry)
    return entries


def _curves(folder: Path, step: int) -> SummaryWriter:
    from torch.utils.tensorboard import SummaryWriter  # slow to import, needed by runs alone

    return SummaryWriter(str(folder), purge_step=step + 1)
