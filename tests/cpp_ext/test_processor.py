"""What the processor offers, told by itself."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from cpp_ext import eight_bit_instructions, instruction_set

KNOWN = {
    "x86_64": {"avx512_vnni", "avx_vnni", "avx512bw", "avx2", "sse"},
    "aarch64": {"i8mm", "asimddp", "asimd"},
}


def test_the_name_is_one_of_this_machine() -> None:
    known = KNOWN.get(platform.machine(), set()) if platform.system() == "Linux" else set()
    assert eight_bit_instructions() in known | {"unknown"}


@pytest.mark.parametrize("most", ["baseline", "avx2", "avx512"])
def test_better_loops_can_be_forbidden(most: str) -> None:
    order = ["baseline", "avx2", "avx512"]
    done = subprocess.run(
        [sys.executable, "-c", "from cpp_ext import instruction_set as f; print(f())"],
        env=os.environ | {"PIZA_ISA": most},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == order[min(order.index(instruction_set()), order.index(most))]
