"""What an engine is made from, by the options of a command."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdk.engine.folder import MANIFEST_FILE, read_manifest
from sdk.errors import InputError
from sdk.families.grounding_dino import MOST_LOOKS, ZOOM
from sdk.options import not_negative, positive

if TYPE_CHECKING:
    from export.references.reference import Reference
    from sdk.engine.manifest import Manifest
    from sdk.regions.scorers import Weighted

TWO_STAGE = "two-stage"
BASE = "base"  # of a manifest's checkpoint: public weights that an engine was made of
SCORERS = ("words", "labels", "clip=FOLDER_OR_ID", "pseudo-queries=FOLDER_OR_ID")
REGIONS = ("watershed", "slic")
POOLS = ("crops", "attention")
PLACES = ("frame", "tiles", "zoom", *REGIONS)
VIEWS = ("tight", "margin", "padded", "blurred")
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
        "--zoom",
        type=not_negative,
        default=0,
        metavar="N",
        help="closer looks of --base at windows round its best candidates, at most (default: 0)",
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
        help=f"who chooses among its proposals: {', '.join(SCORERS)}, or several with commas, of"
        " which one names CLIP's folder or hub id (default: words)",
    )
    parser.add_argument(
        "--look",
        choices=PLACES,
        default="zoom",
        help="where the detector looks: the frame, tiles too, or where the sentence points; or"
        " regions of the frame by watershed or slic, without a detector",
    )
    parser.add_argument(
        "--pool",
        choices=POOLS,
        default=POOLS[0],
        help="how regions are compared: the rectangle round each cropped, or all of them pooled by"
        " attention in one look at the frame",
    )
    parser.add_argument(
        "--view",
        choices=VIEWS,
        default="tight",
        help="how clip is shown proposals: alone, with a margin, on their mean colour, or with all"
        " else blurred",
    )
    parser.add_argument(
        "--subject",
        action="store_true",
        help="clip is asked for the first noun phrase of a sentence, then for others",
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="heat of regions exactly as SegClip was published, its mistakes included",
    )
    parser.add_argument(
        "--refine",
        metavar="CHECKPOINT",
        help="a checkpoint of piza train box that corrects the box that was chosen; its CLIP is the"
        " scorers' too",
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
    by_regions = args.look in REGIONS
    if by_regions and named:
        raise InputError(f"expected no --{named[0]} with --look {args.look}, which needs none")
    if (args.family == TWO_STAGE) != (args.detector is not None or by_regions):
        raise InputError(
            "expected --family two-stage and --detector (or --look watershed or slic) together, got"
            " one of them"
        )
    if args.refine is not None and args.family != TWO_STAGE:
        raise InputError("expected --refine with --family two-stage: others make their own boxes")
    if args.published and not by_regions:
        raise InputError("expected --published with --look watershed or slic: others have no such")
    if args.pool != POOLS[0] and (args.published or not by_regions):
        raise InputError(
            f"expected --pool {args.pool} with --look watershed or slic and without --published"
        )
    if args.zoom > MOST_LOOKS:
        raise InputError(f"expected --zoom of {MOST_LOOKS} at most, got {args.zoom}")
    if args.zoom and args.base is None:
        raise InputError("expected --zoom with --base: others look as they were made to")
    input_hw = None if args.input_hw is None else (args.input_hw[0], args.input_hw[1])
    if args.family == TWO_STAGE:
        return _of_detector(args, input_hw)
    if args.base is not None:
        from export.references.checkpoint import BaseReference

        return BaseReference(args.base, input_hw, args.zoom)
    if input_hw is not None:
        raise InputError("expected --input-hw with --base or --detector: a checkpoint has its size")
    from export.build import open_reference

    return open_reference(args.source)


def _of_detector(args: argparse.Namespace, input_hw: tuple[int, int] | None) -> Reference:
    from export.detectors.detector import DetectorOptions
    from export.references.detector import DetectorReference, TwoStageOptions
    from sdk.regions.heatmap import HeatmapProposer
    from sdk.regions.proposers import default_proposer

    scorers, clip = _scorers(args)
    if args.look in REGIONS and [each.scorer.name for each in scorers] != ["clip"]:
        raise InputError(f"expected --scorer clip=FOLDER_OR_ID with --look {args.look}")
    options = TwoStageOptions(
        DetectorOptions(head=args.head, labels=args.labels, input_hw=input_hw),
        scorers,
        HeatmapProposer(args.look, published=args.published, pool=args.pool)
        if args.look in REGIONS
        else default_proposer(args.look),
        clip,
        args.refine,
    )
    return DetectorReference(args.detector, options)


def _scorers(args: argparse.Namespace) -> tuple[tuple[Weighted, ...], str | None]:
    """The scorers, and the source of the networks that some of them use."""
    from sdk.regions.clip_scorers import ClipScorer
    from sdk.regions.scorers import SCORERS as KNOWN
    from sdk.regions.scorers import Weighted
    from sdk.regions.views import usual_view

    named = dict(each.partition("=")[::2] for each in args.scorer.split(","))
    strange = [name for name in named if name not in KNOWN]
    if strange:
        raise InputError(f"expected scorers out of {', '.join(KNOWN)}, got {', '.join(strange)!r}")
    using = [name for name in named if KNOWN[name].uses]
    sources = sorted({source for source in named.values() if source})
    wanted = {0, 1} if using and args.refine else {int(bool(using))}  # a refiner has a CLIP
    if any(named[name] for name in named if name not in using) or len(sources) not in wanted:
        raise InputError(
            f"expected one folder or hub id of CLIP for {' and '.join(using) or 'no scorer'}"
            f" (clip=FOLDER_OR_ID), got {', '.join(sources) or 'none'}"
        )
    if "clip" not in named and (args.subject or args.view != VIEWS[0]):
        raise InputError("expected --view and --subject with --scorer clip, got them without it")
    looks = ClipScorer(usual_view(args.view), subject=args.subject)
    chosen = [looks if name == "clip" else KNOWN[name] for name in named]
    return tuple(map(Weighted, chosen)), sources[0] if sources else None


def reference_of(
    engine: Path, source: Path | None, clip: str | None = None, refine: Path | None = None
) -> Reference:
    """What an engine can be held against.

    Args:
        engine: its folder.
        source: what it was made from; by default what its manifest says, or the bundled checkpoint.
        clip: what its image and text networks were made from; by default what its manifest says,
            or the refiner's.
        refine: what its refiner was made from; needed where it has one.

    Raises:
        InputError: the source is none.
        EngineError: the engine or the source cannot be used.
    """
    from export.build import open_reference

    manifest = read_manifest(engine)
    if source is not None and (source / MANIFEST_FILE).is_file():
        return open_reference(source)
    if manifest.family == TWO_STAGE:
        return _detector_of(manifest, source, clip, refine)
    if BASE in manifest.checkpoint:
        from export.references.checkpoint import BaseReference

        named = _named(manifest, source, manifest.checkpoint[BASE])
        return BaseReference(named, manifest.input_hw, manifest.block.get(ZOOM, 0))
    return open_reference(source)


def _detector_of(
    manifest: Manifest, source: Path | None, clip: str | None, refine: Path | None
) -> Reference:
    from export.detectors.detector import DetectorOptions
    from export.references.detector import DetectorReference, TwoStageOptions
    from sdk.families.two_stage import read_pipeline

    pipeline, detector, said = read_pipeline(manifest), None, DetectorOptions()
    if pipeline.detector is not None:
        found = pipeline.detector
        said = DetectorOptions(found.head.kind, found.names, found.input_hw)
        detector = _named(manifest, source, manifest.block.get("source", {}))
    refined = None
    if pipeline.correction is not None:
        refined = _named(manifest, refine, manifest.block["refine"].get("source", {}), "--refine")
    elif pipeline.clip is not None:
        other = None if clip is None else Path(clip)
        clip = _named(manifest, other, manifest.block["clip"].get("source", {}), "--clip")
    options = TwoStageOptions(said, pipeline.scorers, pipeline.proposer, clip, refined)
    return DetectorReference(detector, options)


def _named(
    manifest: Manifest, source: Path | None, said: Mapping[str, Any], option: str = "--checkpoint"
) -> str:
    """The source that is named, or else the one that an engine's manifest says it was made from."""
    if source is not None:
        return str(source)
    if not isinstance(said.get("id"), str):
        raise InputError(
            f"{manifest.name} was made from a file ({said.get('file', 'which is not said')}): name"
            f" it with {option}"
        )
    return str(said["id"])
