"""One ONNX network on the CPU: alone with all threads, or several times at once with one each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdk.errors import EngineError, MissingRuntimeError
from sdk.runtime.onnx_fusion import fused, library
from sdk.threads import ThreadChoice

Feeds = Mapping[str, Any]  # input name -> OrtValue
_SMALL = 64e6  # bytes of a file that may be loaded twice for a choice of threads (our choice)
_PROFILES: ContextVar[Path | None] = ContextVar("profiles", default=None)
_FUSED: ContextVar[bool] = ContextVar("fused", default=True)


class OnnxNetwork:
    """A loaded network; the name in its errors is that of its file.

    ``entries`` are for the configuration of its sessions.

    Raises MissingRuntimeError without ONNX Runtime, EngineError for a file that it cannot load.
    """

    def __init__(
        self, path: Path, threads: int, entries: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._path, self._entries = path, entries
        self._session = _load(path, threads, entries)
        small = path.stat().st_size <= _SMALL
        self._choice = ThreadChoice(threads if small else 1, eager=False)

    @property
    def outputs(self) -> list[str]:
        """The names of its outputs."""
        return [value.name for value in self._session.get_outputs()]

    @property
    def inputs(self) -> dict[str, list[Any]]:
        """Its inputs and their shapes."""
        return {value.name: list(value.shape) for value in self._session.get_inputs()}

    def run(self, outputs: list[str], feeds: Feeds) -> list[Any]:
        """The wanted outputs as OrtValues, with all threads or one, as either fared lately."""
        with self._choice.timed() as threads:
            session = self._alone if threads < self._choice.most else self._session
            return self._run(session, outputs, feeds)

    def run_each(self, outputs: list[str], feeds: Sequence[Feeds], pool: Executor) -> list[Any]:
        """The wanted outputs of each of ``feeds``: side by side in the threads of ``pool``.

        One run gains little from a second thread (its many nodes are small), two runs gain all of
        it. They take a copy of the network that keeps to one thread, loaded when first wanted.
        """
        if len(feeds) == 1:
            return [self.run(outputs, feeds[0])]
        alone = self._alone
        try:
            runs = [pool.submit(self._run, alone, outputs, each) for each in feeds]
        except RuntimeError:  # the main thread has ended: from then on no pool takes anything
            return [self.run(outputs, each) for each in feeds]
        return [run.result() for run in runs]

    @cached_property
    def _alone(self) -> Any:
        return _load(self._path, 1, self._entries)

    def _run(self, session: Any, outputs: list[str], feeds: Feeds) -> list[Any]:
        try:
            return list(session.run_with_ort_values(outputs, dict(feeds)))
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            raise EngineError(f"the {self._path.stem} network failed: {error}") from error


def import_onnxruntime() -> Any:
    """The module; raises MissingRuntimeError where it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingRuntimeError(
            "this engine needs ONNX Runtime, which cannot be imported"
            f" ({error}): pip install piza-edge, or pip install onnxruntime; piza doctor tells more"
        ) from error
    return onnxruntime


@contextmanager
def profiled(folder: Path) -> Iterator[None]:
    """Networks that are loaded in the body of a ``with`` statement write down what they run.

    Args:
        folder: where ONNX Runtime's traces go, one a network, when the networks are freed; their
            names begin with the network's.
    """
    token = _PROFILES.set(folder)
    try:
        yield
    finally:
        _PROFILES.reset(token)


@contextmanager
def as_exported() -> Iterator[None]:
    """Networks that are loaded in the body of a ``with`` statement keep the operators that they
    have: none of our own takes their place."""
    token = _FUSED.set(False)
    try:
        yield
    finally:
        _FUSED.reset(token)


def _waiting(version: str) -> dict[str, str]:
    """How a thread waits for the next operator's share.

    Operators here take tens of microseconds, and waking a thread as long: one that spins for ten
    makes a search a sixth faster on two idle cores. Spinning for longer gains little more, and
    costs a third where another program wants the core. What older versions than 1.27 (the option
    came shortly before) call spinning lasts tens of milliseconds: they are to sleep.
    """
    if tuple(int(part) for part in version.split(".")[:2]) < (1, 27):
        return {"allow_spinning": "0"}
    return {"allow_spinning": "1", "spin_duration_us": "10"}


def _load(path: Path, threads: int, entries: Mapping[str, str]) -> Any:
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    for key, value in _waiting(ort.__version__).items():
        options.add_session_config_entry(f"session.intra_op.{key}", value)
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    if profiles := _PROFILES.get():
        options.enable_profiling = True
        options.profile_file_prefix = str(profiles / path.stem)
    try:
        operators = library() if _FUSED.get() else None
        model = None if operators is None else fused(path.read_bytes())
        if model is not None:
            options.register_custom_ops_library(str(operators))
        # That fusion's kernel takes longer than the two operators it stands for: a fifth of the
        # ground network's time on one core, by measurement.
        return ort.InferenceSession(
            str(path) if model is None else model,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],
        )
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        raise EngineError(f"ONNX Runtime cannot load {path}: {error}") from error
