"""Who does the shards: this process, or a pool of Ray's actors. Both run ``Worker``."""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any, Protocol

from sdk.errors import EngineError, InputError, MissingRuntimeError, first_line
from sdk.extras import extras_named
from sdk.fleet.rows import error_row, table
from sdk.fleet.work import Part, Question, Shard
from sdk.fleet.worker import Worker

ATTEMPTS = 2  # at a shard that the actor dies of
_SLICE_S = 0.2  # of a wait: a stop is noticed in between
_OURS: dict[str, Any] = {  # of a Ray of our own; a cluster's client takes no such options
    "address": "local",  # by itself Ray goes where it was last, be it gone
    "include_dashboard": False,
    "log_to_driver": False,
    "logging_level": logging.WARNING,
}


class Pool(Protocol):
    """What does shards."""

    def engine(self) -> tuple[str, float]:
        """As ``Worker.engine``."""

    def parts(self, shards: Iterable[Shard]) -> Iterator[Part]:
        """The parts of all shards that are not done; those of a shard in order."""

    def stop(self) -> None:
        """Ends ``parts`` soon; safe in a signal handler."""

    def close(self) -> None:
        """Frees the engines."""


class LocalPool:
    """One engine, in this process.

    Args:
        question: what is asked.
    """

    def __init__(self, question: Question) -> None:
        self._worker = worker = Worker(question)
        self.engine, self.stop, self.close = worker.engine, worker.stop, worker.close

    def parts(self, shards: Iterable[Shard]) -> Iterator[Part]:
        """Shard after shard."""
        for shard in shards:
            yield from self._worker.parts(shard)


class RayPool:
    """One engine an actor, on this machine or on the cluster that ``$RAY_ADDRESS`` names.

    Each actor asks Ray for as many CPUs as its engine has threads (one, unless told otherwise) and,
    where the engine runs on a GPU, for one of those.

    Args:
        question: what is asked.
        actors: how many.

    Raises:
        InputError: the cluster has not so many CPUs or GPUs.
        MissingRuntimeError: Ray is not installed, or does not start.
    """

    def __init__(self, question: Question, actors: int) -> None:
        with extras_named():
            import ray
        self._ray = ray
        self._question = replace(question, threads=question.threads or 1)
        self._begun = not ray.is_initialized()
        if self._begun:
            try:
                ray.init(**({} if os.environ.get("RAY_ADDRESS") else _OURS))
            except Exception as error:  # whatever it ends with, now and in other versions
                raise MissingRuntimeError(
                    f"Ray did not start: {first_line(error)}; it gives up after 30 s on a machine"
                    " that is busy: start one beforehand (ray start --head), and name it by"
                    " RAY_ADDRESS"
                ) from error
        self._stopped = False
        needs = {"CPU": float(self._question.threads or 1), "GPU": float(_gpus(question))}
        has = ray.cluster_resources()
        for kind, each in needs.items():
            if actors * each > has.get(kind, 0.0):
                self.close()
                raise InputError(
                    f"expected {actors * each:g} {kind}s for {actors} actors, found"
                    f" {has.get(kind, 0.0):g} in Ray's cluster: take fewer --actors or --threads"
                )
        self._remote = ray.remote(num_cpus=needs["CPU"], num_gpus=needs["GPU"])(Worker)
        self._idle = [self._actor() for _ in range(actors)]

    def engine(self) -> tuple[str, float]:
        """What all actors say, once each has opened its own.

        Raises:
            EngineError: they have different ones, or one died of opening it.
        """
        asked = [actor.engine.remote() for actor in self._idle]
        try:
            said = {self._got(each) for each in asked}
        except self._ray.exceptions.RayActorError as error:
            raise EngineError(
                f"an actor died while it opened its engine: {first_line(error)}; Ray's logs tell"
                " more, and fewer --actors take less memory"
            ) from error
        if len(said) > 1:
            names = " and ".join(sorted(name for name, _ in said))
            raise EngineError(
                f"expected the same engine on every node of the cluster, found {names}"
            )
        found: tuple[str, float] = said.pop()
        return found

    def parts(self, shards: Iterable[Shard]) -> Iterator[Part]:
        """Shards side by side; one whose actor dies is tried again in a new one."""
        waiting, deaths = deque(shards), Counter[int]()
        running: dict[Any, tuple[Any, Shard]] = {}  # by the stream of parts
        while (waiting or running) and not self._stopped:
            while waiting and self._idle:
                actor, shard = self._idle.pop(), waiting.popleft()
                stream = actor.parts.options(num_returns="streaming").remote(shard)
                running[stream] = actor, shard
            ready, _ = self._ray.wait(list(running), timeout=_SLICE_S)
            for stream in ready:
                actor, shard = running.pop(stream)
                try:
                    part: Part = self._got(next(stream))
                except StopIteration:
                    self._idle.append(actor)
                except self._ray.exceptions.RayActorError as error:
                    self._idle.append(self._actor())
                    deaths[shard.number] += 1
                    if deaths[shard.number] < ATTEMPTS:
                        waiting.append(shard)
                    else:
                        yield _given_up(shard, error)
                else:
                    running[stream] = actor, replace(shard, done=shard.done | {part.number})
                    yield part

    def stop(self) -> None:
        """Ends ``parts`` within a moment; what the actors are at is lost."""
        self._stopped = True

    def close(self) -> None:
        """Ends the actors, and Ray where this pool started it."""
        if self._begun:
            self._ray.shutdown()

    def _actor(self) -> Any:
        return self._remote.remote(self._question)

    def _got(self, reference: Any) -> Any:
        """What a call gave; an error as the actor raised it."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise (error.cause or error) from None


def _gpus(question: Question) -> int:
    from sdk.engine.folder import default_engine, read_manifest

    backend = read_manifest(question.engine or default_engine()).backend
    return 0 if backend == "onnxruntime" else 1


def _given_up(shard: Shard, error: Exception) -> Part:
    """The end of a shard that actors die of: a row for each of its files."""
    number = next(each for each in count() if each not in shard.done)
    said = f"the process that read it died {ATTEMPTS} times: {first_line(error)}"
    rows = [error_row(file.name, None, None, said) for file in shard.files]
    return Part(shard.number, number, True, len(rows), table(rows))
