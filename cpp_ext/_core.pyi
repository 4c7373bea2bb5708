from collections.abc import Sequence
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

_Out = TypeVar("_Out", NDArray[np.float32], NDArray[np.float16])
_Frame = NDArray[np.uint8] | tuple[NDArray[np.uint8], NDArray[np.uint8]]
_Windows = NDArray[np.float32] | NDArray[np.float64]
_Numbers = Sequence[float] | NDArray[Any]
_Color = Literal["bgr", "rgb", "gray", "nv12"]

@overload
def crop_resize(
    frame: _Frame,
    windows: _Windows,
    size: Sequence[int],
    mean: _Numbers,
    std: _Numbers,
    color: _Color = "bgr",
    out: None = None,
    threads: int = 0,
) -> NDArray[np.float32]: ...
@overload
def crop_resize(
    frame: _Frame,
    windows: _Windows,
    size: Sequence[int],
    mean: _Numbers,
    std: _Numbers,
    color: _Color = "bgr",
    *,
    out: _Out,
    threads: int = 0,
) -> _Out: ...
def eight_bit_instructions() -> str: ...
def instruction_set() -> str: ...
def jpeg_fault(data: bytes) -> str | None: ...
def box_features(history_xywh: NDArray[np.float64]) -> NDArray[np.float32]: ...

CLAIMS: dict[str, Literal["relation", "between", "rank", "place"]]

def weigh_claims(
    claims: Sequence[tuple[str, Sequence[int], bool, int]],
    boxes: NDArray[np.float64],
    scores: NDArray[np.float32],
    meanings: NDArray[np.float32],
    cells: NDArray[np.float64],
    scale: Sequence[float],
    shift: Sequence[float],
    frame_wh: Sequence[float],
) -> NDArray[np.float32] | None: ...

class HistoryNetwork:
    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None: ...
    def encode(self, history_xywh: NDArray[np.float64]) -> NDArray[np.float32]: ...
    def decide(self, history_xywh: NDArray[np.float64]) -> tuple[float, float]: ...
