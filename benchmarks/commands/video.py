"""``python -m benchmarks video``: what does a warm start save, and what does it cost?"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks import options
from train.options import not_negative, positive

STILL_SEED, STILL_FRAMES, STILL_PERIOD_S = 955_000, 10, 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--clips", type=positive, default=24, help="how many, of all kinds in turn")
    parser.add_argument("--frames", type=positive, default=30, help="of each clip, at least 8")
    parser.add_argument("--seed", type=not_negative, default=9000, help="of the first clips")
    parser.add_argument(
        "--stills", type=not_negative, default=40, help="questions about pictures that stand still"
    )
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from dataclasses import asdict

    from tqdm import tqdm

    from benchmarks.video import (
        clip_kinds,
        measure,
        measure_stills,
        summarise,
        summarise_stills,
    )
    from sdk.errors import InputError
    from train.data.scenes.motion.clip import MIN_FRAMES
    from train.evaluation.questions import questions

    if args.frames < MIN_FRAMES:
        raise InputError(f"expected clips of at least {MIN_FRAMES} frames, got {args.frames}")
    with options.measurement(args) as measurement:
        clips = clip_kinds(args.clips, args.seed)
        rows = measure(
            measurement.grounder, clips, args.frames, lambda it: tqdm(it, unit="clip", desc="video")
        )
        asked = tqdm(questions(STILL_SEED, args.stills), total=args.stills, desc="stills")
        stills = measure_stills(measurement.grounder, asked, STILL_FRAMES, STILL_PERIOD_S)
    figures, still = summarise(rows), summarise_stills(stills)
    about = f"clips     {len(clips)} of {args.frames} frames, 1920x1080, 10 a second, one sentence"
    print("\n".join([*measurement.header, about, "", *_lines(figures), _still_line(still)]))
    measurement.write(
        {
            "by_kind": figures,
            "stills": still,
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
            *pair(group, "found"),
            str(group["hidden"]),
            *pair(group, "false_answers"),
            *(f"{group[mode]['steps']:.2f}" for mode in ("cold", "warm")),
            *(f"{group[mode]['mean_ms']:.1f}" for mode in ("cold", "warm")),
        ]

    names = ("seen", *_twice("Acc50", "found"), "hidden", *_twice("false", "steps", "ms"))
    whole = figures["all"]
    return [
        table(("", *names), [cells(kind, group) for kind, group in figures.items()]),
        "",
        "seen, hidden: frames that show the target, or nothing of it. Acc50: IoU of 0.5 or more,",
        "whatever the score. found: such a box, and `found`. false: answers `found` in hidden",
        "frames. Each pair: cold, warm.",
        f"Of both kinds of frames {share(whole['cold']['right'])} cold and"
        f" {share(whole['warm']['right'])} warm are right.",
    ]


def _still_line(figures: dict[str, Any]) -> str:
    return (
        f"Of {figures['pictures']} pictures of {figures['questions']} questions that stand still"
        f" {figures['found_cold']} are found cold and {figures['found_warm']} warm;"
        f" {figures['changing']} questions change their verdict."
    )


def _twice(*names: str) -> list[str]:
    """Each name with its column of warm figures."""
    return [each for name in names for each in (name, "warm")]
