"""``python -m sdk teach ENGINE --class NAME``: CLIP corrects the scores of one class more.

No network is built: what changes is the bank of classes in the engine's manifest. Whether the image
network tells the class at all is measured on a folder of crops, before anything is written.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.errors import InputError
from sdk.options import add_allow_unproven, add_threads

if TYPE_CHECKING:
    from sdk.families.few_shot import FewShot

ENOUGH = 0.5  # of the crops, that must look like the class most (our choice)
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    parser.add_argument("engine", type=Path, metavar="ENGINE", help="of the family few-shot")
    parser.add_argument(
        "--class", dest="name", required=True, metavar="NAME", help="of the detector's classes"
    )
    parser.add_argument(
        "--text", help='what it is compared with (default: "a photo of NAME")', metavar="TEXT"
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="crops of such objects, to measure whether CLIP knows them by the text",
    )
    parser.add_argument(
        "--forget", action="store_true", help="leave the class to the detector alone again"
    )
    add_threads(parser)
    add_allow_unproven(parser)


def run(args: argparse.Namespace) -> int:
    """Changes the bank; 1 where CLIP does not know the class, and nothing is changed."""
    from sdk.engine.folder import read_manifest, verify_files, write_manifest
    from sdk.engine.proof import require_proof
    from sdk.families.few_shot import BANK, read_block
    from sdk.regions.class_bank import prompt

    manifest = read_manifest(args.engine)
    if manifest.family != "few-shot":
        raise InputError(
            f"expected an engine of the family few-shot, found one of {manifest.family}"
        )
    if not args.allow_unproven:
        require_proof(args.engine, manifest)
    verify_files(args.engine, manifest)
    block = read_block(manifest)
    texts = _checked(block, args.name)
    if args.forget:
        texts.pop(args.name, None)
    else:
        texts[args.name] = args.text or prompt(args.name)
    assert block.bank is not None
    bank = dataclasses.replace(block.bank, texts=texts)
    taught = dataclasses.replace(manifest, block={**manifest.block, BANK: bank.to_mapping()})
    if args.images is not None and not args.forget:
        right, count = _measured(args, dataclasses.replace(block, bank=bank))
        print(f"{right} of {count} crops look like {texts[args.name]!r} most")
        if right < ENOUGH * count:
            print(
                f"CLIP does not know {args.name!r} by this text, and nothing is changed: try"
                " another --text, or teach the detector itself by more shots: piza train risf shots"
            )
            return 1
    write_manifest(args.engine, taught)
    print(f"{args.engine}: CLIP corrects {', '.join(texts) or 'no class'}")
    return 0


def _checked(block: FewShot, name: str) -> dict[str, str]:
    """The bank's texts by class; raises InputError where this class cannot be one of them."""
    if block.bank is None:
        raise InputError(
            "the engine has no image and text networks: build it from a checkpoint that"
            " piza train risf shots --clip made"
        )
    if name not in block.labels:
        raise InputError(
            f"the detector knows no {name!r}, only {', '.join(block.labels)}: a new class takes"
            " fine-tuning, which piza train risf shots does, and an engine built from that"
        )
    return dict(block.bank.texts)


def _measured(args: argparse.Namespace, block: FewShot) -> tuple[int, int]:
    """How many crops look like the class most, of the bank's and background, and of how many."""
    import numpy as np

    from sdk.engine.folder import read_manifest
    from sdk.families import open_networks
    from sdk.frame import read_image
    from sdk.regions.clip import Sight, Texts
    from sdk.timing import Deadline, LatencyEstimator

    paths = sorted(each for each in _listed(args.images) if each.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"expected crops ({', '.join(SUFFIXES)}) in {args.images}, found none")
    bank, clip = block.bank, block.clip
    assert bank is not None
    assert clip is not None
    runtime = open_networks(args.engine, read_manifest(args.engine), None)
    try:
        texts, right = Texts(clip, args.engine), 0
        for path in paths:
            crop = read_image(path)
            sight = Sight(clip, texts, runtime, crop, "bgr", Deadline(LatencyEstimator(), None))
            whole = np.array([[0.0, 0.0, crop.shape[1], crop.shape[0]]])
            cosines = (sight.seen(bank.view, whole) @ sight.said(bank.asked).T)[0]
            right += int(cosines.argmax()) == list(bank.texts).index(args.name)
        texts.forget()
    finally:
        runtime.close()
    return right, len(paths)


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror or error}") from error
