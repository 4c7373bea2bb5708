"""A stand-in for Ray in this process: actors, streams of results, errors as Ray hands them on.

Everything that would travel between processes is pickled. An actor whose method raises ``Death``
is dead for good, as one is whose process ended.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any


class Death(BaseException):
    """What ends an actor's process."""


class RayError(Exception):
    """Base of Ray's errors."""


class RayActorError(RayError):
    """The actor is dead."""


class RayTaskError(RayError):
    """The method raised ``cause``."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"a long traceback, {cause}")
        self.cause = cause


def _sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


class _Reference:
    """A result, or the error that getting it raises."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._error: RayError | None = None
        try:
            self._value = _sent(make())
        except Death:
            self._error = RayActorError("The actor died unexpectedly.\nIts node said nothing.")
        except StopIteration:
            raise
        except Exception as error:
            self._error = RayTaskError(_sent(error))

    def get(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class _Stream:
    """References to what a generator gives; after an error no more."""

    def __init__(self, generator: Iterator[Any]) -> None:
        self._generator = generator

    def __iter__(self) -> _Stream:
        return self

    def __next__(self) -> _Reference:
        return _Reference(lambda: next(self._generator))


class _Method:
    def __init__(self, bound: Callable[..., Any], streaming: bool = False) -> None:
        self._bound, self._streaming = bound, streaming

    def options(self, num_returns: str) -> _Method:
        assert num_returns == "streaming"
        return _Method(self._bound, True)

    def remote(self, *given: Any) -> Any:
        sent = _sent(given)
        return (
            _Stream(self._bound(*sent))
            if self._streaming
            else _Reference(lambda: self._bound(*sent))
        )


class _Actor:
    def __init__(self, made: Any) -> None:
        self._made = made

    def __getattr__(self, name: str) -> _Method:
        return _Method(getattr(self._made, name))


class FakeRay(ModuleType):
    """``import ray``, on a cluster of so many CPUs and GPUs; ``actors`` counts those made,
    ``options`` are what it was started with."""

    def __init__(self, cpus: float = 2.0, gpus: float = 0.0) -> None:
        super().__init__("ray")
        self.exceptions = SimpleNamespace(RayActorError=RayActorError, RayTaskError=RayTaskError)
        self.Death, self.running, self.actors = Death, False, 0
        self._resources = {"CPU": cpus, **({"GPU": gpus} if gpus else {})}

    def is_initialized(self) -> bool:
        return self.running

    def init(self, **options: Any) -> None:
        assert not self.running
        self.running, self.options = True, options

    def shutdown(self) -> None:
        self.running = False

    def cluster_resources(self) -> dict[str, float]:
        return dict(self._resources)

    def remote(self, *, num_cpus: float, num_gpus: float) -> Callable[[type], Any]:
        def make(kind: type, *given: Any) -> _Actor:
            self.actors += 1
            return _Actor(kind(*_sent(given)))

        return lambda kind: SimpleNamespace(remote=lambda *given: make(kind, *given))

    def wait(
        self, streams: list[_Stream], *, timeout: float
    ) -> tuple[list[_Stream], list[_Stream]]:
        """Each in turn has something."""
        return streams[-1:], streams[:-1]

    def get(self, reference: _Reference) -> Any:
        return reference.get()
