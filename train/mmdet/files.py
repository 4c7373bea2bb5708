"""Reading weight files of others: nothing in them is ever run."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sdk.errors import CheckpointError, InputError

# mmengine's moving average swaps itself into ``state_dict`` when it saves, so that the averaged
# weights are there and the raw ones under ``ema_state_dict``; the latter alone is rare.
WRAPPERS = ("state_dict", "ema_state_dict")
COUNTER = "steps"  # of the moving average
_SIGNS = {  # how files begin that are no weights
    b"version https://git-lfs": "a pointer of Git LFS ('git lfs pull' fetches what it stands for)",
    b"<": "a web page, perhaps of a download that was refused",
    b"PK": "an archive that is damaged or cut off",
    b"\x80": "a pickle that is damaged or holds more than tensors",
}


class Ignored:
    """Stands in for every class of a training's bookkeeping: takes anything, does nothing."""

    def __new__(cls, *_: Any) -> Ignored:
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None:
        pass


def read_weights(path: Path, wrappers: Sequence[str] = WRAPPERS) -> dict[str, Tensor]:
    """Tensors by name from ``.safetensors`` or a PyTorch file (``.pth``), on the CPU.

    Takes what is under the first of ``wrappers`` that is there (by default mmengine's), and strips
    the ``module.`` of a parallel training. Raises InputError when there is no such file,
    CheckpointError when it cannot be read, would run code, or holds anything but tensors.
    """
    if not path.is_file():
        raise InputError(f"expected a file of weights at {path}, found none")
    if path.suffix == ".safetensors":
        try:
            return _named(path, load_file(path))
        except (SafetensorError, OSError) as error:
            raise _no_weights(path) from error
    return _named(path, _unwrapped(_unpickled(path), wrappers))


def _unpickled(path: Path) -> Any:
    try:
        if not zipfile.is_zipfile(path):  # written before PyTorch 1.6
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about protocols of files that are none
                return torch.load(path, map_location="cpu", weights_only=True)
        strange = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        with torch.serialization.safe_globals([(Ignored, name) for name in strange]):
            return torch.load(path, map_location="cpu", weights_only=True)
    # A damaged file makes the unpickler fail in any of these ways.
    except (
        UnpicklingError,
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        AssertionError,
    ) as error:
        raise _no_weights(path) from error


def _no_weights(path: Path) -> CheckpointError:
    """What the file is, as far as its beginning tells; what readers say of it misleads."""
    with path.open("rb") as file:
        begin = file.read(64).lstrip()
    what = next((what for sign, what in _SIGNS.items() if begin.startswith(sign)), "something else")
    return CheckpointError(
        f"expected weights in {path}, a PyTorch file with tensors only or .safetensors; found"
        f" {what if begin else 'nothing'}"
    )


def _unwrapped(content: Any, wrappers: Sequence[str]) -> Any:
    for name in wrappers:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            return content[name]
    return content


def _named(path: Path, content: Any) -> dict[str, Tensor]:
    if not isinstance(content, dict) or not content:
        raise CheckpointError(f"expected tensors by name in {path}, got {type(content).__name__}")
    strange = [name for name, value in content.items() if not isinstance(value, Tensor)]
    strange += [name for name in content if not isinstance(name, str)]
    if strange:
        raise CheckpointError(
            f"expected nothing but tensors by name in {path}, found {strange[:5]}"
        )
    if all(name.startswith("module.") for name in content if name != COUNTER):
        content = {name.removeprefix("module."): value for name, value in content.items()}
        content.pop(COUNTER, None)
    return content
