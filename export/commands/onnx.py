"""``piza onnx CHECKPOINT -o DIR``"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from export.certificate.report import measured
from export.stopping import stoppable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, nargs="?", help="default: the bundled model")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder to write")


@measured()
@stoppable()
def run(args: argparse.Namespace) -> int:
    from export.atomic_folder import place_networks
    from export.build import checkpoint_folder
    from export.portable import export_checkpoint

    checkpoint = checkpoint_folder(args.checkpoint)
    manifest = place_networks(args.out, partial(export_checkpoint, checkpoint))
    print(f"{args.out}: {', '.join(manifest.files)}")
    print("without a certificate yet: piza verify makes one")
    return 0
