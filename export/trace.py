"""What networks were given and gave in whole searches, so that each can be run again by itself.

A run's inputs are arrays of the host, or outputs of earlier runs: which, is known from the arrays
themselves, since an ``evaluation.host_runtime.HostRuntime`` hands them on as they are. Whoever
exchanges one network for another (in half precision, on another runtime) can therefore feed it
with what it was given, or run everything behind it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.host_runtime import Arrays, RunNetwork


@dataclass(frozen=True)
class Output:
    """An output of an earlier run: the run's place in the trace, and the output's name."""

    run: int
    name: str


@dataclass(frozen=True, eq=False)
class Run:
    """One run of a network: its inputs, arrays or outputs of earlier runs, and what it gave."""

    network: str
    inputs: Mapping[str, NDArray[np.generic] | Output]
    outputs: Arrays


class Recorder:
    """An ``evaluation.host_runtime.RunNetwork`` that keeps every run of another one in ``runs``."""

    def __init__(self, run: RunNetwork) -> None:
        self._run = run
        self.runs: list[Run] = []
        self._made: dict[int, Output] = {}  # by the id of an array, which ``runs`` keeps alive

    def __call__(self, network: str, feeds: Arrays) -> Arrays:
        # Runtimes may use their outputs again for the next run.
        outputs = {name: np.array(value) for name, value in self._run(network, feeds).items()}
        inputs = {name: self._made.get(id(value), value) for name, value in feeds.items()}
        number = len(self.runs)
        self.runs.append(Run(network, inputs, outputs))
        self._made |= {id(value): Output(number, name) for name, value in outputs.items()}
        return outputs


def of_network(runs: Sequence[Run], network: str) -> list[Run]:
    """The runs of one network."""
    return [run for run in runs if run.network == network]


def feeds_of(runs: Sequence[Run], network: str) -> list[Arrays]:
    """What each run of a network was given, as arrays."""
    return [resolved(run, [each.outputs for each in runs]) for run in of_network(runs, network)]


def resolved(run: Run, outputs: Sequence[Arrays]) -> Arrays:
    """The inputs of a run, where earlier runs gave ``outputs`` (by their place in the trace)."""
    return {
        name: outputs[value.run][value.name] if isinstance(value, Output) else value
        for name, value in run.inputs.items()
    }


def upstream(runs: Sequence[Run], network: str) -> tuple[str, ...]:
    """The networks whose outputs a network is fed with."""
    makers = {
        runs[value.run].network
        for run in of_network(runs, network)
        for value in run.inputs.values()
        if isinstance(value, Output)
    }
    return tuple(sorted(makers))


def beginning(runs: Sequence[Run], network: str, count: int) -> list[Run]:
    """The trace up to the run number ``count`` of a network, or as far as there are any."""
    places = list(_places(runs, network))[:count]
    return list(runs[: places[-1] + 1]) if places else []


def _places(runs: Sequence[Run], network: str) -> Iterator[int]:
    return (place for place, run in enumerate(runs) if run.network == network)
