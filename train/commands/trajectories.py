"""``python -m train trajectories``: look at the windows that training samples."""

from __future__ import annotations

import argparse
from pathlib import Path

from sdk.options import not_negative, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="picture (.png, .jpg)",
    )
    parser.add_argument("--count", type=positive, default=4, help="scenes, a row each (default: 4)")
    parser.add_argument("--seed", type=not_negative, default=0, help="of the first scene")


def run(args: argparse.Namespace) -> int:
    """Draw the picture."""
    import numpy as np

    from evaluation.scenes import make_scene, render
    from sdk.frame import write_image
    from train.data.trajectory_picture import Subject, trajectories_picture

    subjects = []
    for seed in range(args.seed, args.seed + args.count):
        scene = make_scene(seed)
        targets = [k for k, item in enumerate(scene.objects) if item.targetable]
        target = int(np.random.default_rng(seed).choice(targets))
        boxes = np.array([item.xyxy for item in scene.objects])
        title = f"the {scene.objects[target].phrase}"
        subjects.append(Subject(render(scene), boxes, target, title))
    write_image(args.out, trajectories_picture(subjects, args.seed))
    print(f"{args.count} trajectories in {args.out}")
    return 0
