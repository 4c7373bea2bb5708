"""``python -m export verify ENGINE``"""

from __future__ import annotations

import argparse
from pathlib import Path

from export.certificate.report import measured
from export.stopping import stoppable
from sdk.options import add_threads


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("engine", type=Path)
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="or the portable folder that it was built from; default: the bundled checkpoint",
    )
    parser.add_argument(
        "--clip", metavar="FOLDER_OR_ID", help="what a two-stage engine's CLIP was built from"
    )
    parser.add_argument(
        "--refine", type=Path, metavar="CHECKPOINT", help="what its refiner was built from"
    )
    parser.add_argument("--searches", type=int, default=32, help="searches to compare")
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="TensorRT for RTX: build the plans again and compare their bytes, and the networks on"
        " the CPU; no GPU is needed",
    )
    add_threads(parser)


@measured()
@stoppable()
def run(args: argparse.Namespace) -> int:
    from export.build import rebuild, verify
    from export.certificate.report import certificate_lines
    from export.sources import reference_of

    prove = rebuild if args.rebuild else verify
    reference = reference_of(args.engine, args.checkpoint, args.clip, args.refine)
    manifest = prove(args.engine, reference, args.searches)
    print("\n".join(certificate_lines(manifest)))
    return 0 if manifest.proven else 1
