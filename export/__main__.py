"""``python -m export NAME``: from a checkpoint to a proven engine."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

NAMES = ("onnx", "build-engine", "verify", "inspect")

# Exit codes, the same as those of ``python -m sdk``.
BAD_INPUT = 2
BAD_ENGINE = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    from sdk.errors import InputError, PizaError

    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name in NAMES:
        command = importlib.import_module(f"export.commands.{name.replace('-', '_')}")
        child = names.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_arguments(child)
        child.set_defaults(run=command.run)
    args = parser.parse_args(argv)
    try:
        code: int = args.run(args)
    except PizaError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, InputError) else BAD_ENGINE
    except OSError as error:  # a folder that cannot be read or written
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    return code


if __name__ == "__main__":
    sys.exit(main())
