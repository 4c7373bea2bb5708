"""``piza onnx CHECKPOINT -o DIR``"""

from __future__ import annotations

import argparse
from pathlib import Path

from export.usage import measured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, nargs="?", help="default: the bundled model")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder to write")


@measured()
def run(args: argparse.Namespace) -> int:
    from export.build import checkpoint_folder
    from export.portable import export_checkpoint

    manifest = export_checkpoint(checkpoint_folder(args.checkpoint), args.out)
    print(f"{args.out}: {', '.join(manifest.files)}")
    print("without a certificate yet: piza verify makes one")
    return 0
