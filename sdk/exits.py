"""How a command ends: an exit code, and at most a line on stderr; a traceback never.

0 for an answer, 1 for a check that failed, 2 for bad input or usage, 3 for a problem with an
engine, a checkpoint, a runtime or the installation; 130 after Ctrl-C and 141 when whoever read the
output has left, as shells expect (128 + the signal).
"""

from __future__ import annotations

import io
import os
import select
import sys
import textwrap
import traceback
from collections.abc import Callable
from contextlib import suppress

from sdk.errors import InputError, PizaError

EXIT_INPUT, EXIT_ENGINE, EXIT_INTERRUPTED, EXIT_PIPE = 2, 3, 130, 141
_LONGEST = 400  # characters of another project's message
_DOCTOR = "piza doctor looks at the installation"


def exit_code(command: Callable[[], int]) -> int:
    """Runs a command to its end; ``$PIZA_DEBUG`` lets unexpected errors through.

    Raises:
        SystemExit: by argparse, after help and usage errors.
    """
    _print_with_replacement()
    ended: BaseException | None = None
    code = 0
    try:
        code = command()
    except BaseException as error:  # a panic of Rust code is no Exception
        ended = error
    left = isinstance(ended, BrokenPipeError) and _reader_has_left()
    undelivered = _flush()
    if left or isinstance(undelivered, BrokenPipeError):
        return EXIT_PIPE
    if isinstance(ended, SystemExit):
        raise ended
    if ended is None:
        ended = undelivered  # a full disk, say
    return code if ended is None else _tell(ended)


def _tell(error: BaseException) -> int:
    """Says in a line what happened, and gives its exit code."""
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    if isinstance(error, PizaError):
        line, code = str(error), EXIT_INPUT if isinstance(error, InputError) else EXIT_ENGINE
    elif isinstance(error, OSError):  # a folder that cannot be read or written
        line, code = str(error), EXIT_INPUT
    elif os.environ.get("PIZA_DEBUG"):
        raise error
    elif isinstance(error, ImportError):
        what = f"cannot import {error.name}: " if error.name else ""
        line, code = f"{what}{_short(error)}; {_DOCTOR}", EXIT_ENGINE
    else:  # ours, or one of a damaged package
        where = traceback.extract_tb(error.__traceback__)[-1]
        line = f"unexpected {type(error).__name__} in {where.filename}:{where.lineno}: "
        line += f"{_short(error)}; {_DOCTOR}, PIZA_DEBUG=1 shows more"
        code = EXIT_ENGINE
    with suppress(OSError):
        print("error:", *filter(None, map(str.strip, line.splitlines())), file=sys.stderr)
    return code


def _short(error: BaseException) -> str:
    return textwrap.shorten(str(error), _LONGEST, placeholder=" ...") or type(error).__name__


def _print_with_replacement() -> None:
    """Lets what the terminal's encoding lacks be printed as "?" or an escape."""
    for stream, errors in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):  # it is None where there is no such stream
            stream.reconfigure(errors=errors)


def _reader_has_left() -> bool:
    """Whether stdout or stderr is a pipe without a reader; other pipes can break, too."""
    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError):  # a stream that is not there, or has no file
            poll.register(stream.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _flush() -> OSError | None:
    """What keeps output from where it goes; then it goes nowhere, also when Python exits."""
    fault = None
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            fault = fault or error
            with suppress(OSError):  # a stream without a file
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return fault
