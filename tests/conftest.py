"""Settings that all tests share."""

from __future__ import annotations

import gc
import importlib.util
import os
import random
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

# Two test processes share two cores; a library that starts a thread a core would slow both down.
# Set before numpy, torch or onnxruntime is imported.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

# Deterministic, so that a failure in one place is a failure everywhere; no deadline, since the
# first call of a test may compile or load something, and no judgement of a machine that is slow.
settings.register_profile(
    "project",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    print_blob=True,
)
settings.load_profile("project")


# Whoever starts the tests may have signals ignored (nohup, a job in the background), which the
# programs that tests start would inherit.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: the collector passes over it, and comes less often.
    Otherwise it takes a fifth of the time of an export."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    if "torch" in sys.modules:
        _list_operators_once()


def _list_operators_once() -> None:
    """torch lists all operators that ONNX knows for each export anew, for a third of a second."""
    with suppress(ImportError):  # they are where torch has them at present
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        listed = cache(ONNXRegistry.from_torchlib)

        def from_torchlib(opset_version: int) -> Any:
            registry = listed(opset_version)
            copied = copy(registry)  # exports add operators of their own
            copied.functions = {name: list(each) for name, each in registry.functions.items()}
            return copied

        ONNXRegistry.from_torchlib = staticmethod(from_torchlib)


def pytest_sessionfinish() -> None:
    """Nothing is left to collect at the end, which pytest waits for: xdist sends a process that
    takes five seconds to end a SIGINT, and so into a callback of the collector."""
    gc.freeze()


def _fake(name: str) -> ModuleType:
    """A module of tests/fakes, which hold code to the rules of what they stand for."""
    spec = importlib.util.spec_from_file_location(
        f"fake_{name}", Path(__file__).with_name("fakes") / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A fake GPU where pycuda and the CUDA kernel are looked for; see tests/fakes/cuda.py."""
    gpu = _fake("cuda").FakeCuda()
    gpu.install(monkeypatch)
    yield gpu
    assert gpu.depth == 0, "a context was pushed and not popped"


@pytest.fixture
def fake_tensorrt(fake_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A fake TensorRT on the fake GPU; see tests/fakes/tensorrt.py."""
    fake = _fake("tensorrt").FakeTensorRt(fake_cuda)
    fake.install(monkeypatch)
    return fake


@pytest.fixture
def fake_rtx(fake_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same as TensorRT for RTX, on a GPU of compute capability 8.9."""
    fake_cuda.capability = (8, 9)
    fake = _fake("tensorrt").FakeTensorRt(fake_cuda, "tensorrt_rtx", "1.7.1.116")
    fake.install(monkeypatch)
    return fake


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A hub on the loopback, and its client pointed there; see tests/fakes/hub.py."""
    with _fake("hub").FakeHub().serving(monkeypatch, tmp_path / "hub") as hub:
        yield hub


@pytest.fixture(scope="session")
def free_port() -> Callable[..., int]:
    """``free_port(kind=SOCK_STREAM)``: one of this machine that nobody has, for a program that
    wants its number. Below those that systems hand out: before the program has it, one of these
    could go to any connection of any process."""

    def find(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
        while True:
            port = random.SystemRandom().randrange(10_000, 30_000)
            with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port

    return find


@pytest.fixture
def fake_ray() -> Any:
    """A fake Ray on two CPUs; see tests/fakes/ray.py."""
    return _fake("ray").FakeRay()


@pytest.fixture
def make_two_stage(tmp_path: Path) -> Callable[..., Path]:
    """``make_two_stage(rows, scorers=("words",), proposer=FrameProposer(), **changes)``: an engine
    whose detector finds these rows; see tests/fakes/two_stage.py."""
    return partial(_fake("two_stage").make, tmp_path / "two.engine")


@pytest.fixture
def make_clip_box(tmp_path: Path) -> Callable[..., Path]:
    """``make_clip_box(refiner, said, block={}, **changes)``: an engine whose head says that; see
    tests/fakes/clip_box.py."""
    return partial(_fake("clip_box").make, _fake("two_stage"), tmp_path / "boxes.engine")


@pytest.fixture
def make_refined(tmp_path: Path) -> Callable[..., Path]:
    """``make_refined(correction, said, rows, ...)``: as ``make_two_stage``, with a refiner whose
    network says that."""

    def make(correction: Any, said: object, *args: object, **changes: object) -> Path:
        write = partial(_fake("clip_box").write_head, refiner=correction.refiner, said=said)
        given = {"correction": (correction, write), **changes}
        return _fake("two_stage").make(tmp_path / "two.engine", *args, **given)

    return make


@pytest.fixture
def make_few_shot(tmp_path: Path) -> Callable[..., Path]:
    """``make_few_shot(rows, texts=None, block={}, **changes)``: an engine that finds these rows;
    see tests/fakes/few_shot.py."""
    return partial(_fake("few_shot").make, _fake("two_stage"), tmp_path / "few.engine")


@pytest.fixture(scope="session")
def public_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Any, Any]]:
    """``public_clip(kind)``: a folder in transformers' format, its model and its tokenizer; see
    tests/fakes/public_clip.py."""
    fake = _fake("public_clip")
    return cache(lambda kind: fake.make(tmp_path_factory.mktemp("clips") / kind, kind))


@pytest.fixture(scope="session")
def one_look() -> Callable[..., Any]:
    """``one_look(method, vocabulary_size=64, **changes)``: a very small MDETR or TransVG; see
    tests/fakes/one_look.py."""
    return _fake("one_look").make


@pytest.fixture(scope="session")
def one_look_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``one_look_checkpoint(method)``: a checkpoint folder of such a model, not to be changed."""
    fake = _fake("one_look")
    return cache(lambda method: fake.checkpoint(tmp_path_factory.mktemp("looks") / method, method))


@pytest.fixture(scope="session")
def sorec_folder() -> Path:
    """SOREC's published files; tests that use them skip where they are absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "sorec"
    folder = Path(os.environ.get("PIZA_SOREC", default))
    if not folder.is_dir():
        pytest.skip(f"no SOREC files at {folder}: set PIZA_SOREC")
    return folder
