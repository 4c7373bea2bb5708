"""``python -m train transvg``: TransVG on annotated photographs."""

from __future__ import annotations

import argparse

from train import one_look


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    one_look.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Train to the end, a wish to stop, or an error."""
    return one_look.run(args, "transvg")
