"""Is this the machine that the plans were built for? Asked of the manifest, before they are opened.

Plans are programs for one GPU and one TensorRT; TensorRT itself refuses others with a message that
says neither what was expected nor what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdk.errors import EngineError
from sdk.runtime.cuda import Gpu

# How far a plan goes, by TensorRT's HardwareCompatibilityLevel.
SAME_GPU, SAME_CAPABILITY, AMPERE_PLUS = "none", "same_compute_capability", "ampere_plus"
LEVELS = (SAME_GPU, SAME_CAPABILITY, AMPERE_PLUS)


def describe_target(tensorrt: str, gpu: Gpu, level: str) -> dict[str, Any]:
    """What the manifest says of the machine that plans are built on."""
    return {
        "tensorrt": tensorrt,
        "gpu": gpu.name,
        "compute_capability": gpu.compute_capability,
        "hardware_compatibility": level,
        "cuda": gpu.cuda,
    }


def check_target(target: Mapping[str, Any], tensorrt: str, gpu: Gpu, folder: object) -> None:
    """Raises EngineError unless plans built for ``target`` run on ``gpu`` with ``tensorrt``."""
    rebuild = (
        "build it on this machine: piza build-engine CHECKPOINT_OR_PORTABLE_FOLDER"
        f" --backend tensorrt -o {folder}"
    )
    missing = {"tensorrt", "gpu", "compute_capability", "hardware_compatibility"} - set(target)
    if missing:
        raise EngineError(
            f"{folder} does not say which machine it was built for ('target' has no"
            f" {', '.join(sorted(missing))}); {rebuild}"
        )
    if target["tensorrt"] != tensorrt:
        raise EngineError(
            f"{folder} was built with TensorRT {target['tensorrt']}, found TensorRT {tensorrt}, and"
            f" plans run on the version that built them only; {rebuild}"
        )
    level = target["hardware_compatibility"]
    built = f"{target['gpu']} (compute capability {target['compute_capability']})"
    found = f"{gpu.name} (compute capability {gpu.compute_capability})"
    if not _fits(level, target, gpu):
        raise EngineError(
            f"{folder} was built for {built} with hardware compatibility {level!r}, found {found};"
            f" {rebuild}, or once for several GPUs with --hardware-compatibility"
        )
    needed = str(target.get("cuda", "0"))
    if _major(needed) > _major(gpu.cuda):
        raise EngineError(
            f"the driver is too old: {folder} was built with one for CUDA {needed}, found one for"
            f" CUDA {gpu.cuda}; update the driver, or {rebuild}"
        )


def _fits(level: Any, target: Mapping[str, Any], gpu: Gpu) -> bool:
    same_capability = target["compute_capability"] == gpu.compute_capability
    if level == AMPERE_PLUS:
        return _major(gpu.compute_capability) >= 8
    if level == SAME_CAPABILITY:
        return same_capability
    return same_capability and target["gpu"] == gpu.name


def _major(version: str) -> int:
    digits = version.partition(".")[0]
    return int(digits) if digits.isdecimal() else 0
