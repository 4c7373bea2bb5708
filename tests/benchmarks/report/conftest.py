"""Made-up figures of every benchmark, as their commands write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.asking import Run
from benchmarks.coldstart import ColdStart
from benchmarks.coldstart import summarise as summarise_starts
from benchmarks.commands.latency import summarise
from benchmarks.fewshot.table import METHODS
from benchmarks.report.parts import benchmarks
from benchmarks.report.section import Picture

ROOT = Path(__file__).resolve().parents[3]

MACHINE = {
    "cpu": "Fast CPU",
    "cores": 8,
    "clock_mhz": {"now": 2500.0, "most": 3000.0, "governor": "performance"},
    "gpu": [],
    "load_1min": 0.1,
    "system": "Linux x86_64",
    "python": "3.11.7",
    "versions": {"numpy": "2.4"},
}
COMMON = {"engine": "tiny@abc, onnxruntime fp32", "environment": MACHINE}

STAGES = ("crop", "text", "image", "ground", "host")


def latency(count: int = 60, deadline_ms: float | None = 50.0) -> dict[str, Any]:
    walls = np.random.default_rng(1).lognormal(3.7, 0.2, count)
    runs = [
        Run(w, dict.fromkeys(STAGES, w / 5), 2, 8.0, 0.01, 0.05 * k, f"q{k}")
        for k, w in enumerate(walls.tolist())
    ]
    start = ColdStart(100.0, 200.0, 90.0, 450.0, 150.0, 170.0, 330.0, torch=False)
    return {
        "benchmark": "latency",
        **summarise(runs, deadline_ms),
        "warmup": 5,
        "frame_wh": [1920, 1080],
        "cold_start": summarise_starts([start]),
        "engine_files": {"image.onnx": "0123456789abcdef"},
        **COMMON,
    }


def accuracy() -> dict[str, Any]:
    group = {"n": 10, "acc50": 0.8, "acc75": 0.7, "macc": 0.6, "first_window": 0.9, "found": 0.5}
    group["steps"] = 2.0
    names = ("zoom", "attribute", "relation", "shuffled")
    return {**dict.fromkeys(names, group), "absent": {"n": 10, "found": 0.034}, **COMMON}


def peers() -> dict[str, Any]:
    rows = [
        ("zoom", "ours", 40.0, 50.0, 1.0, 0.7),
        ("loop", "published", 240.0, 300.0, 6.0, 0.7),
        ("eager", "pytorch", 60.0, 80.0, 1.5, 0.7),
        ("compiled <fast>", "pytorch", 100.0, 120.0, 2.5, None),
        ("2x2", "slicing", 120.0, 150.0, 3.0, 0.4),
        ("960x544", "resolution", 50.0, 60.0, 1.25, 0.3),
    ]
    keys = ("name", "group", "p50_ms", "p99_ms", "ratio", "macc")
    made = [dict(zip(keys, row, strict=True)) for row in rows]
    others = {
        "macc_se": 0.02,
        "macc_ours": 0.7,
        "mpx": 0.5,
        "weights": "full@abc",
        "note": "",
        "same_box": 1.0,
    }
    goal = ("what", "wanted", "found", "holds")
    goals = [
        ("faster than loop", "at least 5x", "6.00x", True),
        ("of a search outside the networks", "below 5 %", "9.0 %", False),
    ]
    return {
        "rows": [{**row, "acc50": row["macc"], **others} for row in made],
        "goals": [dict(zip(goal, each, strict=True)) for each in goals],
        "text_cache": {"saved_ms": 0.8, "text_ms": 0.7, "saved_share": 0.02},
        "absent": {"transformers pipeline": "not installed"},
        **COMMON,
    }


def engines() -> dict[str, Any]:
    times = dict.fromkeys(("p50_ms", "p90_ms", "p99_ms", "mean_ms", "min_ms", "max_ms"), 40.0)
    row = {"name": "tiny fp32", "engine": "abc, onnxruntime", **times}
    row |= {"proven": True, "megabytes": 9.7, "n": 20, "ratio": 1.0, "steps": 2.0}
    row |= {
        "networks_ms": {"text": 0.6, "image": 6.0, "ground": 8.0},
        "load_to_answer_ms": 290.0,
        "peak_mb": 157.0,
    }
    other = row | {"name": "large fp32", "proven": False, "ratio": 90.0, "peak_mb": None}
    return {"rows": [row, other], "environment": MACHINE}


def scaling() -> dict[str, Any]:
    shape = {"p10_ms": 9.0, "p50_ms": 10.0, "p90_ms": 12.0, "relative": 1.0, "steps": 2.0}
    rows = [
        {"axis": axis, "at": at, "label": f"{at}", **shape}
        for axis in ("refs", "frame", "threads", "batch", "steps")
        for at in (1, 2, 4)
    ]
    return {"benchmark": "scaling", "rows": rows, **COMMON}


def refs() -> dict[str, Any]:
    row = {"refs": 2, "separate_ms": 80.0, "together_ms": 60.0, "ratio": 0.75, "same": 1.0}
    row["image_runs"] = 3.0
    return {"rows": [row], **COMMON}


def deadline() -> dict[str, Any]:
    shares = dict.fromkeys(("kept", "complete", "acc50", "place"), 0.5)
    rows = [
        {"fraction": f, "deadline_ms": 40 * f, "p50_ms": 9.0, "p99_ms": 11.0, **shares}
        for f in (0.6, 1.0)
    ]
    return {"rows": rows, "normal_ms": 40.0, "load": 0, **COMMON}


def calibration() -> dict[str, Any]:
    count = {"n": 4, "share": 0.5, "low": 0.1, "high": 0.9}
    flags = ("right", "found", "absent")
    rows = [
        {"score": 0.2 * k, "last_score": 0.1 * k, **dict.fromkeys(flags, k > 2), "rival": False}
        for k in range(5)
    ]
    rows = [{**row, "absent": not row["right"]} for row in rows]
    bins = [{"from_score": 0.0, "to_score": 1.0, "n": 5, "score": 0.4, "right": 0.4}]
    found = dict.fromkeys(("all", "right", "absent", "wrong_among_found"), count)
    figures = {"n": 5, "absent": 3, "ece": 0.05, "brier": 0.2, "auc": 0.9, "threshold": 0.7}
    return {**figures, "bins": bins, "found": found, "rows": rows, **COMMON}


def video() -> dict[str, Any]:
    mode = {
        "acc50": 0.8,
        "found": 0.5,
        "false_answers": None,
        "right": 0.9,
        "steps": 2.0,
        "p50_ms": 40.0,
    }
    return {
        "by_kind": {key: {"frames": 8, "cold": mode, "warm": mode} for key in ("drive", "all")},
        "stills": {
            "questions": 4,
            "pictures": 40,
            "found_cold": 20,
            "found_warm": 20,
            "changing": 0,
        },
        **COMMON,
    }


def proposals() -> dict[str, Any]:
    shares = {"n": 9, "target": 0.9, "objects": 0.8, "sure": 0.8, "acc50": 0.7}
    rows = [
        {"where": where, "looks": looks, "p50_ms": 30.0 * looks, "faster": 16 / looks, **shares}
        for where, looks in (("frame", 1.0), ("tiles", 16.0), ("zoom", 6.5))
    ]
    return {"rows": rows, "scenes": 9, "seed": 1, **COMMON}


def zoo() -> dict[str, Any]:
    shares = ("iou", "iou_se", "acc50", "acc50_se", "category", "cosine", "proposed")
    rows = [
        {"family": "two-stage", "pipeline": pipeline, "variant": variant, "n": 9}
        | {**dict.fromkeys(shares, 0.5), "p50_ms": 20.0}
        for pipeline in ("true boxes", "YoloClip")
        for variant in ("tight", "words x clip")
    ]
    return {"rows": rows, "budget": {"minutes": 1.0}, "environment": MACHINE}


def fewshot() -> dict[str, Any]:
    rows = [
        {"k": 10, "seed": seed, "method": method}
        | dict.fromkeys(("novel_ap", "novel_ap50", "base_ap"), value)
        for seed in range(2)
        for method, value in zip(METHODS, (0.1, 0.2, 0.2, 0.3), strict=True)
    ]
    known = {"novel": ["bus"], "base": {"base_ap": 0.5}, "clip": {"n": 9, "right": 0.5}}
    known |= {"agreement": {"frames": 9, "same": 1.0, "objects": 20}}
    return {"rows": rows, **known, "environment": MACHINE}


def kernel() -> dict[str, Any]:
    times = dict.fromkeys(("ours", "opencv", "blob", "pillow", "torch", "kornia"), 2.0)
    row = {"frame": "1080p", "window": "whole", "size": "256x448", "device": "cpu", "copy_ms": 1.0}
    row |= {f"{name}_ms": ms for name, ms in times.items()} | {"torch_ms": None}
    row |= {"isa": "avx2", "instructions_per_pixel": None}
    return {"rows": [row], "goals": ["At least 2x faster: 0 of 1 rows"], "environment": MACHINE}


def methods() -> dict[str, Any]:
    shares = dict.fromkeys(("acc50", "acc75", "macc", "first_window"), 0.5)
    rows = [
        {"method": name, "params": params, **shares, "steps": 1.0, "n": 9}
        for name, params in (("zero-shot", 0), ("coop", 1000), ("piza-coop", 2000))
    ]
    return {"rows": rows, "environment": MACHINE}


def plans() -> dict[str, Any]:
    """Those of record."""
    said: dict[str, Any] = json.loads((ROOT / "docs" / "data" / "plans.json").read_text())
    return {**said, "environment": MACHINE}


MADE = {
    each.__name__: each
    for each in (
        latency,
        accuracy,
        peers,
        engines,
        scaling,
        refs,
        deadline,
        calibration,
        video,
        proposals,
        zoo,
        fewshot,
        kernel,
        methods,
        plans,
    )
}


@pytest.fixture
def made() -> dict[str, Any]:
    """Figures by the name of their benchmark."""
    return {name: each() for name, each in MADE.items()}


@pytest.fixture(name="latency")
def latency_fixture() -> Callable[..., dict[str, Any]]:
    return latency


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots take time: here they are not drawn."""

    class Undrawn(Picture):
        draw = property(lambda _: lambda path: path.write_text("<svg></svg>"), lambda *_: None)

    for module in benchmarks().values():
        if hasattr(module, "Picture"):
            monkeypatch.setattr(module, "Picture", Undrawn)


@pytest.fixture
def folder(tmp_path: Path, made: dict[str, Any]) -> Path:
    """A report's folder with all of them."""
    home = tmp_path / "figures"
    home.mkdir()
    for name, figures in made.items():
        (home / f"{name}.json").write_text(json.dumps(figures))
    return home
