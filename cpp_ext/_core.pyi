from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

def crop_resize(
    frame: NDArray[np.uint8],
    windows: NDArray[np.float32] | NDArray[np.float64],
    size: Sequence[int],
    mean: Sequence[float] | NDArray[Any],
    std: Sequence[float] | NDArray[Any],
    color: Literal["bgr", "rgb"] = "bgr",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...
