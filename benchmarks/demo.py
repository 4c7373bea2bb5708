"""``python -m benchmarks.demo``: draw a scene, ask for a small object in it, show the search.

The search itself is the command that anybody would type, ``piza locate``.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.metrics import answer_ious
from evaluation.questions import Case, make_case
from evaluation.seeds import DEMO


def main(argv: Sequence[str] | None = None) -> int:
    """Write demo_scene.jpg, demo.jpg and demo.json; return the exit code of the search."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder (default: out)")
    parser.add_argument("--seed", type=int, default=DEMO, help="of the scene")
    parser.add_argument("--engine", type=Path, help="engine folder (default: the bundled one)")
    args = parser.parse_args(argv)

    case = make_case(args.seed)
    scene, picture = args.out / "demo_scene.jpg", args.out / "demo.jpg"
    draw(case, scene)
    command = ["locate", str(scene), case.ref, "--save", str(picture), "--json"]
    if args.engine is not None:
        command += ["--engine", str(args.engine)]
    print(f"$ piza {shlex.join(command)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sdk", *command], stdout=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        return done.returncode
    answer_file = args.out / "demo.json"
    answer_file.write_text(done.stdout, encoding="utf-8")
    print("\n".join(describe(case, json.loads(done.stdout), picture, answer_file)))
    return 0


def draw(case: Case, path: Path) -> None:
    """Write the picture of a case as JPEG."""
    from sdk.frame import write_image

    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, case.frame())


def describe(case: Case, answer: dict[str, Any], picture: Path, answer_file: Path) -> list[str]:
    """What was asked, what was found, how right it is, and where to look."""
    x1, y1, x2, y2 = case.target_xyxy
    width, height = answer["frame_wh"]
    iou = answer_ious([answer["xyxy"]], [case.target_xyxy])[0]
    verdict = "found" if answer["found"] else "not found"
    return [
        "",
        f"sentence  {case.ref}",
        f"target    {x2 - x1:.0f}x{y2 - y1:.0f} pixels of {width}x{height}",
        f"answer    {verdict} with score {answer['score']:.2f} at {answer['xyxy']}",
        f"truth     {[x1, y1, x2, y2]}, IoU {iou:.2f}",
        f"search    {len(answer['zooms'])} steps in {answer['timing_ms']['total']:.0f} ms",
        "",
        f"Look at   {picture} (the search) and {answer_file} (the answer)",
    ]


if __name__ == "__main__":
    sys.exit(main())
