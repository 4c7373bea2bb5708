"""ZIP files from anywhere: what is refused, and that nothing but our error comes out."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import warnings
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import InputError
from sdk.replay import archive
from sdk.replay.archive import read_archive, write_archive

NAMES = re.compile(r"[a-z]+\.(?:json|png)")
MEMBERS = {"a.json": b'{"k": 1}' * 50, "b.png": bytes(range(256)) * 4, "empty.json": b""}


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "x.zip"
    write_archive(target, MEMBERS)
    return target


def make(path, *members, method=zipfile.ZIP_DEFLATED):
    """A ZIP file of ``(name or ZipInfo, data)``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # duplicate names
        with zipfile.ZipFile(path, "w", method) as made:
            for name, data in members:
                made.writestr(name, data)
    return path


def test_what_is_written_is_read(path):
    assert read_archive(path, NAMES) == MEMBERS
    assert sorted(os.listdir(path.parent)) == ["x.zip"]


@pytest.mark.parametrize(
    "name",
    [
        "../a.json",
        "/a.json",
        "c/a.json",
        "..\\a.json",
        "C:a.json",
        "a.json/",
        "a.json\n",
        "A.JSON",
        "а.json",  # a Cyrillic letter
    ],
)
def test_names_that_do_not_belong(tmp_path, name):
    with pytest.raises(InputError, match="does not belong"):
        read_archive(make(tmp_path / "x.zip", ("a.json", b"{}"), (name, b"x")), NAMES)
    assert sorted(os.listdir(tmp_path)) == ["x.zip"]


@pytest.mark.parametrize("name", [b"a.json\0.exe", b""])
def test_names_that_zipfile_would_not_write(tmp_path, name):
    path = make(tmp_path / "x.zip", ("q" * max(len(name), 1), b"x"))
    data = path.read_bytes()
    if name:
        path.write_bytes(data.replace(b"q" * len(name), name))
    else:
        length = data.index(b"PK\x01\x02") + 28
        path.write_bytes(data[:length] + b"\0\0\1\0" + data[length + 4 :])  # the name is an extra
    with pytest.raises(InputError, match=r"does not belong|damaged"):
        read_archive(path, NAMES)


def test_duplicates(tmp_path):
    with pytest.raises(InputError, match="two files of one name"):
        read_archive(make(tmp_path / "x.zip", ("a.json", b"1"), ("a.json", b"2")), NAMES)


@pytest.mark.parametrize("kind", [0o120777, 0o040755, 0o020666, 0o010644])
def test_links_folders_and_devices(tmp_path, kind):
    member = zipfile.ZipInfo("a.json")
    member.external_attr = kind << 16
    with pytest.raises(InputError, match="is a link"):
        read_archive(make(tmp_path / "x.zip", (member, b"/etc/passwd")), NAMES)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(tmp_path, method):
    with pytest.raises(InputError, match="not a plain file"):
        read_archive(make(tmp_path / "x.zip", ("a.json", b"{}"), method=method), NAMES)


def _in_directory(data: bytes, offset: int, value: bytes) -> bytes:
    """The data with some bytes of the first directory entry replaced."""
    at = data.index(b"PK\x01\x02") + offset
    return data[:at] + value + data[at + len(value) :]


def test_encryption(path):
    path.write_bytes(_in_directory(path.read_bytes(), 8, b"\x01\x00"))
    with pytest.raises(InputError, match="encrypted"):
        read_archive(path, NAMES)


def test_a_bomb_that_tells_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 2**20)
    bomb = make(tmp_path / "x.zip", ("a.json", bytes(2**20 + 1)))
    assert bomb.stat().st_size < 5000
    with pytest.raises(InputError, match="at most 1 MiB"):
        read_archive(bomb, NAMES)


@pytest.mark.parametrize("said", [10, 2**20 + 5])
def test_a_bomb_that_lies(tmp_path, said):
    """Reading stops where the stated size does, whatever there is to unpack."""
    bomb = make(tmp_path / "x.zip", ("a.json", bytes(2**20)))
    bomb.write_bytes(_in_directory(bomb.read_bytes(), 24, struct.pack("<L", said)))
    with pytest.raises(InputError, match="damaged"):
        read_archive(bomb, NAMES)


def test_sizes_add_up(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 3000)
    bomb = make(tmp_path / "x.zip", *((f"{name}.json", bytes(1000)) for name in "abcd"))
    with pytest.raises(InputError, match="when unpacked"):
        read_archive(bomb, NAMES)


def test_large_files_are_not_even_opened(path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="at most 0 MiB"):
        read_archive(path, NAMES)


def test_large_directories(path):
    data = path.read_bytes()
    for at, value in ((-12, struct.pack("<H", 6000)), (-10, struct.pack("<L", 2**24))):
        changed = bytearray(data)
        changed[at : at + len(value)] = value
        path.write_bytes(changed)
        with pytest.raises(InputError, match="too large a directory"):
            read_archive(path, NAMES)


def test_comments_and_zip64(path):
    data = path.read_bytes()
    path.write_bytes(data + b"trailing bytes")
    with pytest.raises(InputError, match="truncated, altered or not one"):
        read_archive(path, NAMES)
    path.write_bytes(data[:-22] + b"PK\x06\x07" + bytes(16) + data[-22:])
    with pytest.raises(InputError, match="truncated, altered or not one"):
        read_archive(path, NAMES)


def test_what_is_no_file(tmp_path):
    for wrong in (tmp_path, tmp_path / "absent.zip", tmp_path / "a" / "b.zip"):
        with pytest.raises(InputError, match=r"expected a file|cannot read"):
            read_archive(wrong, NAMES)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="expected a file"):
        read_archive(tmp_path / "pipe", NAMES)


def test_every_truncation_is_refused(path):
    data = path.read_bytes()
    for length in (*range(0, len(data), 7), *range(len(data) - 60, len(data))):
        path.write_bytes(data[:length])
        with pytest.raises(InputError):
            read_archive(path, NAMES)


@given(data=st.data())
def test_flipped_bits(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("flipped") / "x.zip"
    write_archive(path, MEMBERS)
    changed = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(changed)
    with contextlib.suppress(InputError):
        assert set(read_archive(path, NAMES).values()) <= set(MEMBERS.values())


@given(data=st.binary(max_size=200))
def test_noise(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("noise") / "x.zip"
    for tail in (b"", b"PK\x05\x06" + bytes(18)):
        path.write_bytes(data + tail)
        with contextlib.suppress(InputError):
            read_archive(path, NAMES)


def test_writing_is_whole_or_not_at_all(path, monkeypatch):
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*No space left"):
        write_archive(path, {"a.json": b"other"})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["x.zip"]


def test_writing_where_nothing_can_be(tmp_path):
    for wrong in (tmp_path / "absent" / "x.zip", tmp_path):
        with pytest.raises(InputError, match="cannot write"):
            write_archive(wrong, MEMBERS)
    assert os.listdir(tmp_path) == []


def test_what_is_not_read_is_not_written(path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    with pytest.raises(InputError, match="at most 1 files"):
        write_archive(path, MEMBERS)
