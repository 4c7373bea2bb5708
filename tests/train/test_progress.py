"""A bar on a terminal, lines elsewhere, nothing where it is hidden."""

from __future__ import annotations

import sys

import pytest

from train import progress
from train.progress import Progress


def steps(count: int, **options) -> None:
    with Progress("work", 10, **options) as bar:
        for number in range(count):
            bar.step(f"loss {number}")


def test_lines_where_nobody_is_watching(capsys, monkeypatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    steps(2, done=5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "work: 5 steps to go"
    assert lines[1].startswith("work: step 6 of 10, ")
    assert lines[1].endswith(", loss 0")
    assert lines[-1].startswith("work: step 7 of 10")


def test_how_many_there_will_be_may_be_unknown(capsys, monkeypatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with Progress("work", None, done=5) as bar:
        bar.step("loss 0")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "work: from step 5 on"
    assert lines[1].startswith("work: step 6, ")


def test_lines_are_few(capsys) -> None:
    steps(10)
    assert len(capsys.readouterr().err.splitlines()) == 2  # the first and the last
    steps(0)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bar_on_a_terminal(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    steps(10)
    said = capsys.readouterr().err
    assert "10/10" in said
    assert "steps to go" not in said


@pytest.mark.parametrize("terminal", [True, False])
def test_hidden(capsys, monkeypatch, terminal: bool) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    steps(10, hidden=True)
    assert capsys.readouterr().err == ""
