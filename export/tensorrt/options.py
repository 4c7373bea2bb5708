"""How plans are built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from export.tensorrt.targets import check_known
from sdk.errors import InputError
from sdk.runtime.target import LEVELS, SAME_GPU


@dataclass(frozen=True)
class PlanOptions:
    """How plans are built.

    Attributes:
        hardware_compatibility: TensorRT: the GPUs that plans run on, one of
            ``sdk.runtime.target.LEVELS``; wider is slower.
        refit: TensorRT: weights can be exchanged later.
        timing_cache: TensorRT: reuse the measurements of earlier builds.
        cache_folder: where these lie, by default in the user's cache.
        targets: TensorRT for RTX: compute capabilities such as ``"8.9"``; by default all that
            the networks allow.

    Raises:
        InputError: an unknown level, or an unknown target.
    """

    hardware_compatibility: str = SAME_GPU
    refit: bool = False
    timing_cache: bool = True
    cache_folder: Path | None = None
    targets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.hardware_compatibility not in LEVELS:
            raise InputError(
                f"expected hardware compatibility {', '.join(LEVELS)}, got"
                f" {self.hardware_compatibility!r}"
            )
        if self.targets is not None:
            check_known(self.targets)
