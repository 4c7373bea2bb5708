"""Is this the machine that the plans were built for? Asked of the manifest, before they are opened.

Plans are programs for one GPU and one TensorRT; TensorRT itself refuses others with a message that
says neither what was expected nor what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def describe_rtx_target(version: str, capabilities: Sequence[str]) -> dict[str, Any]:
    """What the manifest says of the machines that plans of TensorRT for RTX are built for.

    Args:
        version: of TensorRT for RTX.
        capabilities: of their GPUs, such as ``"8.9"``.
    """
    return {"tensorrt_rtx": version, "compute_capabilities": list(capabilities)}


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


def check_rtx_target(target: Mapping[str, Any], version: str, gpu: Gpu, folder: object) -> None:
    """Whether plans of TensorRT for RTX run here.

    Args:
        target: what the manifest says of them.
        version: of the TensorRT for RTX that is here.
        gpu: the one that is here.
        folder: the engine, for messages.

    Raises:
        EngineError: they do not; the message says for what they were built.
    """
    rebuild = (
        "build it again, on any machine: piza build-engine CHECKPOINT_OR_PORTABLE_FOLDER"
        f" --backend tensorrt-rtx -o {folder}"
    )
    capabilities = target.get("compute_capabilities")
    if "tensorrt_rtx" not in target or not isinstance(capabilities, list):
        raise EngineError(
            f"{folder} does not say which machines it was built for ('target' has no"
            f" 'tensorrt_rtx', or no list of 'compute_capabilities'); {rebuild}"
        )
    if target["tensorrt_rtx"] != version:
        raise EngineError(
            f"{folder} was built for {built_for(target)}, found TensorRT for RTX {version}, and"
            f" plans run on the version that built them only; {rebuild}"
        )
    if gpu.compute_capability not in capabilities:
        raise EngineError(
            f"{folder} was built for {built_for(target)}, found {gpu.name} (compute capability"
            f" {gpu.compute_capability}): if TensorRT for RTX knows it, {rebuild}; else this GPU"
            " takes --backend tensorrt"
        )


def built_for(target: Mapping[str, Any]) -> str:
    """What plans were built for, in words; "nothing that they name" where a manifest is silent."""
    if "tensorrt_rtx" in target:
        capabilities = target.get("compute_capabilities") or ("none",)
        return (
            f"TensorRT for RTX {target['tensorrt_rtx']} on GPUs of compute capability"
            f" {', '.join(map(str, capabilities))}"
        )
    if "tensorrt" in target:
        return (
            f"TensorRT {target['tensorrt']} on {target.get('gpu', 'a GPU that it does not name')}"
        )
    return "nothing that they name"


def target_lines(target: Mapping[str, Any]) -> list[str]:
    """What a manifest says of plans, a line each; [] where there are none."""
    if not target:
        return []
    lines = [f"built for {built_for(target)}"]
    for key in ("hardware_compatibility", "cuda"):
        if key in target:
            lines.append(f"          {key.replace('_', ' ')} {target[key]}")
    for key, title in (("products", "products"), ("weights", "weights")):
        counts = target.get(key)
        if isinstance(counts, dict):
            said = ", ".join(f"{count} {kind}" for kind, count in counts.items())
            lines.append(f"{title:9} {said}")
    plans = target.get("plans")
    for name, digest in plans.items() if isinstance(plans, dict) else ():
        lines.append(f"plan      {name} {digest}")
    return lines


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
