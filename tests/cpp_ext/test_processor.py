"""What the processor offers for products of eight-bit numbers, told by itself."""

from __future__ import annotations

import platform

from cpp_ext import eight_bit_instructions

KNOWN = {
    "x86_64": {"avx512_vnni", "avx_vnni", "avx512bw", "avx2", "sse"},
    "aarch64": {"i8mm", "asimddp", "asimd"},
}


def test_the_name_is_one_of_this_machine() -> None:
    known = KNOWN.get(platform.machine(), set()) if platform.system() == "Linux" else set()
    assert eight_bit_instructions() in known | {"unknown"}
