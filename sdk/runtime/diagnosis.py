"""What this machine has for engines that run on a GPU, and what to do about what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sdk.engine.manifest import Manifest
from sdk.installation import Finding, probe
from sdk.runtime.cuda import Gpu, describe_gpu, import_driver
from sdk.runtime.device import crop_kernel
from sdk.runtime.onnxruntime_cuda import import_onnxruntime
from sdk.runtime.target import check_target
from sdk.runtime.tensorrt import import_tensorrt

_WANTED_BY = {  # backend -> subjects without which it cannot run
    "onnxruntime": (),
    "onnxruntime-cuda": ("gpu", "kernel", "providers"),
    "tensorrt": ("gpu", "kernel", "tensorrt", "target"),
}


def gpu_findings(folder: Path | None, manifest: Manifest | None) -> list[Finding]:
    """GPU with driver and pycuda, crop kernel, ONNX Runtime's providers, TensorRT; and whether an
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
    tell("tensorrt", _tensorrt)
    if manifest and manifest.backend == "tensorrt" and gpu and findings[-1].ok:
        found, version = gpu, _tensorrt_version()

        def ask_target() -> str:
            check_target(manifest.target, version, found, folder)
            return f"the plans were built for this machine: {manifest.target['gpu']}"

        tell("target", ask_target)
    return findings


def _kernel() -> str:
    crop_kernel()
    return "the CUDA crop kernel is built and usable"


def _providers() -> str:
    return f"ONNX Runtime has {', '.join(import_onnxruntime().get_available_providers())}"


def _tensorrt() -> str:
    return f"TensorRT {_tensorrt_version()}"


def _tensorrt_version() -> str:
    return str(import_tensorrt().__version__)
