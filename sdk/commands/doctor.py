"""``piza doctor``: what is installed, what is missing, what to do."""

from __future__ import annotations

import argparse
import json
import math
import platform
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.cores import read_cores
from sdk.errors import EngineError
from sdk.installation import Finding, package_findings, probe
from sdk.options import add_engine

if TYPE_CHECKING:
    from sdk.engine.manifest import Manifest

_REPAIR = "repair what is marked MISSING, or pip install --force-reinstall piza-edge"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    add_engine(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    """Prints the findings; 0 when ``locate`` can run, 3 when something is in its way."""
    packages = package_findings()
    path, manifest, engine = _engine(args.engine)
    locate = probe("locate", _locate, _REPAIR)
    works = all(package.ok is not False for package in packages)
    gpu = _gpu(path, manifest) if works else []  # what looks at GPUs takes them
    findings = [_machine(), *packages, *gpu, engine, locate]
    ready = all(finding.ok is not False for finding in findings)
    if args.json:
        print(json.dumps({"ready": ready, "findings": [asdict(each) for each in findings]}))
    else:
        marks = {True: "ok", False: "MISSING", None: "-"}
        for each in findings:
            print(f"{marks[each.ok]:<8} {each.subject:<12} {each.detail}")
        print("ready" if ready else "not ready: see the lines marked MISSING")
    return 0 if ready else 3


def _machine() -> Finding:
    detail = f"Python {platform.python_version()}, {platform.platform()}, {read_cores()}"
    return Finding("machine", True, detail)


def _engine(named: Path | None) -> tuple[Path | None, Manifest | None, Finding]:
    """The engine in question; no manifest when it cannot be read."""
    path = named
    manifest: Manifest | None = None

    def ask() -> str:
        nonlocal path, manifest
        from sdk.engine.folder import default_engine, read_manifest, verify_files

        path = named or default_engine()
        manifest = read_manifest(path)
        verify_files(path, manifest)
        what = f"{path}: {manifest.name}, {manifest.backend} {manifest.precision}"
        if not manifest.proven:
            raise EngineError(f"{what}, not proven: piza verify {path}")
        return f"{what}, files intact, certificate passed"

    finding = probe("engine", ask, _REPAIR)
    return path, manifest, finding


def _gpu(path: Path | None, manifest: Manifest | None) -> list[Finding]:
    from sdk.runtime.diagnosis import gpu_findings

    return gpu_findings(path, manifest)


def _locate() -> str:
    """A search with the bundled engine, from pixels and words to an answer."""
    import numpy as np

    from sdk.engine.folder import BUNDLED
    from sdk.grounder import Grounder
    from sdk.runtime.onnx_fusion import library

    with warnings.catch_warnings(), Grounder(BUNDLED / "engine") as grounder:
        warnings.simplefilter("ignore", UserWarning)
        answer = grounder.locate(np.full((90, 160, 3), 114, np.uint8), "the red car")
    if not math.isfinite(answer.score):
        raise EngineError(f"expected a score of 0 to 1, found {answer.score}")
    operators = "with" if library() else "without (slower)"
    took = f"{answer.timing_ms['total']:.0f} ms, {operators} operators of its own"
    return f"the bundled engine answers, {took}"
