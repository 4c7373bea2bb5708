"""Where a CUDA compiler is at hand, the kernel is compiled, and for every chip that we name."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from cpp_ext import cuda

TARGETS = {80, 86, 87, 89, 90, 100, 110, 120}


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no CUDA compiler")
def test_the_kernel_was_compiled() -> None:
    assert cuda.built(), "nvcc is here, but the extension was built without it"


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no CUDA compiler")
def test_for_every_chip() -> None:
    from cpp_ext import _cuda

    known = subprocess.run(["nvcc", "--list-gpu-arch"], capture_output=True, text=True, check=True)
    expected = TARGETS & {int(arch) for arch in re.findall(r"compute_(\d+)", known.stdout)}
    kinds = machine_codes(Path(_cuda.__file__).read_bytes())
    assert kinds[MACHINE_CODE] >= expected
    assert kinds[PTX] == {max(expected)}, "chips that come later compile it themselves"


FAT_BINARY, PTX, MACHINE_CODE = 0xBA55ED50, 1, 2


def machine_codes(library: bytes) -> dict[int, set[int]]:
    """Chips that the fat binaries in a library hold code for, by kind of code.

    A fat binary: magic, version, header size (uint32, uint16, uint16), size of all entries
    (uint64). An entry: kind (uint16), header size (uint32 at 4), size (uint64 at 8), chip (uint32
    at 28).
    """
    found: dict[int, set[int]] = {PTX: set(), MACHINE_CODE: set()}
    at = -1
    while (at := library.find(struct.pack("<I", FAT_BINARY), at + 1)) >= 0:
        _, header, size = struct.unpack_from("<HHQ", library, at + 4)
        entry, end = at + header, at + header + size
        if header != 16 or end > len(library):
            continue  # the number by chance
        while entry + 32 <= end:
            kind, entry_header, entry_size, chip = struct.unpack_from("<H2xIQ12xI", library, entry)
            found.setdefault(kind, set()).add(chip)
            entry += entry_header + entry_size
    return found


def test_imports_without_a_driver() -> None:
    assert cuda.available() in (True, False)
