"""Devices by name."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from sdk.errors import InputError
from train.device import pick_device


@pytest.fixture
def with_gpus(monkeypatch: pytest.MonkeyPatch):
    """``with_gpus(count)``"""

    def there_are(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return there_are


def test_the_best_there_is(with_gpus) -> None:
    with_gpus(0)
    assert pick_device(None) == torch.device("cpu")
    with_gpus(2)
    assert pick_device(None) == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda", 1)
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        ("cuda", 0, "expected a CUDA device for 'cuda', found none"),
        ("cuda:2", 2, "for 'cuda:2', found 2 of them"),
        ("toaster", 0, "a device such as cpu or cuda"),
        ("meta", 1, "a device such as cpu or cuda"),
        ("mps", 0, "a device such as cpu or cuda"),
        ("cpu:x", 0, "a device such as cpu or cuda"),
    ],
)
def test_devices_that_are_none(with_gpus, name: str, count: int, message: str) -> None:
    with_gpus(count)
    with pytest.raises(InputError, match=message):
        pick_device(name)


@pytest.mark.parametrize("command", ["piza", "tune lora --annotations a --images b"])
def test_nothing_slow_is_imported_first(command: str) -> None:
    """Whether there is such a device is known before models are."""
    program = (
        "import sys; from train.__main__ import main;"
        f"code = main({[*command.split(), '-o' if 'tune' in command else '--out', 'x']!r}"
        " + ['--device', 'cuda:99']);"
        "print(code, 'transformers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["2", "False"], done.stderr
    assert "expected a CUDA device" in done.stderr
