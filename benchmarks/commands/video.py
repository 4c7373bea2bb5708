"""``python -m benchmarks video``: what does a warm start save, and what does it cost?"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks import options
from train.options import not_negative, positive

HELP = "warm against cold searches on rendered clips: cuts, occlusion, leaving and entering"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--clips", type=positive, default=24, help="how many, of all kinds in turn")
    parser.add_argument("--frames", type=positive, default=30, help="of each clip, at least 8")
    parser.add_argument("--seed", type=not_negative, default=9000, help="of the first clips")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from dataclasses import asdict

    from tqdm import tqdm

    from benchmarks.video import clip_kinds, measure, summarise
    from sdk.errors import InputError
    from train.data.scenes.motion.clip import MIN_FRAMES

    if args.frames < MIN_FRAMES:
        raise InputError(f"expected clips of at least {MIN_FRAMES} frames, got {args.frames}")
    with options.measurement(args) as measurement:
        clips = clip_kinds(args.clips, args.seed)
        rows = measure(
            measurement.grounder, clips, args.frames, lambda it: tqdm(it, unit="clip", desc="video")
        )
    figures = summarise(rows)
    about = f"clips     {len(clips)} of {args.frames} frames, 1920x1080, 10 a second, one sentence"
    print("\n".join([*measurement.header, about, "", *_lines(figures)]))
    measurement.write(
        {
            "by_kind": figures,
            "clips": args.clips,
            "frames": args.frames,
            "seed": args.seed,
            "rows": [asdict(row) for row in rows],
        }
    )
    return 0


def _lines(figures: dict[str, Any]) -> list[str]:
    from train.evaluation.report import share, table

    def pair(group: dict[str, Any], name: str) -> list[str]:
        return [share(group[mode][name]) for mode in ("cold", "warm")]

    def cells(kind: str, group: dict[str, Any]) -> list[str]:
        return [
            kind,
            str(group["seen"]),
            *pair(group, "acc50"),
            str(group["hidden"]),
            *pair(group, "false_answers"),
            *(f"{group[mode]['steps']:.2f}" for mode in ("cold", "warm")),
            *(f"{group[mode]['mean_ms']:.1f}" for mode in ("cold", "warm")),
        ]

    names = ("seen", "Acc50", "warm", "hidden", "false", "warm", "steps", "warm", "ms", "warm")
    whole = figures["all"]
    return [
        table(("", *names), [cells(kind, group) for kind, group in figures.items()]),
        "",
        "seen, hidden: frames that show the target, or nothing of it. Acc50: IoU of 0.5 or more,",
        "whatever the score. false: answers `found` in hidden frames. Each pair: cold, warm.",
        f"Of both kinds of frames {share(whole['cold']['right'])} cold and"
        f" {share(whole['warm']['right'])} warm are right.",
    ]
