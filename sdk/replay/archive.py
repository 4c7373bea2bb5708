"""ZIP files from anywhere, read with bounds and never unpacked; and written whole or not at all."""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from sdk.errors import InputError

MAX_BYTES = 512 * 2**20  # of the file, and of all that is in it
MAX_MEMBERS = 5000
_MAX_DIRECTORY_BYTES = 2**20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1  # bit of a member's flags

# The record that ends a ZIP file, and what stands before it in one of more than 4 GiB (PKWARE,
# ".ZIP File Format Specification", 4.3.15 and 4.3.16).
_END = struct.Struct("<4s4H2LH")
_END_MARK, _ZIP64_MARK, _ZIP64_BYTES = b"PK\x05\x06", b"PK\x06\x07", 20
# What zipfile and zlib raise for files that are damaged or made up.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def read_archive(path: Path, names: re.Pattern[str]) -> dict[str, bytes]:
    """The members of a ZIP file by name, read into memory; nothing is written anywhere.

    Accepted is what ``write_archive`` writes and little else: every name must match ``names`` as a
    whole (so that none can lead out of a folder) and come once; no links, folders or encryption;
    at most 5,000 members and 512 MiB, packed as well as unpacked, whatever the sizes in the file
    say. The checksum of every member is checked.

    Raises:
        InputError: the file cannot be read, is no ZIP file, is damaged, or breaks one of the rules.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"expected a file at {path}")
        with path.open("rb") as stream:
            _check_end(path, stream)
            with zipfile.ZipFile(stream) as archive:
                members = archive.infolist()
                _check_members(path, members, names)
                return {each.filename: _read_member(path, archive, each) for each in members}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except InputError:  # a ValueError too
        raise
    except _DAMAGED as error:
        raise InputError(f"{path} is damaged or no ZIP file ({error}): copy it again") from error


def write_archive(path: Path, members: Mapping[str, bytes]) -> None:
    """Writes a ZIP file beside its place and moves it there, so that there is never half of it.

    PNG files are stored as they are, the others are compressed.

    Raises:
        InputError: the file cannot be written, or ``read_archive`` would not accept it.
    """
    total = sum(map(len, members.values()))
    if total > MAX_BYTES or len(members) > MAX_MEMBERS:
        raise InputError(
            f"expected at most {MAX_MEMBERS} files of {MAX_BYTES >> 20} MiB together for {path},"
            f" got {len(members)} of {total / 2**20:.0f} MiB"
        )
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as stream:
            with zipfile.ZipFile(stream, "w") as archive:
                for name, data in members.items():
                    stored = name.endswith(".png")
                    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                    archive.writestr(name, data, method)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _check_end(path: Path, stream: BinaryIO) -> None:
    """Bounds what zipfile is about to read at once: the file's directory."""
    size = stream.seek(0, os.SEEK_END)
    if size > MAX_BYTES:
        raise InputError(f"expected at most {MAX_BYTES >> 20} MiB in {path}, found {size} bytes")
    stream.seek(max(size - _END.size - _ZIP64_BYTES, 0))
    before, tail = stream.read(_ZIP64_BYTES), stream.read(_END.size)
    if len(tail) < _END.size or not tail.startswith(_END_MARK) or before.startswith(_ZIP64_MARK):
        raise InputError(
            f"expected a ZIP file in {path} ({size} bytes): it is truncated, altered or not one"
        )
    _, _, _, _, count, directory_bytes, _, comment_bytes = _END.unpack(tail)
    if count > MAX_MEMBERS or directory_bytes > _MAX_DIRECTORY_BYTES or comment_bytes:
        raise InputError(f"{path} has too large a directory, or a comment: refused")


def _check_members(path: Path, members: list[zipfile.ZipInfo], names: re.Pattern[str]) -> None:
    found = [each.orig_filename for each in members]
    wrong = next((name for name in found if not names.fullmatch(name)), None)
    if wrong is not None:
        raise InputError(f"{path} has a file that does not belong there: {wrong!r:.80}")
    if len(set(found)) != len(found):
        raise InputError(f"{path} has two files of one name")
    total = sum(each.file_size for each in members)
    if total > MAX_BYTES:
        raise InputError(
            f"expected at most {MAX_BYTES >> 20} MiB in {path} when unpacked, found {total} bytes"
        )
    for each in members:
        kind = stat.S_IFMT(each.external_attr >> 16)
        plain = kind in (0, stat.S_IFREG) and not each.is_dir()
        if not plain or each.flag_bits & _ENCRYPTED or each.compress_type not in _METHODS:
            raise InputError(f"{path}: {each.filename!r} is a link, encrypted or not a plain file")


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """One member; reading never goes beyond the size that was agreed to."""
    with archive.open(member) as stream:
        data = stream.read(member.file_size + 1)
    if len(data) != member.file_size:
        raise InputError(f"{path}: {member.filename!r} has not the size that it says: damaged")
    return data
