"""``python -m export check FOLDER_OR_ONNX [--tensorrt 10.3|11.4|rtx] [--real] [--json FILE]``"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="an ONNX file, or a folder of them (an engine)")
    parser.add_argument(
        "--tensorrt",
        choices=("10.3", "11.4", "rtx"),
        help="the oldest or the newest version served, or TensorRT for RTX (default: all)",
    )
    parser.add_argument(
        "--real",
        action="store_true",
        help="have TensorRT for RTX build the networks, and read their types off the plans: no GPU"
        " is needed",
    )
    parser.add_argument("--json", type=Path, help="file to write the findings to")


def run(args: argparse.Namespace) -> int:
    """Prints the findings; 0 when there are none, 1 when there are some."""
    from export.check.checking import check_path
    from export.check.operators import TARGETS
    from export.check.report import table, write_json

    targets = [TARGETS[args.tensorrt]] if args.tensorrt else list(TARGETS.values())
    found = check_path(args.path, targets)
    if args.real:
        from export.check.real import ask_path

        found = {name: found[name] + answer for name, answer in ask_path(args.path).items()}
    if args.json is not None:
        write_json(args.json, found)
    count = sum(map(len, found.values()))
    versions = ", ".join(target.version for target in targets)
    asked = "; the builder was asked" if args.real else ""
    print("\n".join(table(found)))
    print(f"{count} {'finding' if count == 1 else 'findings'} for TensorRT {versions}{asked}")
    return 1 if count else 0
