"""The command lines: ``piza NAME`` reaches all of them, ``python -m PACKAGE NAME`` one package's.

``PACKAGE.commands`` has their names in ``COMMANDS``, each with a line of help. A name stands for a
module beside it (dashes become underscores, ``import`` becomes ``import_``) with
``add_arguments(parser)`` and ``run(args) -> exit code``; only the one asked for is imported.
``sdk.exits`` says how a command ends.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sdk.cores import threads_wanted
from sdk.exits import exit_code
from sdk.extras import extras_named

_ABOUT = "Find what a sentence describes, however small: from training to the vehicle."
_TOP = ("sdk", "export")  # piza NAME
_GROUPS = {"train": "train", "bench": "benchmarks"}  # piza GROUP NAME
_PREFER_PIZA = "The command piza has these too, and never imports from the working folder."


def piza(arguments: Sequence[str] | None = None) -> int:
    """``piza NAME``: runs a command and returns its exit code; usage errors exit at once."""
    fill = partial(_add_commands, _TOP, _GROUPS)
    return exit_code(lambda: _run(_LazyParser("piza", description=_ABOUT, fill=fill), arguments))


def run_package(package: str, arguments: Sequence[str] | None = None) -> int:
    """``python -m PACKAGE NAME``: as ``piza``, for the commands of one package.

    Args:
        package: the package's name.
        arguments: of the command line, by default the process's own.

    Returns:
        The exit code (``sdk.exits``).

    Raises:
        SystemExit: by argparse, after help and usage errors.
    """
    prog, about = f"python -m {package}", _table(package).ABOUT
    fill = partial(_add_commands, (package,), {})
    parser = _LazyParser(prog, description=about, epilog=_PREFER_PIZA, fill=fill)
    return exit_code(lambda: _run(parser, arguments))


class _LazyParser(argparse.ArgumentParser):
    """A parser that gets its arguments from ``fill`` when it is the one that parses."""

    def __init__(
        self, prog: str, *, fill: Callable[[argparse.ArgumentParser], None], **options: Any
    ) -> None:
        super().__init__(prog, **options)
        self._fill = fill

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self._fill(self)
        return super().parse_known_args(args, namespace)


def _run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    parsed = parser.parse_args(arguments)
    with extras_named(parsed.package), threads_wanted(getattr(parsed, "threads", None)):
        code: int = parsed.run(parsed)
    return code


def _add_commands(
    packages: Sequence[str], groups: dict[str, str], parser: argparse.ArgumentParser
) -> None:
    children = parser.add_subparsers(required=True, metavar="NAME")

    def add(name: str, text: str, fill: Callable[[argparse.ArgumentParser], None]) -> None:
        children.add_parser(name, help=text, description=text, fill=fill)

    for package in packages:
        for name, text in _table(package).COMMANDS.items():
            add(name, text, partial(_add_arguments, package, name))
    for name, package in groups.items():
        add(name, _table(package).ABOUT, partial(_add_commands, (package,), {}))


def _add_arguments(package: str, name: str, parser: argparse.ArgumentParser) -> None:
    module = name.replace("-", "_") + "_" * keyword.iskeyword(name)
    with extras_named(package):
        command = importlib.import_module(f"{package}.commands.{module}")
    command.add_arguments(parser)
    parser.set_defaults(run=command.run, package=package)


def _table(package: str) -> Any:
    """What lists a package's commands; it imports none of them."""
    return importlib.import_module(f"{package}.commands")
