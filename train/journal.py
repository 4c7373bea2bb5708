"""What a training run leaves behind: a log, states to resume from, checks on fresh scenes."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from sdk.text import Tokenizer
from train.checkpoint import save_checkpoint
from train.evaluation import Searcher, quick_scores
from train.loop import Trainer
from train.questions import questions

CHECK_SEED = 800_000  # scenes of the checks; training uses lower seeds, benchmarks higher ones


@dataclass
class Journal:
    """Called after each step with the loss terms; returns True when the run should stop here."""

    trainer: Trainer
    out: Path
    tokenizer_file: Path
    log_every: int = 50
    save_every: int = 250
    check_every: int = 500
    checks: int = 60
    stop_after_minutes: float | None = None
    started: float = field(default_factory=time.monotonic)
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    summed: int = 0  # steps in ``sums``: fewer than log_every after a run was resumed

    def __call__(self, terms: dict[str, float]) -> bool:
        step = self.trainer.step
        for name, value in terms.items():
            self.sums[name] += value
        self.summed += 1
        if step % self.log_every == 0:
            self._write({k: round(v / self.summed, 4) for k, v in self.sums.items()})
            self.sums.clear()
            self.summed = 0
        if self.checks and step % self.check_every == 0:
            self._check()
        stop = self.stop_after_minutes is not None and self._minutes() >= self.stop_after_minutes
        if stop or step % self.save_every == 0:
            self.trainer.save(self.out / "state.pt")
        return stop

    def _check(self) -> None:
        model = self.trainer.average.to("cpu")
        tokenizer = Tokenizer.from_file(self.tokenizer_file, model.config.max_tokens)
        self._write(quick_scores(Searcher(model, tokenizer), questions(CHECK_SEED, self.checks)))
        self.trainer.average.to(self.trainer.device)
        save_checkpoint(self.out, model, self.tokenizer_file)

    def _write(self, entry: dict[str, float]) -> None:
        record = {"step": self.trainer.step, "minutes": round(self._minutes(), 2), **entry}
        with (self.out / "log.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")

    def _minutes(self) -> float:
        return (time.monotonic() - self.started) / 60
