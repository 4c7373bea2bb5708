"""``python -m export build-engine [CHECKPOINT] [-o ENGINE]``"""

from __future__ import annotations

import argparse
from pathlib import Path

from export.usage import measured

HELP = "build an engine from a checkpoint and prove that it equals it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, nargs="?", help="default: the bundled model")
    parser.add_argument("-o", "--out", type=Path, help="engine folder (default: build/NAME.engine)")
    parser.add_argument("--backend", choices=("onnxruntime",), default="onnxruntime")
    parser.add_argument("--precision", choices=("fp32",), default="fp32")
    parser.add_argument(
        "--searches", type=int, default=32, help="searches compared for the certificate"
    )


@measured()
def run(args: argparse.Namespace) -> int:
    from export.build import build_engine, checkpoint_folder
    from export.report import certificate_lines
    from train.checkpoint import CONFIG
    from train.models.config import PizaConfig

    checkpoint = checkpoint_folder(args.checkpoint)
    name = PizaConfig.load(checkpoint / CONFIG).name
    folder = args.out or Path("build") / f"{name}.engine"
    manifest = build_engine(checkpoint, folder, args.searches)
    print("\n".join(certificate_lines(manifest)))
    print(f"engine    {folder}")
    return 0
