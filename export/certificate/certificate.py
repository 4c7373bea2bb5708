"""The certificate: evidence that an engine answers as what it was built from does.

Two parts. Each network against its reference, on the same inputs; and whole searches on rendered
scenes, where small differences could add up: do they end in the same box?
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation.host_runtime import HostRuntime
from export.certificate import comparison
from export.families import family
from export.precision.fp16_emulation import rounded_engine
from export.references.reference import Reference, one_run
from export.trace import Recorder
from sdk.engine.folder import Manifest, read_manifest
from sdk.families import open_networks
from sdk.grounder import Grounder
from sdk.runtime.arithmetic import eight_bits


def certify(folder: Path, reference: Reference, count: int) -> dict[str, Any]:
    """Compares the engine in ``folder`` with ``reference`` over ``count`` searches.

    A half-precision engine of ONNX Runtime on the CPU is measured a second time with all its half
    values rounded, as they are on a GPU (``rounded``, see export.precision.fp16_emulation), if the
    reference is exact, and its networks are compared like that: this must pass too.
    """
    manifest = read_manifest(folder)
    criteria = family(manifest).criteria[manifest.precision]
    with tempfile.TemporaryDirectory() as place:
        engines = {"searches": folder}
        if reference.exact and (manifest.precision, manifest.backend) == ("fp16", "onnxruntime"):
            engines["rounded"] = rounded_engine(folder, Path(place, "rounded.engine"))
        networks = certify_networks(engines.get("rounded", folder), reference)
        with reference.answers(manifest) as answer:
            theirs = comparison.run_searches(answer, count)
        searches = {}
        for name, engine in engines.items():
            with Grounder(engine, allow_unproven=True) as grounder:
                ours = comparison.run_searches(grounder.locate, count)
            searches[name] = comparison.compare_searches(ours, theirs, criteria)
    parts = [entry["passed"] for entry in networks.values()]
    return {
        "passed": all(parts) and all(report.passed for report in searches.values()),
        "networks": networks,
        **{name: asdict(report) for name, report in searches.items()},
        "reference": reference.describe(),
        **_arithmetic(manifest),
    }


def certify_networks(folder: Path, reference: Reference) -> dict[str, Any]:
    """Largest differences of every output over real frames and sentences, by network."""
    manifest = read_manifest(folder)
    with reference.networks() as theirs, closing(open_networks(folder, manifest)) as runtime:
        recorder = Recorder(theirs)
        with Grounder.over(HostRuntime(manifest, recorder), folder, manifest) as grounder:
            comparison.run_searches(grounder.locate, comparison.ASKED)
        return comparison.compare_networks(
            one_run(runtime), theirs, recorder.runs, manifest, family(manifest)
        )


def _arithmetic(manifest: Manifest) -> dict[str, Any]:
    """What eight bits were measured with; CPUs differ."""
    if (manifest.backend, manifest.precision) != ("onnxruntime", "int8"):
        return {}
    return {"arithmetic": asdict(eight_bits().arithmetic)}
