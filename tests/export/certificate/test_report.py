"""What a command has cost."""

from __future__ import annotations

import re

import pytest

from export.certificate.report import measured


@measured()
def work() -> int:
    return 3


def test_seconds_and_memory_are_printed(capsys) -> None:
    assert work() == 3
    assert work() == 3
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for line in lines:
        said = re.fullmatch(r"took      (\d+\.\d) s, peak memory (\d+\.\d\d) GiB", line)
        assert said
        assert float(said[1]) < 1
        assert 0.01 < float(said[2]) < 100


def test_nothing_after_an_error(capsys) -> None:
    with pytest.raises(ValueError, match="bad"), measured():
        raise ValueError("bad")
    assert capsys.readouterr().out == ""
