"""Has a plan built by a process of its own, which can be ended at any moment and may crash."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from export.tensorrt.layers import Layer, read_inspector, read_message
from sdk.errors import EngineError, MissingRuntimeError

_LAST_WORDS = 3


class BuilderCrashError(EngineError):
    """The builder ended its process: a fault of TensorRT's."""


@dataclass(frozen=True)
class Order:
    """What ``export.tensorrt.one_plan`` is told: how ``source``, an ONNX file, becomes ``plan``,
    which is not kept where it is None.

    ``targets``: names of ``ComputeCapability``, for TensorRT for RTX; the rest is for TensorRT, see
    ``export.tensorrt.options.PlanOptions``. ``cache_folder`` is None for no timing cache.
    """

    backend: str
    source: str
    plan: str | None
    targets: tuple[str, ...] = ()
    hardware_compatibility: str = ""
    refit: bool = False
    cache_folder: str | None = None


@dataclass(frozen=True)
class Built:
    """A plan is in its file. ``peak_mb``: the most memory (10^6 bytes) that its builder's process
    had, None where the system does not tell."""

    version: str
    layers: tuple[Layer, ...]
    peak_mb: float | None


def build_plan(order: Order) -> Built:
    """Builds a plan.

    Raises:
        MissingRuntimeError: TensorRT is not installed.
        EngineError: it cannot be built; BuilderCrashError when its builder crashed. Whatever else
            ends this (KeyboardInterrupt) ends the builder at once.
    """
    # A session of its own: Ctrl-C reaches this process alone, which then ends that one.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "export.tensorrt.one_plan", json.dumps(asdict(order))],
        stdin=subprocess.PIPE,  # it ends when this process does, however that is
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    said: list[str] = []
    last: dict[str, Any] = {}
    try:
        assert process.stdout is not None
        for line in process.stdout:
            last = _message(line)
            said += [last["said"]] if "said" in last else []
        process.wait()
    finally:
        process.kill()
        with process:  # closes the pipes and waits
            pass
    if "missing" in last:
        raise MissingRuntimeError(last["missing"])
    if "error" in last:
        raise EngineError(last["error"])
    if process.returncode or "built" not in last:
        raise BuilderCrashError(_crash(Path(order.source).name, process.returncode, said))
    facts = last["built"]
    if "inspector" in facts:
        layers = read_inspector(facts["inspector"])
    else:
        layers = read_message(facts["layers"])
    return Built(facts["version"], tuple(layers), facts["peak_mb"])


def _message(line: str) -> dict[str, Any]:
    """What a line of the process tells; others write there too, CUDA's libraries for one."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"said": line.strip()}


def _crash(name: str, code: int, said: list[str]) -> str:
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    words = " ".join(said[-_LAST_WORDS:]) or "none"
    return (
        f"TensorRT's builder crashed on {name} ({how}); its last words: {words!r}. piza check names"
        " what is known to crash it"
    )
