"""``python -m export build-engine [CHECKPOINT_OR_FOLDER] [-o ENGINE]``"""

from __future__ import annotations

import argparse
from pathlib import Path

from export.certificate.report import measured
from export.precision.plan import EIGHT_BITS
from export.sources import add_source, chosen_reference
from export.stopping import stoppable
from sdk.engine.manifest import BACKENDS
from sdk.options import add_threads
from sdk.runtime.target import LEVELS, SAME_GPU


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source(parser)
    parser.add_argument("-o", "--out", type=Path, help="engine folder (default: build/NAME.engine)")
    parser.add_argument("--backend", choices=tuple(BACKENDS), default="onnxruntime")
    parser.add_argument(
        "--precision",
        choices=("fp32", "fp16", "int8"),
        help="default: fp32, or what a portable folder has",
    )
    parser.add_argument(
        "--int8-for",
        choices=sorted(set(EIGHT_BITS.values())),
        help="whose int8 (default: that of --backend); tensorrt with --backend onnxruntime makes a"
        " portable folder with Q/DQ pairs, to be proven here and built on the vehicle computer",
    )
    parser.add_argument(
        "--plan",
        type=Path,
        help="a precision plan to use (an engine's precision.json)",
    )
    parser.add_argument(
        "--scenes", type=int, default=32, help="rendered scenes to search and calibrate on"
    )
    parser.add_argument(
        "--searches", type=int, default=32, help="searches compared for the certificate"
    )
    add_threads(parser)
    parser.add_argument(
        "--hardware-compatibility",
        choices=LEVELS,
        default=SAME_GPU,
        help="TensorRT: the GPUs that the plans run on; wider is slower",
    )
    parser.add_argument(
        "--targets",
        metavar="SM,...",
        help="TensorRT for RTX: the GPUs that the plans run on, such as sm86,sm89,sm120 (default:"
        " all that the networks allow)",
    )
    parser.add_argument(
        "--refit", action="store_true", help="TensorRT: weights can be exchanged later"
    )
    parser.add_argument(
        "--no-timing-cache", action="store_true", help="TensorRT: measure everything anew"
    )


@measured()
@stoppable()
def run(args: argparse.Namespace) -> int:
    from export.build import build
    from export.certificate.report import certificate_lines, precision_lines
    from export.options import BuildOptions
    from export.tensorrt.options import PlanOptions
    from export.tensorrt.targets import parse_targets

    plans = PlanOptions(
        args.hardware_compatibility,
        args.refit,
        not args.no_timing_cache,
        targets=None if args.targets is None else parse_targets(args.targets),
    )
    reference = chosen_reference(args)
    folder = args.out or Path("build") / f"{reference.name}.engine"
    options = BuildOptions(
        searches=args.searches,
        precision=args.precision or reference.precision,
        backend=args.backend,
        plan=args.plan,
        scenes=args.scenes,
        int8_for=args.int8_for,
        plans=plans,
    )
    manifest = build(reference, folder, options)
    print("\n".join([*precision_lines(manifest), *certificate_lines(manifest)]))
    print(f"engine    {folder}")
    return 0
