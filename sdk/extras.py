"""Which extra of the distribution brings a package that a command lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sdk.errors import MissingRuntimeError

EXTRAS = {  # importable package -> the extras that bring it
    "accelerate": ("train",),
    "huggingface_hub": ("train",),
    "matplotlib": ("benchmarks",),
    "mcap": ("mcap",),
    "mcap_ros2": ("mcap",),
    "onnx": ("export",),
    "onnxscript": ("export",),
    "peft": ("train", "export"),
    "PIL": ("train",),
    "pycuda": ("tensorrt",),
    "safetensors": ("train", "export"),
    "scipy": ("train", "export"),
    "supervision": ("supervision",),
    "tensorboard": ("train",),
    "tensorrt": ("tensorrt",),
    "torch": ("train", "export"),
    "transformers": ("train", "export"),
}


@contextmanager
def extras_named(package: str | None = None) -> Iterator[None]:
    """Turns the lack of a third-party package into one line that says what to install.

    Args:
        package: of ours, that needs it; its own extra is preferred where several would do.

    Raises:
        MissingRuntimeError: in place of a ModuleNotFoundError.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        extras = EXTRAS.get(error.name or "")
        if extras is None:  # one of the base installation, or a part of a package
            raise
        extra = package if package in extras else extras[0]
        raise MissingRuntimeError(
            f"this needs the [{extra}] extra, which brings {error.name}:"
            f" pip install 'piza-edge[{extra}]'"
        ) from error
