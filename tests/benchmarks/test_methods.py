"""The experiment of the eight methods: what it runs, keeps and refuses; its plot."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import cv2
import pytest

from benchmarks import methods
from benchmarks.methods import BenchmarkError, Budget, Experiment, Row
from benchmarks.plots.methods import methods_plot
from train.models.piza.methods import METHODS

SMALL = Budget(base_steps=1, scenes=2, refs_per_scene=2, epochs=1, batch=2, test_scenes=2)


@pytest.mark.parametrize("name", ["piza-coop"])
def test_a_miniature_of_the_experiment(tmp_path: Path, name: str, monkeypatch) -> None:
    """Everything for real, but next to no training; again: nothing is done twice."""
    said: list[str] = []
    experiment = Experiment(tmp_path / "run", SMALL, processes=1, bfloat16=False)
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
        commands.append(command[2:4])
        return run(["true"], **options)

    monkeypatch.setattr(methods.subprocess, "run", spy)
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

    monkeypatch.setattr(methods.subprocess, "run", fail)
    with pytest.raises(
        BenchmarkError, match=r"train scenes .* failed with 7, see .*train\.log.*last"
    ):
        Experiment(tmp_path, SMALL, processes=1, bfloat16=False).run(["zero-shot"], print)


@pytest.mark.parametrize("names", [list(METHODS), ["zero-shot"], ["full", "piza-lora"]])
def test_the_plot(tmp_path: Path, names: list[str]) -> None:
    rows = [Row(n, 1000 * k, 0.5, 0.4, 0.1 * k, 0.6, 2.0, 9) for k, n in enumerate(names)]
    methods_plot(rows, tmp_path / "deep" / "plot.png")
    assert cv2.imread(str(tmp_path / "deep" / "plot.png")).std() > 5
