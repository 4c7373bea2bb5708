"""What a family has to say about its networks when they are lowered, compared and certified."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluation.host_runtime import Arrays
from export.certificate.criteria import Criteria
from export.certificate.differences import largest, relative
from export.precision.target import TARGETS, Target
from sdk.engine.manifest import Manifest, Network


def as_given(feeds: Arrays, done: float) -> Arrays:
    """The inputs as they are."""
    return feeds


def alike(manifest: Manifest, ours: Arrays, theirs: Arrays) -> float:
    """How much alike two runs are, 1 for equal outputs, by the worst relative difference."""
    return max(1.0 - max(relative(ours, theirs).values()), 0.0)


def nothing(manifest: Manifest, network: str) -> Sequence[Arrays]:
    """Nothing is given to a network that no question needs."""
    return ()


def made_up(network: Network, pad_id: int) -> Arrays:
    """Noise for a network that no question needed; ``pad_id`` where it takes tokens."""
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(0, 1, info.shape or ()).astype(np.float32)
        if info.type == "float32"
        else np.full(tuple(info.shape or ()), pad_id, info.type)
        for name, info in network.inputs.items()
    }


@dataclass(frozen=True)
class ExportFamily:
    """``export.families.NAME`` has one as ``FAMILY``.

    Attributes:
        criteria: what an engine must fulfil to be proven, by its precision.
        differences: largest absolute difference of outputs by name, ours first. A family whose
            outputs may come in any order knows better than to compare them one by one.
        varied: what a network is given when it is compared: the inputs of a run in a search, and
            how far the comparison is, 0..1. For inputs that searches hardly vary.
        overlap: how near an answer of an engine's last network is to another one, 1 for the same:
            what the search for a precision plan goes by.
        targets: what that has to come to, by precision.
        unasked: what a network is given when it is compared, that the questions asked did not
            need: nothing, which is an error, unless a network may stand idle.
    """

    criteria: Mapping[str, Criteria]
    differences: Callable[[Arrays, Arrays], dict[str, float]] = largest
    varied: Callable[[Arrays, float], Arrays] = as_given
    overlap: Callable[[Manifest, Arrays, Arrays], float] = alike
    targets: Mapping[str, Target] = field(default_factory=lambda: TARGETS)
    unasked: Callable[[Manifest, str], Sequence[Arrays]] = nothing
