"""What a run writes down, and when."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from train.trainer import checkpointing as module
from train.trainer.checkpointing import Checkpointing


class FakeTrainer:
    """Counts steps and remembers where it was saved."""

    def __init__(self, step: int = 0) -> None:
        self.step = step
        self.recipe = SimpleNamespace(steps=20)
        self.average = "the average"
        self.saved: list[tuple[int, str]] = []

    @property
    def done(self) -> bool:
        return self.step >= self.recipe.steps

    def save(self, path: Path) -> None:
        self.saved.append((self.step, path.name))


class FakeCurves:
    """Remembers what was drawn."""

    def __init__(self) -> None:
        self.points: list[tuple[str, float, int]] = []

    def add_scalar(self, *point: Any) -> None:
        self.points.append(point)

    def flush(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def checkpoints() -> list[str]:
    """Names of the folders that checkpoints were written to."""
    return []


@pytest.fixture
def make_journal(tmp_path: Path, checkpoints, monkeypatch) -> Callable[..., Checkpointing]:
    """``make_journal(step, **settings)``: of a run that stands at ``step``."""
    monkeypatch.setattr(module, "_curves", lambda folder, step: FakeCurves())

    def make(step: int = 0, **settings: object) -> Checkpointing:
        values = {"log_every": 4, "save_every": 5, **settings}
        out, last = tmp_path, tmp_path / "last"
        save = lambda folder, model: checkpoints.append(folder.name)  # noqa: E731
        return Checkpointing(FakeTrainer(step), out, last, save, **values)

    return make


def scores(*values: float) -> Callable[[object], dict[str, float]]:
    """A check that finds these mAcc, one after the other."""
    left = iter(values)
    return lambda model: {"macc": next(left), "acc50": 1.0}


def run(journal: Checkpointing, steps: int) -> list[bool]:
    answers = []
    for _ in range(steps):
        journal.trainer.step += 1
        answers.append(journal({"loss": float(journal.trainer.step), "norm": 1.0}))
    return answers


def entries(journal: Checkpointing) -> list[dict[str, float]]:
    return [json.loads(line) for line in (journal.out / "log.jsonl").read_text().splitlines()]


def test_means_are_written_every_few_steps(make_journal) -> None:
    journal = make_journal()
    assert run(journal, 10) == [False] * 10
    assert [entry["step"] for entry in entries(journal)] == [4, 8]
    assert [entry["loss"] for entry in entries(journal)] == [2.5, 6.5]
    assert ("train/loss", 6.5, 8) in journal.curves.points


def test_means_after_resuming_are_of_the_steps_there_were(make_journal) -> None:
    journal = make_journal(2)
    run(journal, 2)
    assert entries(journal)[0]["loss"] == 3.5


def test_steps_that_were_skipped_are_counted_not_averaged(make_journal) -> None:
    journal = make_journal()
    for norm, loss in ((1.0, 2.0), (math.inf, math.nan), (3.0, 4.0), (math.nan, math.inf)):
        journal.trainer.step += 1
        journal({"loss": loss, "norm": norm})
    [entry] = entries(journal)
    assert (entry["skipped"], entry["loss"], entry["norm"]) == (2, 3.0, 2.0)


def test_states_are_saved_now_and_then_and_at_the_end(make_journal) -> None:
    journal = make_journal()
    run(journal, 11)
    assert journal.trainer.saved == [(5, "state.pt"), (10, "state.pt")]
    stopping = make_journal(stop_after_minutes=1e-9)
    assert run(stopping, 1) == [True]
    assert stopping.trainer.saved == [(1, "state.pt")]


def test_runs_by_the_clock_are_kept_by_the_clock(make_journal, checkpoints, monkeypatch) -> None:
    """State and checkpoint, so that what a machine is taken away from is as good as finished."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    journal = make_journal(keep_s=45.0, save_every=1000, started=100.0)
    for seconds in (30.0, 10.0, 10.0, 30.0, 10.0, 10.0):
        now[0] += seconds
        run(journal, 1)
    assert journal.trainer.saved == [(3, "state.pt"), (6, "state.pt")]
    assert checkpoints == ["last", "last"]


def test_a_wish_to_stop_saves_the_state(make_journal) -> None:
    wishes = iter([False, True])
    journal = make_journal(interrupted=lambda: next(wishes))
    assert run(journal, 2) == [False, True]
    assert journal.trainer.saved == [(2, "state.pt")]


def test_the_best_checkpoint_is_kept(make_journal, checkpoints) -> None:
    journal = make_journal(check=scores(0.2, 0.1, 0.2, 0.3), check_every=3)
    run(journal, 13)
    assert checkpoints == ["last", "best", "last", "last", "last", "best"]
    checks = [entry for entry in entries(journal) if "macc" in entry]
    assert [(entry["step"], entry["macc"]) for entry in checks] == [
        (3, 0.2),
        (6, 0.1),
        (9, 0.2),
        (12, 0.3),
    ]
    assert ("check/macc", 0.1, 6) in journal.curves.points


def test_what_was_best_is_known_after_resuming(make_journal, checkpoints) -> None:
    run(make_journal(check=scores(0.2, 0.5), check_every=3), 6)
    checkpoints.clear()
    # killed at step 6, resumed at 4: the check of step 6 is to come again
    run(make_journal(4, check=scores(0.3, 0.3), check_every=3), 5)
    assert checkpoints == ["last", "best", "last"]


def test_what_a_killed_run_did_after_its_last_state_is_forgotten(make_journal) -> None:
    journal = make_journal()
    run(journal, 12)
    with (journal.out / "log.jsonl").open("a") as file:
        file.write('{"step": 13, "lo')
    assert [entry["step"] for entry in entries(make_journal(10))] == [4, 8]
    assert entries(make_journal(0)) == []


def test_the_end_is_checked_once(make_journal, checkpoints) -> None:
    journal = make_journal(18, check=scores(0.1), check_every=7)
    run(journal, 2)
    journal.finish()
    assert [entry["step"] for entry in entries(journal) if "macc" in entry] == [20]
    assert journal.trainer.saved[-1] == (20, "state.pt")
    assert checkpoints[-1] == "last"
    again = make_journal(20, check=scores(), check_every=7)  # a check would fail
    again.finish()


def test_a_run_that_was_stopped_is_not_checked(make_journal, checkpoints) -> None:
    journal = make_journal(10, check=scores(), check_every=7)
    journal.finish()
    assert journal.trainer.saved == [(10, "state.pt")]
    assert checkpoints == ["last"]


def test_without_a_check_there_is_no_best(make_journal, checkpoints) -> None:
    journal = make_journal(check_every=1)
    run(journal, 20)
    journal.finish()
    assert checkpoints == ["last"]


def test_curves_for_tensorboard(tmp_path: Path, checkpoints) -> None:
    """Real ones, of a run that is resumed: what was drawn beyond its state does not count."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for step in (0, 4):
        settings = {"log_every": 2, "save_every": 100, "check": scores(0.25), "check_every": 6}
        trainer = FakeTrainer(step)
        journal = Checkpointing(trainer, tmp_path, tmp_path, lambda *_: None, **settings)
        run(journal, 6 - step)
    journal.curves.close()
    curves = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in curves.Scalars("train/loss")] == [2, 4, 6]
    assert [event.value for event in curves.Scalars("check/macc")] == [0.25]
