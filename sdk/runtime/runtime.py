"""What a runtime is: it knows networks, not what they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.errors import EngineError
from sdk.frame import ColorOrder
from sdk.timing import StageTimer

AT_ONCE = 16  # runs of a network between two waits for a GPU: bounds the memory of their values

Array = NDArray[Any]
Value = Any  # a value that stays where networks run, opaque to everybody but its runtime


@dataclass(frozen=True)
class Signature:
    """What a family expects of a network.

    Attributes:
        inputs: name -> shape, None where any will do.
        outputs: names.
    """

    inputs: Mapping[str, tuple[int, ...] | None]
    outputs: tuple[str, ...]

    def check(self, name: str, inputs: Mapping[str, Sequence[Any]], outputs: Sequence[str]) -> None:
        """Holds the network ``name`` with these inputs (and their shapes) and outputs against it.

        Raises:
            EngineError: they differ.
        """
        if set(inputs) != set(self.inputs):
            raise EngineError(
                f"{name}: expected inputs {sorted(self.inputs)}, found {sorted(inputs)}"
            )
        for key, shape in self.inputs.items():
            if shape is not None and tuple(inputs[key]) != shape:
                raise EngineError(
                    f"{name}: the manifest says {key} is {list(shape)}, the network"
                    f" {list(inputs[key])}"
                )
        if not set(self.outputs) <= set(outputs):
            raise EngineError(
                f"{name}: expected outputs {list(self.outputs)}, found {list(outputs)}"
            )


class Runtime(Protocol):
    """The networks of one engine, on whatever they run. One call at a time, from any thread.

    Stages of ``clock`` are ``crop`` and the networks' names. Every method raises EngineError where
    a network fails or memory is short.
    """

    clock: StageTimer

    def upload(self, frame: NDArray[np.uint8], color: ColorOrder = "bgr") -> Value:
        """Makes a frame ``(h, w, 3)``, any strides, ready for ``look``; once a frame."""

    def put(self, values: Mapping[str, Array]) -> dict[str, Value]:
        """Arrays that several runs are fed with, brought to where networks run, once."""

    def look(
        self, network: str, frame: Value, windows_xyxy: NDArray[np.float64]
    ) -> list[dict[str, Value]]:
        """Makes each window, ``(n, 4)`` frame pixels, into the only input of ``network``, as the
        manifest's ``inputs`` say, and runs it.

        Returns:
            The outputs by name, which stay where they are, for each window.
        """

    def see(
        self, network: str, frame: Value, windows_xyxy: NDArray[np.float64]
    ) -> list[dict[str, Array]]:
        """As ``look``, but the outputs come to the host, which waits for all of them together."""

    def run(self, network: str, feeds: Sequence[Mapping[str, Value]]) -> list[dict[str, Value]]:
        """Runs ``network`` on each of ``feeds``: arrays of the host, or outputs of a network.

        Returns:
            The outputs by name, which stay where they are, for each of ``feeds``.
        """

    def fetch(self, network: str, feeds: Sequence[Mapping[str, Value]]) -> list[dict[str, Array]]:
        """As ``run``, but the outputs come to the host, which waits for all of them together."""

    def close(self) -> None:
        """Frees the networks and all memory."""
