"""What a run writes down, and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from train import journal as module
from train.journal import Journal


class FakeTrainer:
    """Counts steps and remembers where it was saved."""

    def __init__(self) -> None:
        self.step = 0
        self.saved: list[tuple[int, str]] = []

    def save(self, path: Path) -> None:
        self.saved.append((self.step, path.name))


@pytest.fixture
def make_journal(tmp_path: Path) -> Callable[..., Journal]:
    def make(**settings: object) -> Journal:
        values = {"checks": 0, "log_every": 4, "save_every": 5, **settings}
        return Journal(FakeTrainer(), tmp_path, tmp_path / "tokenizer.json", **values)

    return make


def run(journal: Journal, steps: int) -> list[bool]:
    answers = []
    for _ in range(steps):
        journal.trainer.step += 1
        answers.append(journal({"loss": float(journal.trainer.step)}))
    return answers


def entries(journal: Journal) -> list[dict[str, float]]:
    return [json.loads(line) for line in (journal.out / "log.jsonl").read_text().splitlines()]


def test_means_are_written_every_few_steps(make_journal) -> None:
    journal = make_journal()
    assert run(journal, 10) == [False] * 10
    assert [entry["step"] for entry in entries(journal)] == [4, 8]
    assert [entry["loss"] for entry in entries(journal)] == [2.5, 6.5]


def test_means_after_resuming_are_of_the_steps_there_were(make_journal) -> None:
    journal = make_journal()
    journal.trainer.step = 2
    run(journal, 2)
    assert entries(journal)[0]["loss"] == 3.5


def test_states_are_saved_now_and_then_and_at_the_end(make_journal) -> None:
    journal = make_journal()
    run(journal, 11)
    assert journal.trainer.saved == [(5, "state.pt"), (10, "state.pt")]
    stopping = make_journal(stop_after_minutes=1e-9)
    assert run(stopping, 1) == [True]
    assert stopping.trainer.saved == [(1, "state.pt")]


def test_checks_come_now_and_then(make_journal, monkeypatch) -> None:
    journal = make_journal(checks=2, check_every=3)
    checked = []
    monkeypatch.setattr(Journal, "_check", lambda self: checked.append(self.trainer.step))
    run(journal, 7)
    assert checked == [3, 6]


def test_scenes_of_checks_are_no_training_scenes() -> None:
    from export.certificate import SEED as CERTIFICATE
    from train.calibrate import SEED as CALIBRATION

    assert CALIBRATION < CERTIFICATE < module.CHECK_SEED < 900_000
