"""What an engine is made from, by the options of a command."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.build import open_reference
from export.references.reference import Reference
from sdk.engine.folder import MANIFEST_FILE, read_manifest
from sdk.engine.manifest import Manifest
from sdk.errors import InputError
from sdk.options import positive

TWO_STAGE = "two-stage"
BASE = "base"  # of a manifest's checkpoint: public weights that an engine was made of
SCORERS = ("words", "labels")
PLACES = ("frame", "tiles", "zoom")
HEADS = ("yolo", "detr", "ssd", "gfl")


def add_source(parser: argparse.ArgumentParser) -> None:
    """Declares a source, and what has to be said of one that is not a checkpoint of ours."""
    parser.add_argument(
        "source",
        type=Path,
        nargs="?",
        metavar="CHECKPOINT_OR_FOLDER",
        help="a checkpoint, or a proven onnxruntime engine (no PyTorch needed); default: the"
        " bundled checkpoint",
    )
    parser.add_argument(
        "--base",
        metavar="FOLDER_OR_ID",
        help="public Grounding DINO weights in transformers' format instead: a grounding-dino"
        " engine",
    )
    parser.add_argument(
        "--input-hw",
        type=positive,
        nargs=2,
        metavar=("H", "W"),
        help="network input of --base or of a detector that leaves it open",
    )
    parser.add_argument(
        "--family", choices=(TWO_STAGE,), help="the way to answer, where --detector is the source"
    )
    parser.add_argument(
        "--detector",
        metavar="FILE_OR_ID",
        help="an ONNX file, or a folder or hub id in transformers' format: a two-stage engine",
    )
    parser.add_argument(
        "--scorer",
        default="words",
        help=f"who chooses among its proposals: {', '.join(SCORERS)}, or several with commas"
        " (default: words)",
    )
    parser.add_argument(
        "--look",
        choices=PLACES,
        default="zoom",
        help="where the detector looks: the frame, tiles too, or where the sentence points",
    )
    parser.add_argument("--head", choices=HEADS, help="kind of the detector's outputs, if unclear")
    parser.add_argument(
        "--labels", metavar="FILE", help="its classes, a name a line, or coco, if it has none"
    )


def chosen_reference(args: argparse.Namespace) -> Reference:
    """What the options of ``add_source`` name.

    Raises:
        InputError: they contradict each other, or the source is none.
        EngineError: the source cannot be used.
    """
    named = [key for key in ("source", "base", "detector") if getattr(args, key) is not None]
    if len(named) > 1:
        raise InputError(f"expected one source of an engine, got {' and '.join(named)}")
    if (args.family == TWO_STAGE) != (args.detector is not None):
        raise InputError("expected --family two-stage and --detector together, got one of them")
    input_hw = None if args.input_hw is None else (args.input_hw[0], args.input_hw[1])
    if args.detector is not None:
        return _of_detector(args, input_hw)
    if args.base is not None:
        from export.references.checkpoint import BaseReference

        return BaseReference(args.base, input_hw)
    if input_hw is not None:
        raise InputError("expected --input-hw with --base or --detector: a checkpoint has its size")
    return open_reference(args.source)


def _of_detector(args: argparse.Namespace, input_hw: tuple[int, int] | None) -> Reference:
    from export.detectors.detector import DetectorOptions
    from export.references.detector import DetectorReference, TwoStageOptions
    from sdk.regions.proposers import default_proposer
    from sdk.regions.scorers import SCORERS as KNOWN
    from sdk.regions.scorers import Weighted

    names = tuple(dict.fromkeys(args.scorer.split(",")))
    strange = [name for name in names if name not in KNOWN]
    if strange:
        raise InputError(f"expected scorers out of {', '.join(KNOWN)}, got {', '.join(strange)!r}")
    options = TwoStageOptions(
        DetectorOptions(head=args.head, labels=args.labels, input_hw=input_hw),
        tuple(Weighted(KNOWN[name]) for name in names),
        default_proposer(args.look),
    )
    return DetectorReference(args.detector, options)


def reference_of(engine: Path, source: Path | None) -> Reference:
    """What an engine can be held against.

    Args:
        engine: its folder.
        source: what it was made from; by default what its manifest says, or the bundled checkpoint.

    Raises:
        InputError: the source is none.
        EngineError: the engine or the source cannot be used.
    """
    manifest = read_manifest(engine)
    if source is not None and (source / MANIFEST_FILE).is_file():
        return open_reference(source)
    if manifest.family == TWO_STAGE:
        return _detector_of(manifest, source)
    if BASE in manifest.checkpoint:
        from export.references.checkpoint import BaseReference

        return BaseReference(_named(manifest, source, manifest.checkpoint[BASE]), manifest.input_hw)
    return open_reference(source)


def _detector_of(manifest: Manifest, source: Path | None) -> Reference:
    from export.detectors.detector import DetectorOptions
    from export.references.detector import DetectorReference, TwoStageOptions
    from sdk.families.two_stage import read_pipeline

    pipeline = read_pipeline(manifest)
    detector = DetectorOptions(
        head=pipeline.detector.head.kind,
        labels=pipeline.detector.names,
        input_hw=pipeline.detector.input_hw,
    )
    options = TwoStageOptions(detector, pipeline.scorers, pipeline.proposer)
    return DetectorReference(_named(manifest, source, manifest.block.get("source", {})), options)


def _named(manifest: Manifest, source: Path | None, said: Mapping[str, Any]) -> str:
    """The source that is named, or else the one that an engine's manifest says it was made from."""
    if source is not None:
        return str(source)
    if not isinstance(said.get("id"), str):
        raise InputError(
            f"{manifest.name} was made from a file ({said.get('file', 'which is not said')}): name"
            " it with --checkpoint"
        )
    return str(said["id"])
