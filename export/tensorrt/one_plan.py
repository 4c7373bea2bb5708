"""Builds one plan, in a process of its own; ``export.tensorrt.builder`` runs it.

A builder that compiles cannot be interrupted, and it can crash: either ends this process alone. Its
only argument is a JSON object, see ``export.tensorrt.builder.Order``. It prints JSON objects, a
line each: ``{"said": text}`` for what the builder says, and at last ``{"built": facts}``,
``{"error": text}`` or ``{"missing": text}``. When its standard input ends, whoever started it is
gone, and so is this.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from export.tensorrt.layers import MESSAGE
from export.tensorrt.progress import monitor
from sdk.errors import EngineError, MissingRuntimeError
from sdk.runtime.target import AMPERE_PLUS, SAME_GPU
from sdk.runtime.tensorrt import (
    RTX,
    import_tensorrt,
    make_logger,
    open_engine,
    start_runtime,
    titled,
)

RTX_WORKSPACE = 2**30  # bytes for tactics: a constant, for the plan's bytes depend on it
WORKSPACE_SHARE = 0.5  # TensorRT: of the free memory; weights and activations want some too
_KIB_IN_MB = 1024 / 1e6  # the kB of /proc are 1024 bytes

Plan = tuple[bytes, dict[str, Any]]  # and what tells its layers, by ``layers`` or ``inspector``


def main(order: dict[str, Any]) -> int:
    """Builds what is ordered and tells how it went; 0 when there is a plan."""
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    try:
        _tell(built=_build(order))
    except MissingRuntimeError as error:
        _tell(missing=str(error))
        return 1
    except EngineError as error:
        _tell(error=str(error))
        return 1
    return 0


def _build(order: dict[str, Any]) -> dict[str, Any]:
    trt = import_tensorrt(order["backend"])
    layers: list[str] = []

    def listen(severity: str, text: str) -> None:
        if severity != "VERBOSE":
            _tell(said=text)
        elif text.startswith(MESSAGE):
            layers.append(text)

    build = _for_targets if order["backend"] == RTX else _for_this_gpu
    # In a thread of its own, whose memory nobody has used before: TensorRT for RTX 1.7 writes some
    # parts of a plan in the order of their addresses, which would else hang on what the process has
    # done until now, down to the length of its arguments.
    with ThreadPoolExecutor(max_workers=1) as pool:
        plan, told = pool.submit(lambda: build(trt, make_logger(trt, listen), order)).result()
    if order["plan"] is not None:
        Path(order["plan"]).write_bytes(plan)
    return {"version": trt.__version__, "layers": "".join(layers), "peak_mb": _peak_mb(), **told}


def _for_targets(trt: Any, logger: Any, order: dict[str, Any]) -> Plan:
    """TensorRT for RTX: for the GPUs that are named, none of which need be here."""
    builder, network = _parsed(trt, logger, order)
    config = _config(trt, builder, order)
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, RTX_WORKSPACE)
    config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)  # what a CUDA graph can capture
    config.num_compute_capabilities = len(order["targets"])
    for index, name in enumerate(order["targets"]):
        capability = getattr(trt.ComputeCapability, name)
        if not config.set_compute_capability(capability, index):  # it would build for others
            raise EngineError(f"{titled(trt)} does not take the target {name}{_because(logger)}")
    return _serialized(trt, logger, builder, network, config, order), {}


def _for_this_gpu(trt: Any, logger: Any, order: dict[str, Any]) -> Plan:
    """TensorRT: for the GPU that is here, on which it tries what is fastest."""
    from sdk.runtime.cuda import Device

    device = Device()
    try:
        with device.active():
            builder, network = _parsed(trt, logger, order)
            config = _config(trt, builder, order)
            workspace = int(device.free_bytes() * WORKSPACE_SHARE)
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
            if order["refit"]:
                config.set_flag(trt.BuilderFlag.REFIT)
            if order["hardware_compatibility"] != SAME_GPU:
                config.hardware_compatibility_level = _level(trt, order["hardware_compatibility"])
            with _timing_cache(trt, config, _cache_path(trt, device, order["cache_folder"])):
                plan = _serialized(trt, logger, builder, network, config, order)
            runtime = start_runtime(trt, logger)
            engine = open_engine(trt, runtime, logger, plan, "the plan that was just built")
            inspector = engine.create_engine_inspector()
            said = inspector.get_engine_information(trt.LayerInformationFormat.JSON)
            return plan, {"inspector": said}
    finally:
        device.close()


def _parsed(trt: Any, logger: Any, order: dict[str, Any]) -> tuple[Any, Any]:
    """A builder, and the network that was read from the ONNX file."""
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    source = Path(order["source"])
    if not parser.parse(source.read_bytes()):
        errors = [_parser_error(parser.get_error(i)) for i in range(parser.num_errors)]
        raise EngineError(
            f"{titled(trt)} cannot parse {source.name}: {'; '.join(errors)}. piza check {source}"
            " says what to do about a node"
        )
    return builder, network


def _parser_error(error: Any) -> str:
    return f"node {error.node_name()!r} ({error.node_operator()}): {error.desc()}"


def _config(trt: Any, builder: Any, order: dict[str, Any]) -> Any:
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # fp32 is to mean fp32
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # else no layer is described
    config.progress_monitor = monitor(trt, Path(order["source"]).stem)
    return config


def _serialized(
    trt: Any, logger: Any, builder: Any, network: Any, config: Any, order: dict[str, Any]
) -> bytes:
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        memory = config.get_memory_pool_limit(trt.MemoryPoolType.WORKSPACE) / 2**30
        raise EngineError(
            f"{titled(trt)} cannot build {Path(order['source']).name}{_because(logger)}. When"
            f" memory is short, close other programs ({memory:.1f} GiB were offered)"
        )
    return bytes(plan)


def _because(logger: Any) -> str:
    return f": {'; '.join(logger.errors[-3:])}" if logger.errors else ""


def _level(trt: Any, name: str) -> Any:
    try:
        if name == AMPERE_PLUS:
            return trt.HardwareCompatibilityLevel.AMPERE_PLUS
        return trt.HardwareCompatibilityLevel.SAME_COMPUTE_CAPABILITY
    except AttributeError as error:  # the second is younger than TensorRT 10.3
        raise EngineError(
            f"{titled(trt)} has no hardware compatibility {name}: choose another, or a newer"
            " TensorRT"
        ) from error


def _cache_path(trt: Any, device: Any, folder: str | None) -> Path | None:
    """Measurements hold for one TensorRT on one GPU, and so does the file."""
    if folder is None:
        return None
    key = f"tensorrt-{trt.__version__}-{device.gpu.name}-{device.gpu.compute_capability}"
    return Path(folder, re.sub(r"[^A-Za-z0-9.]+", "-", key) + ".timing")


@contextmanager
def _timing_cache(trt: Any, config: Any, path: Path | None) -> Iterator[None]:
    """The build within reads and extends the measurements in ``path``, if there is one."""
    if path is None:
        config.set_flag(trt.BuilderFlag.DISABLE_TIMING_CACHE)
        yield
        return
    stored = path.read_bytes() if path.is_file() else b""
    cache = config.create_timing_cache(stored)
    if cache is None or not config.set_timing_cache(cache, False):  # damaged, or of another GPU
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    yield
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")  # what a killed build left is written over
    partial.write_bytes(bytes(cache.serialize()))
    partial.replace(path)


def _tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def _end_with_standard_input() -> None:
    """Waits, whatever else goes on: builders let other threads run."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


def _peak_mb() -> float | None:
    """A line of /proc/self/status (proc_pid_status(5)); None on systems that have none."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * _KIB_IN_MB for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
