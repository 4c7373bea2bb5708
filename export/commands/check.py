"""``python -m export check FOLDER_OR_ONNX [--tensorrt 10.3|11.4] [--json FILE]``"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="an ONNX file, or a folder of them (an engine)")
    parser.add_argument(
        "--tensorrt",
        choices=("10.3", "11.4"),
        help="the oldest or the newest version served (default: both)",
    )
    parser.add_argument("--json", type=Path, help="file to write the findings to")


def run(args: argparse.Namespace) -> int:
    """Prints the findings; 0 when there are none, 1 when there are some."""
    from export.check.checking import check_path
    from export.check.operators import TARGETS
    from export.check.report import table, write_json

    targets = [TARGETS[args.tensorrt]] if args.tensorrt else list(TARGETS.values())
    found = check_path(args.path, targets)
    if args.json is not None:
        write_json(args.json, found)
    count = sum(map(len, found.values()))
    versions = " and ".join(target.version for target in targets)
    print("\n".join(table(found)))
    print(f"{count} {'finding' if count == 1 else 'findings'} for TensorRT {versions}")
    return 1 if count else 0
