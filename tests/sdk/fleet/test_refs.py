"""Expressions from files."""

from __future__ import annotations

import pytest

from sdk.errors import InputError
from sdk.fleet.refs import read_refs

TWO = ("the red car", "le vélo, à gauche")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("refs.txt", "the red car\n\n  le vélo, à gauche \nthe red car\n"),
        ("refs", "\ufeffthe red car\r\nle vélo, à gauche"),
        ("refs.json", '["the red car", "le vélo, à gauche"]'),
        ("refs.CSV", 'id,ref\n1,the red car\n2,"le vélo, à gauche"\n3\n'),
    ],
)
def test_what_a_file_may_be(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert read_refs(str(tmp_path / name)) == TWO


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("refs.json", '["the red car"', "not valid JSON"),
        ("refs.json", '{"refs": []}', "expected a list of texts"),
        ("refs.json", "[1]", "expected a list of texts"),
        ("refs.json", "[]", "expected an expression"),
        ("refs.csv", "a,b\n1,2\n", "expected a column 'ref'"),
        ("refs.csv", "", "expected a column 'ref'"),
    ],
)
def test_what_it_may_not_be(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_refs(str(tmp_path / name))
