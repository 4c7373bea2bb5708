"""What this machine has for engines that run on a GPU, and what to do about what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from sdk.engine.manifest import Manifest
from sdk.errors import EngineError
from sdk.installation import Finding, probe
from sdk.runtime.cuda import Gpu, describe_gpu, import_driver
from sdk.runtime.device import crop_kernel
from sdk.runtime.onnxruntime_cuda import import_onnxruntime
from sdk.runtime.target import built_for, check_rtx_target, check_target
from sdk.runtime.tensorrt import MODULES, RTX, import_tensorrt, titled

_WANTED_BY = {  # backend -> subjects without which it cannot run
    "onnxruntime": (),
    "onnxruntime-cuda": ("gpu", "kernel", "providers"),
    "tensorrt": ("gpu", "kernel", "tensorrt", "target"),
    RTX: ("gpu", "kernel", RTX, "target"),
}
_CHECKS = {"tensorrt": check_target, RTX: check_rtx_target}


def gpu_findings(folder: Path | None, manifest: Manifest | None) -> list[Finding]:
    """GPU with driver and pycuda, crop kernel, ONNX Runtime's providers, both TensorRTs; whether an
    engine's plans were built for them. What the engine's backend does not need may be absent."""
    wanted = _WANTED_BY[manifest.backend] if manifest else ()
    findings: list[Finding] = []
    gpu: Gpu | None = None

    def tell(subject: str, ask: Callable[[], str]) -> None:
        found = probe(subject, ask, "install it again")
        if not found.ok and subject not in wanted:
            found = Finding(subject, None, f"not needed here: {found.detail}")
        findings.append(found)

    def ask_gpu() -> str:
        nonlocal gpu
        gpu = describe_gpu(import_driver())
        return (
            f"{gpu.name}, compute capability {gpu.compute_capability},"
            f" {gpu.total_bytes / 2**30:.1f} GiB, driver for CUDA {gpu.cuda}, pycuda works"
        )

    tell("gpu", ask_gpu)
    tell("kernel", _kernel)
    tell("providers", _providers)
    for backend in MODULES:
        tell(backend, partial(_tensorrt, backend))
    if manifest and manifest.backend in MODULES:

        def ask_target() -> str:
            built = built_for(manifest.target)
            there = {finding.subject for finding in findings if finding.ok}
            if gpu is None or manifest.backend not in there:
                raise EngineError(f"built for {built}, which cannot be compared with this machine")
            version = str(import_tensorrt(manifest.backend).__version__)
            _CHECKS[manifest.backend](manifest.target, version, gpu, folder)
            return f"the plans were built for this machine: {built}"

        tell("target", ask_target)
    return findings


def _kernel() -> str:
    crop_kernel()
    return "the CUDA crop kernel is built and usable"


def _providers() -> str:
    return f"ONNX Runtime has {', '.join(import_onnxruntime().get_available_providers())}"


def _tensorrt(backend: str) -> str:
    found = titled(import_tensorrt(backend))
    return f"{found}, which builds plans here" if backend == RTX else found
