"""The errors that a caller can meet: one small hierarchy.

Each message says what was expected, what was found and, where there is something to do about it,
what to do. ``found=False`` is an answer, not an error.
"""

from __future__ import annotations


class PizaError(Exception):
    """Base of every error that this project raises on purpose."""


class InputError(PizaError, ValueError):
    """The caller's input cannot be used: a frame, an expression, a file, an option."""


class EngineError(PizaError):
    """The engine folder, or one of its files, cannot be used."""


class CheckpointError(EngineError):
    """A checkpoint, or weights that one is made from, cannot be used."""


class MissingRuntimeError(EngineError):
    """A package that this takes is not installed, or damaged; the message names it."""


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name."""
    return (str(error).splitlines() or [type(error).__name__])[0]
