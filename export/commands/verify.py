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
    parser.add_argument("--searches", type=int, default=32, help="searches to compare")
    add_threads(parser)


@measured()
@stoppable()
def run(args: argparse.Namespace) -> int:
    from export.certificate.report import certificate_lines
    from export.on_target import is_portable, verify_against

    if args.checkpoint is not None and is_portable(args.checkpoint):
        manifest = verify_against(args.engine, args.checkpoint, args.searches)
    else:
        from export.build import checkpoint_folder, verify_engine

        manifest = verify_engine(args.engine, checkpoint_folder(args.checkpoint), args.searches)
    print("\n".join(certificate_lines(manifest)))
    return 0 if manifest.proven else 1
