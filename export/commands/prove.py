"""``python -m export prove [CHECKPOINT_OR_FOLDER ...]``"""

from __future__ import annotations

import argparse
from pathlib import Path

from export.stopping import stoppable
from sdk.engine.folder import BUNDLED, MANIFEST_FILE
from sdk.engine.manifest import BACKENDS
from sdk.options import add_threads

PRECISIONS = ("fp32", "fp16")
BUNDLED_ENGINE = BUNDLED / "engine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        type=Path,
        nargs="*",
        metavar="CHECKPOINT_OR_FOLDER",
        help="other models; the bundled one is always proven. A checkpoint needs PyTorch",
    )
    parser.add_argument("--backend", choices=tuple(BACKENDS), default="tensorrt")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--searches", type=int, default=200, help="searches compared, and timed")
    add_threads(parser)
    parser.add_argument("--work", type=Path, default=Path("build/prove"), help="engines go here")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/verified"), help="the report")


@stoppable()
def run(args: argparse.Namespace) -> int:
    from export.backends import check_backend
    from export.build import build, open_reference
    from export.options import BuildOptions
    from export.prove import prove, write_report
    from sdk.engine.folder import read_manifest

    wanted = [BuildOptions(args.searches, each, args.backend) for each in args.precisions]
    check_backend(args.backend)
    proofs = []
    for source in (BUNDLED_ENGINE, *args.sources):
        portable = source
        if not (source / MANIFEST_FILE).is_file():
            portable = args.work / f"{source.name}-portable.engine"
            build(open_reference(source), portable, BuildOptions(args.searches))
        name = read_manifest(portable).name
        for options in wanted:
            folder = args.work / f"{name}-{options.backend}-{options.precision}.engine"
            proof = prove(portable, folder, options)
            proofs.append(proof)
            print(f"{proof.model} {proof.precision}: {'passed' if proof.passed else 'FAILED'}")
            if proof.error:
                print(f"  {proof.error}")
    for path in write_report(args.out, proofs):
        print(f"wrote     {path}")
    return 0 if all(proof.passed for proof in proofs) else 1
