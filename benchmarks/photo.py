"""``python -m benchmarks.photo IMAGE "REF"``: a question about a photograph of one's own.

The first time it fetches a detector that others trained (see ``export.detectors.fetch``) and
builds ``build/photo.engine``: two stages, the detector and ``words``. Then it is the command that
anybody would type, ``piza locate``.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sdk.engine.folder import MANIFEST_FILE, read_manifest
from sdk.exits import exit_code

DETECTOR, ENGINE = Path("build/nanodet.onnx"), Path("build/photo.engine")
SEARCHES = 16  # of the certificate: the network's outputs say the most


def main(argv: Sequence[str] | None = None) -> int:
    """Build what is missing, ask, write the picture; return the exit code of the question."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photo", description=__doc__)
    parser.add_argument("image", type=Path, metavar="IMAGE", help="JPEG, PNG, ...")
    parser.add_argument("ref", metavar="REF", help='such as "the red car left of the bus"')
    parser.add_argument("--engine", type=Path, default=ENGINE, help=f"default: {ENGINE}")
    parser.add_argument("--save", type=Path, default=Path("out/photo.jpg"), metavar="FILE")
    args = parser.parse_args(argv)
    if not (args.engine / MANIFEST_FILE).is_file():
        from export.detectors.fetch import fetch

        print(f"fetching the detector into {DETECTOR}", flush=True)
        fetch(DETECTOR)
        build = ["build-engine", "--family", "two-stage", "--detector", str(DETECTOR)]
        options = ["--scorer", "words", "--searches", str(SEARCHES), "-o", str(args.engine)]
        if code := _run("export", [*build, *options]):
            return code
    said = read_manifest(args.engine).block.get("source", {})
    for key in ("licence", "source"):
        if key in said:
            print(f"{key:9} {said[key]}")
    args.save.parent.mkdir(parents=True, exist_ok=True)
    asked = ["locate", str(args.image), args.ref]
    code = _run("sdk", [*asked, "--engine", str(args.engine), "--save", str(args.save)])
    if code == 0:
        print(f"\nLook at   {args.save} (what was considered, and why)")
    return code


def _run(package: str, command: list[str]) -> int:
    print(f"$ piza {shlex.join(command)}", flush=True)
    return subprocess.run([sys.executable, "-P", "-m", package, *command]).returncode


if __name__ == "__main__":
    sys.exit(exit_code(main))
