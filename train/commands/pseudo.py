"""``python -m train pseudo``: sentences about what a detector finds, to train without labels."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdk.options import add_allow_unproven, add_threads, not_negative, positive, share

if TYPE_CHECKING:
    from collections.abc import Callable

    from sdk.frame import Frame
    from sdk.regions.proposals import Proposals
    from train.data.pseudo import Query, Things

REFS = "refs(pseudo).p"
SPLIT, FAMILY = "train", "two-stage"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("images", type=Path, metavar="DIR", help="folder of photographs")
    parser.add_argument(
        "--detector",
        type=Path,
        required=True,
        metavar="ENGINE",
        help="an engine of the family two-stage: its detector, and where it looks",
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help=f"folder for {REFS} and instances.json"
    )
    parser.add_argument(
        "--least-score", type=share, default=0.5, help="of a detection (default: 0.5)"
    )
    parser.add_argument(
        "--least-share",
        type=share,
        default=1 / 64,
        help="of the image, that a thing covers which is spoken of (default: 1/64, as published)",
    )
    parser.add_argument(
        "--objects", type=positive, default=3, help="of an image that are spoken of (default: 3)"
    )
    parser.add_argument("--queries", type=positive, default=6, help="of an image (default: 6)")
    parser.add_argument("--seed", type=not_negative, default=0, help="chooses among what is true")
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="REFS",
        help="refs with instances.json beside them, of these photographs: count what is true",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts here as JSON")
    add_threads(parser)
    add_allow_unproven(parser)


@dataclass(frozen=True, eq=False)
class Spoken:
    """An image: its name, what was found in it, and what is said of which things."""

    name: str
    things: Things
    said: Mapping[int, Sequence[Query]]


def run(args: argparse.Namespace) -> int:
    """Detect, say, write; print how much, and how much of it is true."""
    from evaluation.tables import JsonFile
    from sdk.errors import InputError
    from train.data.pseudo_truth import true_things, truth
    from train.progress import Progress

    names = image_names(args.images)
    file = JsonFile(args.json)
    args.out.mkdir(parents=True, exist_ok=True)
    known = None if args.truth is None else true_things(args.truth, args.images)
    spoken: list[Spoken] = []
    with (
        _looking(args.detector, args.threads, args.allow_unproven) as look,
        Progress("looking at photographs", len(names)) as progress,
    ):
        for number, name in enumerate(names):
            spoken.append(_said_of(args, number, name, look))
            progress.step(name)
    figures = _counts(spoken)
    if not figures["sentences"]:
        raise InputError(
            f"nothing can be said of the {len(names)} photographs in {args.images}: no two things"
            " can be told apart, or all are too small: --least-share 0, --least-score 0.2"
        )
    _write(args.out, spoken)
    print(
        f"{figures['sentences']} sentences about {figures['objects']} things of"
        f" {figures['photographs']} photographs in {args.out / REFS}"
    )
    if known is not None:
        figures["true"] = truth([(each.name, each.things, each.said) for each in spoken], known)
        for kind, (right, count) in figures["true"].items():
            print(f"{kind:<18} {right} of {count} true, {right / max(count, 1):.1%}")
    file.write(figures)
    return 0


def image_names(folder: Path) -> list[str]:
    """The photographs of a folder, by name, in their order.

    Raises InputError where there are none.
    """
    from sdk.errors import InputError

    kinds = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
    names = [each.name for each in folder.glob("*") if each.suffix.lower() in kinds]
    if not names:
        raise InputError(f"expected photographs ({', '.join(kinds)}) in {folder}, found none")
    return sorted(names)


@contextmanager
def _looking(
    engine: Path, threads: int | None, allow_unproven: bool
) -> Iterator[Callable[[Frame], Proposals]]:
    """What finds things in a frame: an engine's detector, looking where the engine looks."""
    from sdk.errors import InputError
    from sdk.families.two_stage import read_pipeline
    from sdk.grounder import opened

    _, manifest, _, _, runtime = opened(engine, None, allow_unproven, threads)
    try:
        if manifest.family != FAMILY:
            raise InputError(
                f"expected an engine of the family {FAMILY}, whose detector finds things, found one"
                f" of {manifest.family} at {engine}: piza build-engine --family {FAMILY}"
                " --detector FILE"
            )
        detector, proposer = read_pipeline(manifest).by_detector

        def look(frame: Frame) -> Proposals:
            frame_wh, uploaded = (frame.shape[1], frame.shape[0]), runtime.upload(frame, "bgr")
            found = proposer.propose(
                lambda windows: detector.look(runtime, uploaded, frame_wh, windows), frame_wh
            )
            return found.proposals

        yield look
    finally:
        runtime.close()


def _said_of(
    args: argparse.Namespace, number: int, name: str, look: Callable[[Frame], Proposals]
) -> Spoken:
    import numpy as np

    from sdk.frame import read_image
    from sdk.regions.clip_scorers import colours_of
    from train.data.pseudo import chosen, spoken_of, things_of

    frame = read_image(args.images / name)
    found = look(frame)
    found = found.take(found.scores >= args.least_score)
    colours = colours_of(frame, "bgr", found.xyxy)
    things = things_of(found, colours, (frame.shape[1], frame.shape[0]))
    about = spoken_of(things, found.scores, args.least_share, args.objects)
    rng = np.random.default_rng((args.seed, number, 7))
    return Spoken(name, things, chosen(things, about, args.queries, rng))


def _counts(spoken: Sequence[Spoken]) -> dict[str, Any]:
    said = [queries for each in spoken for queries in each.said.values()]
    return {
        "photographs": sum(bool(each.said) for each in spoken),
        "objects": len(said),
        "sentences": sum(map(len, said)),
    }


def _write(out: Path, spoken: Sequence[Spoken]) -> None:
    """RefCOCO's layout; all that was found is an annotation, whether spoken of or not."""
    from evaluation.scenes.refcoco_writer import ref_of, write_layout
    from train.storage import room_for

    nouns = sorted({noun for each in spoken for noun in each.things.nouns})
    categories = {noun: number for number, noun in enumerate(nouns, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    refs: list[dict[str, Any]] = []
    for number, each in enumerate(spoken, 1):
        (width, height), first = each.things.image_wh, len(annotations)
        images.append({"id": number, "file_name": each.name, "width": width, "height": height})
        for noun, box in zip(each.things.nouns, each.things.xyxy.tolist(), strict=True):
            x1, y1, x2, y2 = (round(side, 2) for side in box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": categories[noun],
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                }
            )
        for index, queries in each.said.items():
            texts, stem = list(map(str, queries)), Path(each.name).stem
            refs.append(ref_of(annotations[first + index], texts, len(refs) + 1, SPLIT, stem))
    with room_for(out / REFS):
        write_layout(out / REFS, images, annotations, categories, refs)
