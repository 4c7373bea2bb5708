"""``python -m train NAME``: scenes, training, evaluation."""

from __future__ import annotations

import argparse
import importlib
import sys

from sdk.errors import EngineError, PizaError

COMMANDS = ("scenes", "piza", "calibrate")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    arguments = sys.argv[1:] if argv is None else argv
    for name in COMMANDS:
        module = importlib.import_module(f"train.commands.{name}")
        module.add_arguments(subparsers.add_parser(name, help=module.HELP, description=module.HELP))
    args = parser.parse_args(arguments)
    try:
        return int(importlib.import_module(f"train.commands.{args.command}").run(args))
    except PizaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3 if isinstance(error, EngineError) else 2
    except OSError as error:  # a folder that cannot be read or written
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
