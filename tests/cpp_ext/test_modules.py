"""The built modules, as other programs meet them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cpp_ext import _core, cuda

ENTRY = {"_core": b"PyInit_", "_cuda": b"PyInit_", "_operators": b"RegisterCustomOps"}


@pytest.mark.parametrize("name", ENTRY)
def test_no_module_uses_streams(name: str) -> None:
    """A module that has libstdc++ linked in and formats by streams crashes beside another one."""
    if name == "_cuda" and not cuda.built():
        pytest.skip("built without CUDA")
    (module,) = Path(_core.__file__).parent.glob(f"{name}.*")
    found = module.read_bytes()
    assert ENTRY[name] in found
    assert b"basic_ostream" not in found
    assert b"basic_stringbuf" not in found
