"""One thread, all, or what is chosen, beside a busy process that is gone afterwards."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.commands import threads


def test_rows_and_table(
    engine: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(threads, "WARMUP", 1)
    file = tmp_path / "threads.json"
    command = ["threads", "--rounds", "2", "--busy", "1", "--threads", "2"]
    assert main([*command, "--engine", str(engine), "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert [(row["name"], row["fraction"]) for row in figures["rows"]] == [
        *(("crop", "0 busy"), ("search", "0 busy"), ("crop", "1 busy"), ("search", "1 busy"))
    ]
    for row in figures["rows"]:
        others = [row["one_ms"], *([row["all_ms"]] if row["name"] == "crop" else [])]
        assert row["ratio"] == row["chosen_ms"] / min(others)
    assert "chosen/better" in capsys.readouterr().out


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def test_busy_processes_end() -> None:
    before = children()
    with threads.busy_processes(2):
        assert len(children() - before) == 2
    assert not children() - before
