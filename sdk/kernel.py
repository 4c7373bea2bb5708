"""The compiled kernels: what is told when they are not there."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sdk.errors import MissingRuntimeError


def import_kernel(name: str = "cpp_ext") -> Any:
    """The module of that name in ``cpp_ext``; raises MissingRuntimeError without it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingRuntimeError(
            f"the compiled kernel cpp_ext cannot be imported ({error}): pip install piza-edge;"
            " piza doctor tells more"
        ) from error
