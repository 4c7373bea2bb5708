"""``python -m sdk NAME``: the commands of the vehicle side.

Results go to stdout, everything else to stderr. Exit codes: 0 for an answer, 2 for bad input or
usage, 3 for a problem with the engine or its runtime.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from sdk.errors import InputError, PizaError

COMMANDS = ("locate", "doctor")
EXIT_INPUT, EXIT_ENGINE = 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code; usage errors exit with 2 at once."""
    parser = argparse.ArgumentParser(prog="python -m sdk", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="NAME")
    commands = {name: importlib.import_module(f"sdk.commands.{name}") for name in COMMANDS}
    for name, command in commands.items():
        command.add_arguments(
            subparsers.add_parser(name, help=command.HELP, description=command.HELP)
        )
    parsed = parser.parse_args(arguments)
    try:
        code: int = commands[parsed.command].run(parsed)
    except PizaError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_INPUT if isinstance(error, InputError) else EXIT_ENGINE
    return code


if __name__ == "__main__":
    sys.exit(main())
