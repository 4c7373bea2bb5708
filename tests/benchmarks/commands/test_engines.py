"""Several engines, the same questions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.asking import Run
from benchmarks.coldstart import ColdStart
from benchmarks.commands.engines import measure, summarise
from evaluation.questions import Workload
from sdk import Grounder

START = ColdStart(100.0, 200.0, 90.0, 450.0, 150.0, 170.0, 330.0, torch=False)


def asked(*walls_ms: float) -> list[Run]:
    stages = {"image": 6.0, "ground": 9.0}
    return [Run(each, stages, 2, looks={"image": 2, "ground": 3}) for each in walls_ms]


def test_the_command(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "engines.json"
    options = ["--questions", "3", "--warmup", "1", "--json", str(file)]
    assert main(["engines", str(engine), str(engine), *options]) == 0
    first, second = json.loads(file.read_text())["rows"]
    assert first["ratio"] == 1.0
    assert second["ratio"] > 0.0
    assert first["n"] == second["n"] == 3
    assert first["name"] == "still fp32 96x54"
    assert first["proven"]
    assert first["load_to_answer_ms"] > 0.0
    assert "still fp32" in capsys.readouterr().out


def test_an_engine_that_is_not_there(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", str(engine), "nowhere.engine"]) == 3
    assert capsys.readouterr().err.startswith("error: expected an engine folder at nowhere.engine")


def test_warm_up_does_not_count(engine: Path) -> None:
    workload = Workload((np.zeros((54, 96, 3), np.uint8),), ((0, "the car"), (0, "the red car")))
    with Grounder(engine) as grounder:
        [counted] = measure([grounder], workload, 1)
        assert len(counted) == 1
        assert counted[0].looks["image"] == counted[0].looks["ground"] > 0
        assert grounder.runs["image"] > counted[0].looks["image"]


def test_figures_of_a_look_and_paired_ratios(engine: Path) -> None:
    with Grounder(engine) as grounder:
        row = summarise(grounder, asked(20.0, 30.0, 90.0), asked(10.0, 10.0, 30.0), START)
    assert row["ratio"] == 3.0  # the median of 2, 3, 3
    assert row["p50_ms"] == 30.0
    assert row["networks_ms"] == {"text": 0.0, "image": 3.0, "ground": 3.0}
    assert row["load_to_answer_ms"] == START.load_ms + START.first_ms


def test_a_search_that_never_looked(engine: Path) -> None:
    nothing = Run(1.0, {"image": 0.0, "ground": 0.0}, 0, looks={"image": 0, "ground": 0})
    with Grounder(engine) as grounder:
        row = summarise(grounder, [nothing], [nothing], START)
    assert row["networks_ms"]["image"] == 0.0
    assert row["steps"] == 0.0
