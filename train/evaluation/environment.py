"""What a figure was measured on: a latency without its machine says nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "piza-edge")


def describe() -> dict[str, Any]:
    """Processor, cores that this process may use, load, and versions, as plain values."""
    return {
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def usable_cores() -> int:
    """Number of cores that the process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def header(environment: dict[str, Any]) -> list[str]:
    """``describe()`` as lines for people."""
    versions = ", ".join(f"{name} {number}" for name, number in environment["versions"].items())
    return [
        f"machine   {environment['cpu']}, {environment['cores']} cores, "
        f"{environment['system']}, load {environment['load_1min']:.2f}",
        f"software  Python {environment['python']}, {versions}",
    ]


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
