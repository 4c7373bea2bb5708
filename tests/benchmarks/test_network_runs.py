"""Instructions of a network's runs: the difference between programs, and the program itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import network_runs
from benchmarks.__main__ import main
from benchmarks.network_runs import count, run
from benchmarks.report.section import Section, printed


def test_what_runs_take_is_the_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a network takes 1,000; a run 20 as exported, 10 by our operators."""

    def collected(*command: str) -> int:
        *_, which, runs = command
        return 1000 + int(runs) * (20 if which == "exported" else 10)

    monkeypatch.setattr(network_runs, "collected", collected)
    monkeypatch.setattr(network_runs, "check_valgrind", lambda: None)
    rows = list(count(Path("engine"), ["image", "ground"]))
    assert rows[0] == {"network": "image", "exported": 20, "ours": 10}
    assert "2.00x" in printed(Section("", (), (network_runs.table_of(rows),)))


@pytest.mark.parametrize("which", ["exported", "ours"])
@pytest.mark.parametrize("network", ["text", "image", "ground"])
def test_every_network_runs(engine: Path, network: str, which: str) -> None:
    run(engine, network, which, 2)


def test_instructions_are_those_of_operators(
    engine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["latency", "--engine", str(engine), "--runs", "1", "--instructions"]) == 2
    assert "with --operators" in capsys.readouterr().err
