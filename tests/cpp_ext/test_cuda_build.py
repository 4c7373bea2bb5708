"""Where a CUDA compiler is at hand, the kernel is compiled, and for every chip that we name."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
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


def in_a_process(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_imports_where_no_gpu_is_seen() -> None:
    program = "from cpp_ext import cuda; print(cuda.available())"
    done = in_a_process(program, CUDA_VISIBLE_DEVICES="")
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


# An extension that is not there, and one that is but does not load.
FINDER = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "cpp_ext._cuda":
            raise {error}
sys.meta_path.insert(0, Finder())
from cpp_ext import cuda
print(cuda.built(), cuda.available())
try:
    cuda.crop_resize(None, None, (1, 1), (0, 0, 0), (1, 1, 1), out=None)
except RuntimeError as error:
    print(error)
"""


def test_a_build_without_cuda() -> None:
    done = in_a_process(FINDER.format(error="ModuleNotFoundError('missing', name=name)"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("False False\ncpp_ext was built without CUDA: install nvcc")


@pytest.mark.parametrize(
    "error",
    ["ImportError('undefined symbol', name=name)", "ModuleNotFoundError('other', name='other')"],
)
def test_a_broken_build_is_not_hidden(error: str) -> None:
    done = in_a_process(FINDER.format(error=error))
    assert done.returncode != 0
    assert error.split("'")[1] in done.stderr
