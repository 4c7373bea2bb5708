"""``python -m benchmarks NAME``: measure an engine, print a table, write the figures as JSON."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

NAMES = ("accuracy", "latency")

# Exit codes, the same as those of ``python -m sdk``.
BAD_INPUT = 2
BAD_ENGINE = 3


def build_parser() -> argparse.ArgumentParser:
    """The parser of every benchmark; their heavy imports happen when they run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name in NAMES:
        command = importlib.import_module(f"benchmarks.commands.{name}")
        child = names.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_arguments(child)
        child.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one benchmark and return its exit code."""
    from sdk.errors import EngineError, PizaError

    args = build_parser().parse_args(argv)
    try:
        code: int = args.run(args)
    except PizaError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_ENGINE if isinstance(error, EngineError) else BAD_INPUT
    return code


if __name__ == "__main__":
    sys.exit(main())
