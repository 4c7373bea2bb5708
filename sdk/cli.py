"""The command lines of all packages: ``python -m PACKAGE NAME``.

Results go to stdout, everything else to stderr. Exit codes: 0 for an answer, 2 for bad input or
usage, 3 for a problem with an engine, a checkpoint or a runtime.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
import sys
from collections.abc import Sequence

from sdk.errors import InputError, PizaError

EXIT_INPUT, EXIT_ENGINE = 2, 3


def run_command(
    package: str, names: Sequence[str], description: str, arguments: Sequence[str] | None
) -> int:
    """Runs one of ``package``'s commands and returns its exit code; usage errors exit at once.

    Each name stands for a module ``PACKAGE.commands.NAME`` (dashes become underscores, ``import``
    becomes ``import_``) with ``HELP``, ``add_arguments(parser)`` and ``run(args) -> exit code``;
    heavy imports happen there.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=description)
    children = parser.add_subparsers(dest="command", required=True, metavar="NAME")
    for name in names:
        module = name.replace("-", "_") + "_" * keyword.iskeyword(name)
        command = importlib.import_module(f"{package}.commands.{module}")
        child = children.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_arguments(child)
        child.set_defaults(run=command.run)
    parsed = parser.parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
    except PizaError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_INPUT if isinstance(error, InputError) else EXIT_ENGINE
    except OSError as error:  # a folder that cannot be read or written
        print(f"error: {error}", file=sys.stderr)
        return EXIT_INPUT
    return code
