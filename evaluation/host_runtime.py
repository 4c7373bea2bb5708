"""Networks that any function runs on arrays of the host, as a ``Runtime``: PyTorch, or a twin.

What answers over it is the vehicle's own code, so that a checkpoint in training, a certificate's
reference and an engine differ in their networks alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import Manifest
from sdk.frame import ColorOrder
from sdk.preprocess import network_input
from sdk.timing import StageTimer

Arrays = Mapping[str, NDArray[Any]]
RunNetwork = Callable[[str, Arrays], Arrays]  # name, inputs -> outputs


@dataclass(frozen=True)
class _Upload:
    frame: NDArray[np.uint8]
    color: ColorOrder


class HostRuntime:
    """An ``sdk.runtime.Runtime``; values are arrays, handed on as they are.

    Args:
        manifest: names the networks, and how windows become inputs.
        run: runs one of them.
    """

    def __init__(self, manifest: Manifest, run: RunNetwork) -> None:
        self.clock = StageTimer(manifest.networks)
        self._manifest, self._run = manifest, run

    def upload(self, frame: NDArray[np.uint8], color: ColorOrder = "bgr") -> _Upload:
        """Takes a reference."""
        return _Upload(frame, color)

    def put(self, values: Arrays) -> dict[str, NDArray[Any]]:
        """The arrays themselves."""
        return dict(values)

    def look(
        self, network: str, frame: _Upload, windows_xyxy: NDArray[np.float64]
    ) -> list[dict[str, NDArray[Any]]]:
        """See ``sdk.runtime.Runtime.look``."""
        (name,) = self._manifest.networks[network].inputs
        image = self._manifest.inputs[name]
        found = []
        for window in windows_xyxy:
            with self.clock.stage("crop"):
                pixels = network_input(
                    frame.frame, window, image.hw, image.mean, image.std, frame.color
                )
            found += self.run(network, [{name: pixels}])
        return found

    def run(self, network: str, feeds: Sequence[Arrays]) -> list[dict[str, NDArray[Any]]]:
        """See ``sdk.runtime.Runtime.run``."""
        with self.clock.stage(network, len(feeds)):
            return [dict(self._run(network, feed)) for feed in feeds]

    see, fetch = look, run  # everything is on the host already

    def close(self) -> None:
        """There is nothing to free."""
