"""What engine is wanted, and how much it has to prove."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from export.precision.calibration_data import SCENES
from export.precision.plan import EIGHT_BITS
from export.tensorrt.options import PlanOptions
from sdk.errors import InputError
from sdk.runtime.target import SAME_GPU
from sdk.runtime.tensorrt import RTX


@dataclass(frozen=True)
class BuildOptions:
    """An engine that is wanted of a checkpoint or a portable folder.

    Attributes:
        searches: how many searches are compared for the certificate, at least 1.
        precision: fp32, fp16 or int8.
        backend: the runtime, a key of ``sdk.engine.manifest.BACKENDS``.
        plan: the precision plan to use; without one it is searched for.
        scenes: how many rendered scenes precision is searched and calibrated on.
        int8_for: the backend whose eight bits are meant, that of ``backend`` when it is None.
        plans: how TensorRT builds.

    Raises:
        InputError: the options contradict each other, or no search is wanted.
    """

    searches: int
    precision: str = "fp32"
    backend: str = "onnxruntime"
    plan: Path | None = None
    scenes: int = SCENES
    int8_for: str | None = None
    plans: PlanOptions = field(default_factory=PlanOptions)

    def __post_init__(self) -> None:
        check_searches(self.searches)
        if self.precision == "fp32" and self.plan is not None:
            raise InputError("a precision plan is for fp16 or int8: name one with --precision")
        if self.precision != "int8" and self.int8_for is not None:
            raise InputError("--int8-for says how eight bits are made: name --precision int8")
        if self.precision == "int8" and self.backend not in EIGHT_BITS:
            raise InputError(
                f"{self.backend} has no kernels for int8: it would compute in float32, and convert"
                f" to that and back: --precision fp16, or --backend {' or '.join(EIGHT_BITS)}"
            )
        if self.backend.startswith("tensorrt") and self.int8_for not in (None, "tensorrt"):
            raise InputError(
                f"TensorRT does not take the operators of int8 for {self.int8_for}: leave"
                " --int8-for out"
            )
        if self.backend == RTX and (
            self.plans.refit or self.plans.hardware_compatibility != SAME_GPU
        ):
            raise InputError(
                "TensorRT for RTX builds no plans whose weights can be exchanged, and is told"
                " which GPUs they are for by --targets: leave --refit and --hardware-compatibility"
                " out"
            )
        if self.backend != RTX and self.plans.targets is not None:
            raise InputError(
                f"--targets is for --backend {RTX}: {self.backend} builds for the machine that it"
                " is on"
            )


def check_searches(searches: int) -> None:
    """A certificate over nothing would say nothing."""
    if searches < 1:
        raise InputError(f"expected at least one search for the certificate, got {searches}")
