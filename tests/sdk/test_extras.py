"""Which extra brings a package that is not there."""

from __future__ import annotations

import pytest

from sdk.errors import MissingRuntimeError
from sdk.extras import extras_named


@pytest.mark.parametrize(
    ("package", "name", "extra"),
    [
        ("train", "torch", "train"),
        ("export", "torch", "export"),
        ("benchmarks", "torch", "train"),
        (None, "onnx", "export"),
    ],
)
def test_a_package_that_is_not_there(package, name, extra):
    with (
        pytest.raises(
            MissingRuntimeError,
            match=rf"\[{extra}\] extra, which brings {name}: pip install 'piza-edge\[{extra}\]'",
        ),
        extras_named(package),
    ):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libtorch.so is gone", name="torch"),
        ModuleNotFoundError("No module named 'torch._C'", name="torch._C"),
    ],
)
def test_a_package_that_is_damaged(error):
    words = r"brings torch, and that cannot be imported .*--force-reinstall 'piza-edge\[train\]'"
    with pytest.raises(MissingRuntimeError, match=words), extras_named("train"):
        raise error


@pytest.mark.parametrize("name", ["numpy", "sdk.none", None])
def test_what_no_extra_brings_is_left_alone(name):
    with pytest.raises(ImportError, match="as it was"), extras_named("export"):
        raise ImportError("as it was", name=name)
