from collections.abc import Sequence
from typing import Any, Literal, TypeVar

Out = TypeVar("Out")

def crop_resize(
    frame: Any,
    windows: Any,
    size: Sequence[int],
    mean: Sequence[float],
    std: Sequence[float],
    color: Literal["bgr", "rgb", "gray", "nv12"],
    out: Out,
    stream: Any,
) -> Out: ...
def usable() -> bool: ...
