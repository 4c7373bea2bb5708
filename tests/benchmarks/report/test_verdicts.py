"""Two runs of everything, goal by goal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.report.goals import verdicts


@pytest.fixture
def second(folder: Path, tmp_path: Path) -> Path:
    """A copy of the figures."""
    return Path(shutil.copytree(folder, tmp_path / "again"))


def change(folder: Path, **changes: Any) -> None:
    """Changes a goal of the peers'."""
    file = folder / "peers.json"
    figures = json.loads(file.read_text())
    figures["goals"][0].update(changes)
    file.write_text(json.dumps(figures))


def test_the_same_twice(folder: Path, second: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = verdicts(folder, second)
    assert {each.new.what for each in found} >= {"engine load to first answer", "faster than loop"}
    assert all(each.same for each in found)
    assert main(["compare", str(folder), str(second)]) == 0
    assert f"the same for {len(found)} of {len(found)}" in capsys.readouterr().out


def test_other_figures_with_the_same_verdict(folder: Path, second: Path) -> None:
    change(second, found="5.50x")
    [each] = [each for each in verdicts(folder, second) if each.new.what == "faster than loop"]
    assert (each.old.found, each.new.found, each.same) == ("6.00x", "5.50x", True)


def test_a_goal_that_is_lost_or_won(
    folder: Path, second: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(second, holds=False, found="4.00x")
    assert main(["compare", str(folder), str(second)]) == 1
    assert "not met" in capsys.readouterr().out
    assert main(["compare", str(second), str(folder)]) == 0


def test_what_only_one_of_them_measured(folder: Path, second: Path) -> None:
    (second / "peers.json").unlink()
    by_what = {each.new.what: each for each in verdicts(folder, second)}
    assert by_what["faster than loop"].new.holds is None
    assert by_what["faster than loop"].new.found == "not measured"
    assert not by_what["faster than loop"].same


def test_a_folder_without_figures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["compare", str(folder), str(tmp_path / "empty")]) == 2
    assert "found none" in capsys.readouterr().err
