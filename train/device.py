"""The device that a model runs on, chosen before anything slow is imported."""

from __future__ import annotations

import torch

from sdk.errors import InputError


def pick_device(name: str | None) -> torch.device:
    """The device of that name, the best there is for None.

    Raises:
        InputError: it is neither the CPU nor one of the CUDA devices that are there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    try:
        device = torch.device(name or ("cuda" if count else "cpu"))
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise InputError(f"expected a device such as cpu or cuda, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= count:
        found = f"{count} of them" if count else "none"
        raise InputError(f"expected a CUDA device for {name!r}, found {found}")
    return device
