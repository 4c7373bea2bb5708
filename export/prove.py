"""The proof on the target: engines are built, compared and timed there, and a report is written.

The reference is ONNX Runtime on the CPU with the portable folder of the same model.
"""

from __future__ import annotations

import json
import platform
import time
import warnings
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.questions import questions
from evaluation.seeds import CERTIFICATE
from export.atomic_folder import NotProvenError
from export.build import build
from export.certificate.report import certificate_lines
from export.options import BuildOptions
from export.references.portable import PortableReference
from sdk.engine.folder import read_manifest
from sdk.errors import EngineError
from sdk.grounder import Grounder
from sdk.runtime.cuda import describe_gpu, import_driver
from sdk.runtime.diagnosis import gpu_findings
from train.progress import Progress

WARM_UP = 5  # searches that are not timed
PACKAGES = (
    *("onnxruntime", "onnxruntime-gpu", "tensorrt", "tensorrt-rtx", "pycuda", "numpy"),
    "piza-edge",
)


@dataclass(frozen=True)
class Latency:
    """Milliseconds of a whole search (the frame on the host, the answer on the host)."""

    searches: int
    p50_ms: float
    p95_ms: float
    steps: float
    stages_ms: dict[str, float]


@dataclass(frozen=True)
class Proof:
    """One engine: was it built, does it equal its reference, how long does it take?"""

    model: str
    backend: str
    precision: str
    passed: bool
    seconds_to_build: float
    error: str | None = None
    certificate: dict[str, Any] | None = None
    said: tuple[str, ...] = ()  # the certificate in words
    target: dict[str, Any] | None = None
    bytes: int = 0
    latency: Latency | None = None
    reference_latency: Latency | None = None


def prove(portable: Path, folder: Path, options: BuildOptions) -> Proof:
    """Builds ``folder`` from ``portable``, compares and times both; never raises EngineError."""
    name, start = read_manifest(portable).name, time.perf_counter()
    backend, precision = options.backend, options.precision
    error, built = None, folder
    try:
        build(PortableReference(portable), folder, options)
    except NotProvenError as problem:
        error, built = str(problem), problem.folder
    except EngineError as problem:
        seconds = time.perf_counter() - start
        return Proof(name, backend, precision, False, seconds, str(problem))
    seconds = time.perf_counter() - start
    manifest = read_manifest(built)
    return Proof(
        model=name,
        backend=backend,
        precision=precision,
        passed=manifest.proven,
        seconds_to_build=seconds,
        error=error,
        certificate=dict(manifest.certificate or {}),
        said=tuple(certificate_lines(manifest)),
        target=dict(manifest.target),
        bytes=sum((built / file).stat().st_size for file in manifest.files),
        latency=measure(built, options.searches),
        reference_latency=measure(portable, min(options.searches, 50)),
    )


def measure(folder: Path, searches: int) -> Latency:
    """Times searches of an engine on rendered scenes, one after the other."""
    asked = [(q.frame, q.ref) for q in questions(CERTIFICATE.first, min(searches, 50))]
    totals, steps, stages = [], [], []
    with (
        Grounder(folder, allow_unproven=True) as grounder,
        warnings.catch_warnings(),
        Progress("timing", WARM_UP + searches) as progress,
    ):
        warnings.simplefilter("ignore", UserWarning)
        for number in range(-WARM_UP, searches):
            frame, ref = asked[number % len(asked)]
            start = time.perf_counter()
            answer = grounder.locate(frame, ref)
            if number >= 0:
                totals.append((time.perf_counter() - start) * 1e3)
                steps.append(len(answer.zooms))
                stages.append(answer.timing_ms)
            progress.step()
    p50, p95 = np.percentile(totals, (50, 95))
    return Latency(
        searches,
        float(p50),
        float(p95),
        float(np.mean(steps)),
        {name: float(np.median([each[name] for each in stages])) for name in stages[0]},
    )


def machine() -> dict[str, Any]:
    """What the engines were proven on."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "gpu": {finding.subject: finding.detail for finding in gpu_findings(None, None)},
    }


def write_report(folder: Path, proofs: list[Proof]) -> tuple[Path, Path]:
    """Writes ``BACKEND-GPU.json`` and ``.md`` into ``folder``; returns their paths."""
    where = machine()
    stem = "-".join(f"{proofs[0].backend} {_where(proofs[0].backend)}".lower().split())
    folder.mkdir(parents=True, exist_ok=True)
    data, text = folder / f"{stem}.json", folder / f"{stem}.md"
    content = {"machine": where, "engines": [asdict(proof) for proof in proofs]}
    data.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    text.write_text(_markdown(where, proofs), encoding="utf-8")
    return data, text


def _where(backend: str) -> str:
    """The GPU that engines were proven on; "cpu" where none had a part in it."""
    if backend == "onnxruntime":
        return "cpu"
    try:
        return describe_gpu(import_driver()).name
    except EngineError:
        return "cpu"


def _markdown(where: dict[str, Any], proofs: list[Proof]) -> str:
    lines = [
        f"# {proofs[0].backend}: engines against ONNX Runtime on the CPU",
        "",
        f"Written by `python -m export prove` on Python {where['python']}, {where['platform']}.",
        *("", *(f"- {subject}: {detail}" for subject, detail in where["gpu"].items()), ""),
        "| model | precision | verdict | same box | same decision | p50, p95 ms | CPU p50, p95 ms"
        " | built in s | MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(proof) for proof in proofs]
    for proof in proofs:
        lines += ["", f"## {proof.model} {proof.precision}", ""]
        if proof.error:
            lines += [f"{proof.error}", ""]
        if proof.target:
            lines += [f"Built for {json.dumps(proof.target)}.", ""]
        lines += ["```", *proof.said, "```"] if proof.said else []
    return "\n".join(lines) + "\n"


def _row(proof: Proof) -> str:
    searches = (proof.certificate or {}).get("searches", {})
    shares = [
        f"{searches[key]:.1%}" if key in searches else "-" for key in ("same_box", "same_decision")
    ]
    times = [
        f"{each.p50_ms:.1f}, {each.p95_ms:.1f}" if each else "-"
        for each in (proof.latency, proof.reference_latency)
    ]
    verdict = "passed" if proof.passed else "FAILED"
    cells = [proof.model, proof.precision, verdict, *shares, *times]
    return f"| {' | '.join(cells)} | {proof.seconds_to_build:.0f} | {proof.bytes / 1e6:.1f} |"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
