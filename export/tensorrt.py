"""ONNX networks -> TensorRT plans: one strongly typed flow for TensorRT 10.3 to 11.4.

Strongly typed: the types of the ONNX graph are the types of the plan, on every version. The flags
that chose precisions on 10.x are gone from 11; nothing here asks for one, and the inspector is
asked afterwards whether the plan has the types of its graph.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from export.plan_types import check_types, count_types, weight_types
from export.stopping import STOPPING
from sdk.errors import EngineError, InputError
from sdk.runtime.cuda import Device
from sdk.runtime.target import AMPERE_PLUS, LEVELS, SAME_GPU, describe_target
from sdk.runtime.tensorrt import import_tensorrt, make_logger, open_engine
from train.progress import Progress

WORKSPACE_SHARE = 0.5  # of the free memory, for tactics; weights and activations want some too


@dataclass(frozen=True)
class PlanOptions:
    """How plans are built.

    ``hardware_compatibility``: the GPUs that they run on, one of ``sdk.runtime.target.LEVELS``;
    wider is slower. ``refit``: weights can be exchanged later. ``timing_cache``: reuse the
    measurements of earlier builds, in ``cache_folder`` (by default the user's cache).
    """

    hardware_compatibility: str = SAME_GPU
    refit: bool = False
    timing_cache: bool = True
    cache_folder: Path | None = None

    def __post_init__(self) -> None:
        if self.hardware_compatibility not in LEVELS:
            raise InputError(
                f"expected hardware compatibility {', '.join(LEVELS)}, got"
                f" {self.hardware_compatibility!r}"
            )


def build_plans(networks: dict[str, Path], folder: Path, options: PlanOptions) -> dict[str, Any]:
    """Builds ``folder/NAME.plan`` of each ONNX file; returns the manifest's ``target``.

    ``target["layers"]`` counts the layers of each plan by the types they touch. Raises
    KeyboardInterrupt on Ctrl-C, once TensorRT has stopped, and EngineError when a network cannot
    be built or its plan has other types than its graph.
    """
    device = Device()
    try:
        trt = import_tensorrt()
        planner = PlanBuilder(trt, device, options)
        layers = {name: planner.build(path, folder) for name, path in networks.items()}
    finally:
        device.close()
    target = describe_target(trt.__version__, device.gpu, options.hardware_compatibility)
    return {**target, "layers": layers}


class PlanBuilder:
    """Builds plans on one GPU, one after the other."""

    def __init__(self, trt: Any, device: Device, options: PlanOptions) -> None:
        self._trt, self._device, self._options = trt, device, options
        self._logger = make_logger(trt)
        self._cache_file = _cache_path(trt.__version__, device, options)

    def build(self, source: Path, folder: Path) -> dict[str, int]:
        """Writes the plan of one ONNX file; returns the number of its layers by type."""
        onnx_bytes = source.read_bytes()
        monitor = _monitor(self._trt, source.stem)

        def work() -> dict[str, int]:
            with self._device.active():
                plan = self._serialize(onnx_bytes, source, monitor)
                layers = self._layer_types(plan, source)
                check_types(layers, weight_types(onnx_bytes), source.name)
                (folder / f"{source.stem}.plan").write_bytes(plan)
                return layers

        try:
            return _interruptible(work, monitor.cancel)
        finally:
            monitor.close()

    def _serialize(self, onnx_bytes: bytes, source: Path, monitor: Any) -> bytes:
        trt, logger = self._trt, self._logger
        builder = trt.Builder(logger)
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = trt.OnnxParser(network, logger)
        if not parser.parse(onnx_bytes):
            errors = [_parser_error(parser.get_error(i)) for i in range(parser.num_errors)]
            raise EngineError(
                f"TensorRT {trt.__version__} cannot parse {source.name}: {'; '.join(errors)}."
                f" piza check {source} says what to do about a node"
            )
        config = builder.create_builder_config()
        workspace = int(self._device.free_bytes() * WORKSPACE_SHARE)
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
        config.clear_flag(trt.BuilderFlag.TF32)  # fp32 is to mean fp32
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # for the inspector
        config.progress_monitor = monitor
        if self._options.refit:
            config.set_flag(trt.BuilderFlag.REFIT)
        if self._options.hardware_compatibility != SAME_GPU:
            config.hardware_compatibility_level = self._level()
        cache = self._load_cache(config)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            said = "; ".join(logger.errors[-3:])
            raise EngineError(
                f"TensorRT {trt.__version__} cannot build {source.name}: {said}. When memory is"
                f" short, close other programs ({workspace / 2**30:.1f} GiB were offered)"
            )
        if cache is not None:
            self._save_cache(cache)
        return bytes(plan)

    def _level(self) -> Any:
        trt = self._trt
        try:
            if self._options.hardware_compatibility == AMPERE_PLUS:
                return trt.HardwareCompatibilityLevel.AMPERE_PLUS
            return trt.HardwareCompatibilityLevel.SAME_COMPUTE_CAPABILITY
        except AttributeError as error:  # the second is younger than TensorRT 10.3
            raise EngineError(
                f"TensorRT {trt.__version__} has no hardware compatibility"
                f" {self._options.hardware_compatibility}: choose another, or a newer TensorRT"
            ) from error

    def _load_cache(self, config: Any) -> Any:
        """The timing cache that the build reads and extends; None when it is not wanted."""
        if self._cache_file is None:
            config.set_flag(self._trt.BuilderFlag.DISABLE_TIMING_CACHE)
            return None
        stored = self._cache_file.read_bytes() if self._cache_file.is_file() else b""
        cache = config.create_timing_cache(stored)
        if cache is None or not config.set_timing_cache(cache, False):  # damaged, or of another GPU
            cache = config.create_timing_cache(b"")
            config.set_timing_cache(cache, False)
        return cache

    def _save_cache(self, cache: Any) -> None:
        if self._cache_file is None:
            return
        self._cache_file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._cache_file.with_name(f"{self._cache_file.name}.{os.getpid()}")
        try:
            partial.write_bytes(bytes(cache.serialize()))
            partial.replace(self._cache_file)
        finally:
            partial.unlink(missing_ok=True)

    def _layer_types(self, plan: bytes, source: Path) -> dict[str, int]:
        trt = self._trt
        _runtime, engine = open_engine(trt, self._logger, plan, f"the plan of {source.name}")
        inspector = engine.create_engine_inspector()
        return count_types(inspector.get_engine_information(trt.LayerInformationFormat.JSON))


def _parser_error(error: Any) -> str:
    return f"node {error.node_name()!r} ({error.node_operator()}): {error.desc()}"


def _cache_path(version: str, device: Device, options: PlanOptions) -> Path | None:
    """Measurements hold for one TensorRT on one GPU, and so does the file."""
    if not options.timing_cache:
        return None
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = options.cache_folder or Path(home) / "piza-edge"
    key = f"tensorrt-{version}-{device.gpu.name}-{device.gpu.compute_capability}"
    return folder / (re.sub(r"[^A-Za-z0-9.]+", "-", key) + ".timing")


def _monitor(trt: Any, title: str) -> Any:
    """Shows how far the build is, and can end it. TensorRT calls it from threads of its own, where
    an exception would end the process."""

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._cancelled = threading.Event()
            self._lock = threading.Lock()
            self._phases: dict[str, _Phase] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            with self._lock, contextlib.suppress(Exception):
                self._phases[phase_name] = _shown(
                    f"{title}: {phase_name}", num_steps, parent_phase is None, len(self._phases)
                )

        def step_complete(self, phase_name: str, step: int) -> bool:
            with self._lock, contextlib.suppress(Exception):
                self._phases[phase_name].step()
            return not self._cancelled.is_set()

        def phase_finish(self, phase_name: str) -> None:
            with self._lock, contextlib.suppress(Exception):
                self._phases.pop(phase_name).end()

        def cancel(self) -> None:
            self._cancelled.set()

        def close(self) -> None:
            for name in list(self._phases):
                self.phase_finish(name)

    return Monitor()


@dataclass(frozen=True)
class _Phase:
    """What is called at each step of a phase, and at its end."""

    step: Callable[[], object]
    end: Callable[[], object]


def _shown(title: str, steps: int, outermost: bool, position: int) -> _Phase:
    """A bar on a terminal; elsewhere lines, of the many inner phases only after a long time."""
    if sys.stderr.isatty():
        bar = tqdm(total=steps, desc=title, leave=outermost, position=position)
        return _Phase(bar.update, bar.close)
    progress = Progress(title, steps)
    if not outermost:
        return _Phase(progress.step, lambda: None)
    shown = contextlib.ExitStack()
    shown.enter_context(progress)
    return _Phase(progress.step, shown.close)


def _interruptible(work: Callable[[], Any], cancel: Callable[[], None]) -> Any:
    """Runs ``work`` in a thread; on Ctrl-C, or another signal that ends the command, ``cancel`` is
    called, ``work`` is waited for, and only then the signal has its effect. The main thread stays
    free to take notice of it."""
    received: list[int] = []

    def handle(number: int, frame: object) -> None:
        received.append(number)
        cancel()

    main = threading.current_thread() is threading.main_thread()  # the only one that gets signals
    own = [each for each in STOPPING if signal.getsignal(each) is not signal.SIG_IGN]  # not nohup's
    taken = {each: signal.getsignal(each) for each in (signal.SIGINT, *own) if main}
    for each in taken:
        signal.signal(each, handle)
    try:
        with ThreadPoolExecutor(max_workers=1) as pool:
            future = pool.submit(work)
            while not future.done():
                wait([future], timeout=0.2)  # a signal may reach another thread first
    finally:
        for each, handler in taken.items():
            signal.signal(each, handler or signal.SIG_DFL)
    if received and received[0] == signal.SIGINT:
        raise KeyboardInterrupt
    if received:
        signal.raise_signal(received[0])
    return future.result()
