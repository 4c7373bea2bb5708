"""Which entries a run goes without."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdk.errors import InputError
from train.data.entries import Problem
from train.data.left_out import FILE, read_left_out, write_left_out


def test_written_and_read(tmp_path: Path) -> None:
    assert read_left_out(tmp_path) is None
    write_left_out(tmp_path, [Problem(3, "no ref"), Problem(7, "das Bild fehlt: ä")])
    assert read_left_out(tmp_path) == {3, 7}
    write_left_out(tmp_path, [])
    assert read_left_out(tmp_path) == frozenset()


@pytest.mark.parametrize("text", ["", "{}[", "3", "[3]", '[{"entry": "x"}]', '[{"reason": 1}]'])
def test_what_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match="the entries that the run goes without"):
        read_left_out(tmp_path)
