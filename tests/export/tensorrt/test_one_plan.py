"""What a builder that measures on a GPU is asked: over a FAKE (tests/fakes/tensorrt.py), in this
process. What needs no GPU is in test_plans.py, with the real builder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.build import build
from export.options import BuildOptions
from export.references.portable import PortableReference
from export.tensorrt.options import PlanOptions
from export.tensorrt.plans import build_plans
from export.tensorrt.products import UNKNOWN
from sdk import Grounder
from sdk.errors import EngineError
from sdk.runtime.target import AMPERE_PLUS, SAME_CAPABILITY

NETWORKS = ("text", "image", "ground")


@pytest.fixture
def trt(fake_tensorrt: Any, builds_here: Callable[..., dict[str, Any]]) -> Any:
    """The fake, which builds in this process."""
    return fake_tensorrt


def plans(
    built: Path, folder: Path, networks: tuple[str, ...] = NETWORKS, **options: Any
) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    sources = {name: built / f"{name}.onnx" for name in networks}
    return build_plans("tensorrt", sources, folder, PlanOptions(**options))


def test_from_a_portable_folder_to_answers(trt, fake_cuda, built, engine, tmp_path) -> None:
    """The whole way, without PyTorch: build, compare, open, locate, free."""
    folder = tmp_path / "least.trt"
    manifest = build(PortableReference(engine), folder, BuildOptions(2, backend="tensorrt"))
    assert manifest.proven
    assert "backend" not in manifest.certificate  # it is of the plans themselves
    assert {path.name for path in folder.iterdir()} == {*manifest.files, "engine.json"}
    assert {each.file for each in manifest.networks.values()} == {f"{n}.plan" for n in NETWORKS}
    target = dict(manifest.target)
    assert set(target.pop("plans")) == set(NETWORKS)
    assert set(target.pop("products")) == {"fp32"}
    assert target.pop("weights") == {}
    assert target == {
        "tensorrt": "11.4.0.106",
        "gpu": "Fake GPU",
        "compute_capability": "9.0",
        "hardware_compatibility": "none",
        "cuda": "13.0",
    }
    assert "on the CPU with least@" in manifest.certificate["reference"]
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    with Grounder(folder) as ours, Grounder(engine) as theirs:
        a, b = ours.locate(frame, "the red car"), theirs.locate(frame, "the red car")
    np.testing.assert_allclose(a.xyxy, b.xyxy, atol=2e-2)  # frame pixels
    assert not fake_cuda.live
    assert not fake_cuda.pinned


def test_what_is_asked_of_the_builder(trt, built, tmp_path) -> None:
    plans(built, tmp_path / "plain")
    config, module = trt.configs[-1], trt.module
    assert config.flags == set()  # TF32 is TensorRT's default, and no fp32
    assert config.limits == {module.MemoryPoolType.WORKSPACE: trt.gpu.total // 4}  # half is free
    assert config.profiling_verbosity == module.ProfilingVerbosity.DETAILED
    assert not hasattr(config, "hardware_compatibility_level")
    wide = {"hardware_compatibility": AMPERE_PLUS, "refit": True, "timing_cache": False}
    target = plans(built, tmp_path / "wide", **wide)
    config = trt.configs[-1]
    assert config.flags == {module.BuilderFlag.REFIT, module.BuilderFlag.DISABLE_TIMING_CACHE}
    level = module.HardwareCompatibilityLevel
    assert config.hardware_compatibility_level == level.AMPERE_PLUS
    assert target["hardware_compatibility"] == "ampere_plus"
    plans(built, tmp_path / "same", hardware_compatibility=SAME_CAPABILITY)
    assert trt.configs[-1].hardware_compatibility_level == level.SAME_COMPUTE_CAPABILITY
    del module.HardwareCompatibilityLevel  # TensorRT 10.3 does not know all of them
    with pytest.raises(EngineError, match="has no hardware compatibility same_compute_capability"):
        plans(built, tmp_path / "old", hardware_compatibility=SAME_CAPABILITY)
    assert not trt.gpu.live


def test_the_timing_cache_is_kept_and_keyed(trt, built, tmp_path) -> None:
    plans(built, tmp_path / "a")
    files = list((tmp_path / "cache" / "piza-edge").iterdir())
    assert [file.name for file in files] == ["tensorrt-11.4.0.106-Fake-GPU-9.0.timing"]
    assert trt.caches[0] == b""
    assert all(stored == files[0].read_bytes() for stored in trt.caches[1:])  # of the next ones
    trt.module.__version__ = "10.3.0"
    plans(built, tmp_path / "b")
    trt.gpu.name, trt.gpu.capability = "Another", (8, 7)
    plans(built, tmp_path / "c")
    assert len(list((tmp_path / "cache" / "piza-edge").iterdir())) == 3
    assert trt.caches[3] == trt.caches[6] == b""


@pytest.mark.parametrize("how", ["damaged", "refused"])
def test_a_timing_cache_that_does_not_fit_is_begun_anew(trt, built, tmp_path, how: str) -> None:
    plans(built, tmp_path / "a")
    (cache,) = (tmp_path / "cache" / "piza-edge").iterdir()
    if how == "damaged":
        cache.write_bytes(b"rubbish")
    trt.refuses_cache = how == "refused"
    trt.caches.clear()
    plans(built, tmp_path / "b")
    assert trt.caches[0] == b""
    assert cache.read_bytes().startswith(b"a fake timing cache")


def test_what_the_inspector_says_is_held_against_the_graph(
    trt, builds_here, built, tmp_path
) -> None:
    """Layers that hide some products leave these unknown; none at all is no evidence."""

    def hiding(operator: str) -> Callable[[Any], dict[str, Any]]:
        return lambda each: (
            builds_here(each) | ({"Metadata": ""} if each.operator == operator else {})
        )

    trt.described = hiding("Conv")
    with pytest.raises(EngineError, match=r"image\.onnx: no layer of the plan names"):
        plans(built, tmp_path / "a")  # there are no other products in this network
    trt.described = hiding("Gemm")
    products = plans(built, tmp_path / "b", networks=("ground",))["products"]
    assert products["fp32"] > 0
    assert products[UNKNOWN] > 0
    trt.described = lambda each: builds_here(each, "Half")
    with pytest.raises(EngineError, match="expected fp32, its layers read fp16"):
        plans(built, tmp_path / "c")
    assert not any((tmp_path / "c").iterdir())
