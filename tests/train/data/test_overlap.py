"""Photographs of two sets that are the same."""

from __future__ import annotations

from pathlib import Path

from train.data.overlap import shared_images


def test_the_same_file_or_a_copy(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    (ours / "a").write_bytes(b"one picture")
    (ours / "b").write_bytes(b"another one")
    (theirs / "copy").write_bytes(b"one picture")
    (theirs / "as_long").write_bytes(b"third image")
    (theirs / "other").write_bytes(b"a longer picture")
    (theirs / "link").symlink_to(ours / "b")
    names = ("copy", "as_long", "other", "link", "gone", "copy")
    found = shared_images([ours / "a", ours / "b", ours / "gone"], [theirs / n for n in names])
    assert [path.name for path in found] == ["copy", "link"]
    assert shared_images([], [theirs / "copy"]) == []
