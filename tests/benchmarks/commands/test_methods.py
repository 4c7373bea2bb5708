"""The experiment of the eight methods: what it runs, keeps and refuses; its plot."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest

from benchmarks import own_process
from benchmarks.__main__ import main
from benchmarks.commands import methods
from benchmarks.commands.methods import Budget, Experiment, Row, methods_plot
from benchmarks.options import BenchmarkError
from train.__main__ import main as train
from train.models.piza.methods import METHODS

SMALL = Budget(base_steps=1, scenes=2, refs_per_scene=2, epochs=1, batch=2, test_scenes=2)


def here(command: Sequence[str], log: Path) -> None:
    """What listens to no signals needs no process of its own, whose imports take longer than it."""
    if command[:2] in (["train", "scenes"], ["train", "evaluate"]):
        assert train(command[1:]) == 0
    else:
        own_process.run_logged(command, log)


@pytest.mark.parametrize("name", ["piza-coop"])
def test_a_miniature_of_the_experiment(tmp_path: Path, name: str, monkeypatch) -> None:
    """Everything for real, but next to no training; again: nothing is done twice."""
    said: list[str] = []
    experiment = Experiment(tmp_path / "run", SMALL, processes=1, bfloat16=False)
    with monkeypatch.context() as quicker:
        quicker.setattr(methods, "run_logged", here)
        rows = experiment.run(["zero-shot", name], said.append)
    assert [row.method for row in rows] == ["zero-shot", name]
    assert rows[0].params == 0 < rows[1].params
    assert {row.n for row in rows} == {2}
    assert rows[0].steps == 1  # a plain method looks once
    test, train = (
        json.loads((tmp_path / "run" / f"{n}.json").read_text()) for n in ("test", "train")
    )
    assert set(Counter(entry["image"] for entry in test).values()) == {1}
    assert set(Counter(entry["image"] for entry in train).values()) == {2}

    commands: list[list[str]] = []
    run = subprocess.run

    def spy(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command[3:5])
        return run(["true"], **options)

    monkeypatch.setattr(own_process.subprocess, "run", spy)
    assert experiment.run(["zero-shot", name], said.append) == rows
    # the two that resume by themselves are asked to
    assert commands == [["torch.distributed.run", "--nproc-per-node"], ["train", "tune"]]


def test_results_of_different_budgets_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "budget.json").write_text("{}")
    with pytest.raises(BenchmarkError, match="other settings"):
        Experiment(tmp_path, SMALL, processes=1, bfloat16=False).run(["zero-shot"], print)


def test_a_command_that_fails_is_named_with_its_log(tmp_path: Path, monkeypatch) -> None:
    def fail(command: list[str], stdout, stderr) -> subprocess.CompletedProcess[str]:
        stdout.write("the last words\n")
        return subprocess.CompletedProcess(command, 7)

    monkeypatch.setattr(own_process.subprocess, "run", fail)
    with pytest.raises(
        BenchmarkError, match=r"train scenes .* failed with 7, see .*train\.log.*last"
    ):
        Experiment(tmp_path, SMALL, processes=1, bfloat16=False).run(["zero-shot"], print)


@pytest.mark.parametrize("names", [list(METHODS), ["zero-shot"], ["full", "piza-lora"]])
def test_the_plot(tmp_path: Path, names: list[str]) -> None:
    rows = [Row(n, 1000 * k, 0.5, 0.4, 0.1 * k, 0.6, 2.0, 9) for k, n in enumerate(names)]
    methods_plot(rows, tmp_path / "deep" / "plot.png")
    assert cv2.imread(str(tmp_path / "deep" / "plot.png")).std() > 5


def test_the_command_writes_rows_that_say_where_they_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [Row("coop", 1000, 0.5, 0.4, 0.3, 0.6, 1.0, 9)]
    monkeypatch.setattr(Experiment, "run", lambda *_: made)
    file = tmp_path / "methods.json"
    assert main(["methods", "--out", str(tmp_path), "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert [row["method"] for row in figures["rows"]] == ["coop"]
    assert figures["budget"]["base_steps"] == 2000
    assert "cpu" in figures["environment"]
    assert "coop" in capsys.readouterr().out
