"""``python -m sdk doctor``: what is installed, what is missing, what to do."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from sdk.engine import default_engine, read_manifest, verify_files
from sdk.errors import EngineError
from sdk.gpu_report import Finding, gpu_findings
from sdk.manifest import Manifest
from sdk.options import add_engine
from sdk.runtime import usable_cores

_NEEDED = {  # module -> distribution
    "numpy": "numpy",
    "cv2": "opencv-python-headless",
    "tokenizers": "tokenizers",
    "onnxruntime": "onnxruntime",
    "cpp_ext": "piza-edge",
}
_OPTIONAL = {
    "mcap": "[mcap]",
    "supervision": "[supervision]",
    "torch": "[train]",
    "transformers": "[train]",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    add_engine(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    """Prints the findings; 0 when ``locate`` can run, 3 when something is in its way."""
    path, manifest, engine = _engine(args.engine)
    findings = [_machine(), *_packages(), *gpu_findings(path, manifest), engine]
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
    cores = usable_cores()
    detail = f"Python {platform.python_version()}, {platform.platform()}, {cores} cores"
    return Finding("machine", True, detail)


def _packages() -> list[Finding]:
    findings = []
    for module, distribution in _NEEDED.items():
        try:
            importlib.import_module(module)
            findings.append(Finding(module, True, metadata.version(distribution)))
        except ImportError as error:  # PackageNotFoundError is one
            detail = f"{error}: pip install {distribution}"
            findings.append(Finding(module, False, detail))
    for module, extra in _OPTIONAL.items():
        try:
            findings.append(Finding(module, None, metadata.version(module)))
        except metadata.PackageNotFoundError:
            detail = f"not installed, not needed here: pip install 'piza-edge{extra}'"
            findings.append(Finding(module, None, detail))
    return findings


def _engine(named: Path | None) -> tuple[Path | None, Manifest | None, Finding]:
    """The engine in question; no manifest when it cannot be read."""
    path = manifest = None
    try:
        path = named or default_engine()
        manifest = read_manifest(path)
        verify_files(path, manifest)
    except EngineError as error:
        return path, manifest, Finding("engine", False, str(error))
    what = f"{path}: {manifest.name}, {manifest.backend} {manifest.precision}"
    if not manifest.proven:
        advice = f"not proven: python -m export verify {path}"
        return path, manifest, Finding("engine", False, f"{what}, {advice}")
    return path, manifest, Finding("engine", True, f"{what}, files intact, certificate passed")
