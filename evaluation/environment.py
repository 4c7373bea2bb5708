"""What a figure was measured on: a latency without its machine says nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from sdk.cores import usable_cores

PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "piza-edge")
_CPUFREQ = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def describe() -> dict[str, Any]:
    """Processor, cores that this process may use, clocks, GPUs, load, versions, as plain values.

    ``clock_mhz``: of the first core, what it runs at now and may run at, and by whose rule, as far
    as the system tells. ``gpu``: a line for each that NVIDIA's driver knows.
    """
    return {
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "clock_mhz": _clock(),
        "gpu": _gpus(),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def header(environment: dict[str, Any]) -> list[str]:
    """``describe()`` as lines for people."""
    versions = ", ".join(f"{name} {number}" for name, number in environment["versions"].items())
    clock = environment.get("clock_mhz", {})  # older figures do not have it
    speed = f"{clock['now']:.0f} MHz, " if "now" in clock else ""
    return [
        f"machine   {environment['cpu']}, {environment['cores']} cores, {speed}"
        f"{environment['system']}, load {environment['load_1min']:.2f}",
        *(f"gpu       {name}" for name in environment.get("gpu", [])),
        f"software  Python {environment['python']}, {versions}",
    ]


def _cpu_name() -> str:
    return _cpuinfo("model name") or platform.processor() or "unknown processor"


def _clock() -> dict[str, Any]:
    """``now``, ``most`` (megahertz), ``governor``; what the system does not tell is not there."""
    now, most = (_line(_CPUFREQ / name) for name in ("scaling_cur_freq", "cpuinfo_max_freq"))
    told = {
        "now": float(now) / 1e3 if now else float(_cpuinfo("cpu MHz") or 0),  # the files: kHz
        "most": float(most or 0) / 1e3,
        "governor": _line(_CPUFREQ / "scaling_governor"),
    }
    return {name: value for name, value in told.items() if value}


def _gpus() -> list[str]:
    """Name, driver, clock and memory of each, as ``nvidia-smi`` prints them."""
    if shutil.which("nvidia-smi") is None:
        return []
    wanted = "name,driver_version,clocks.sm,clocks.max.sm,memory.total"
    command = ["nvidia-smi", f"--query-gpu={wanted}", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


def _cpuinfo(key: str) -> str:
    """The first processor's value in /proc/cpuinfo, empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((x.partition(":")[2].strip() for x in lines if x.startswith(key)), "")


def _line(path: Path) -> str:
    """The only line of a file, empty where it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
