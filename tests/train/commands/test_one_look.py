"""Training MDETR and TransVG from end to end: from scratch, interrupted, from a checkpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from train.__main__ import main
from train.checkpoint import CONFIG, TOKENIZER, WEIGHTS
from train.families import load
from train.models.detector.checkpoint import make_detector, save_detector
from train.models.detector.config import DetectorConfig
from train.models.mdetr import config as mdetr_config
from train.models.transvg import config as transvg_config

COLOURS = {"red": (0, 0, 220), "green": (0, 200, 0), "blue": (220, 80, 0)}
METHODS = ("mdetr", "transvg")


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures with three patches of colour, and ``all.json``, SOREC's layout."""
    folder = tmp_path_factory.mktemp("patches")
    rng, entries = np.random.default_rng(0), []
    for k in range(8):
        picture = rng.integers(90, 110, (64, 96, 3), np.uint8)
        for place, name in enumerate(rng.permutation(list(COLOURS))):
            x, y = 32 * place + int(rng.integers(8)), int(rng.integers(40))
            picture[y : y + 22, x : x + 22] = COLOURS[name]
            entry = {"image": f"{k}.png", "bbox": [x, y, 22, 22], "ref": f"the {name} car"}
            entries.append(entry | {"id": len(entries)})
        cv2.imwrite(str(folder / f"{k}.png"), picture)
    (folder / "all.json").write_text(json.dumps(entries))
    return folder


@pytest.fixture
def train(patches: Path, one_look, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """``train(method, out, *options)``: four steps of three pictures, a very small model."""

    def tiny(method: str, vocabulary: int):
        return one_look(method, vocabulary).config

    monkeypatch.setattr(mdetr_config, "mdetr_tiny", partial(tiny, "mdetr"))
    monkeypatch.setattr(transvg_config, "transvg_tiny", partial(tiny, "transvg"))

    def run(method: str, out: Path, *more: str) -> int:
        files = ["--annotations", str(patches / "all.json"), "--images", str(patches)]
        quick = "--steps 4 --batch 3 --workers 0 --threads 1 --device cpu"
        return main([method, *files, *quick.split(), "-o", str(out), *more])

    yield run
    torch.set_flush_denormal(False)  # hypothesis refuses to work with it


def state(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / "state.pt", weights_only=True)["model"]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_and_leaves_checkpoints(train, patches, tmp_path, capsys, method: str) -> None:
    """Not to find patches, for which this is too short, but to be nearer to them."""
    checks = ["--val-annotations", str(patches / "all.json"), "--check-every", "100"]
    learn = ["--steps", "100", "--lr", "1e-3", *checks]
    assert train(method, tmp_path, *learn) == 0
    said = capsys.readouterr()
    assert f"{method}: " in said.out
    assert "24 sentences about 8 photographs" in said.out
    assert "warning: 8 of the 8 photographs" in said.err
    assert re.search(r"step 100: acc50 [\d.]+, mean_iou 0\.\d+", said.out)
    for name in ("last", "best"):
        folder = tmp_path / name
        assert {path.name for path in folder.iterdir()} == {CONFIG, WEIGHTS, TOKENIZER}
        manifest = load(folder).manifest()
        assert (manifest.family, manifest.block) == ("one-stage", {"method": method})
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"acc50", "mean_iou"} <= set(log[-1]) | set(log[-2])
    first, last = (entry for entry in log if "where" in entry)
    for name in ("where", "kind", "box1" if method == "mdetr" else "box"):
        assert name == "kind" or last[name] < first[name]


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_run_goes_on(train, tmp_path, method: str) -> None:
    assert train(method, tmp_path / "whole") == 0
    assert train(method, tmp_path / "parts", "--stop-after", "1e-9") == 0
    assert not same(state(tmp_path / "whole"), state(tmp_path / "parts"))
    assert train(method, tmp_path / "parts") == 0
    assert same(state(tmp_path / "whole"), state(tmp_path / "parts"))


def test_a_run_of_other_options_does_not_go_on(train, tmp_path, capsys) -> None:
    assert train("mdetr", tmp_path, "--stop-after", "1e-9") == 0
    assert train("mdetr", tmp_path, "--absent", "0.5") == 2
    assert "foreign 0.1 (now 0.5)" in capsys.readouterr().err


def test_from_a_checkpoint_as_published(train, one_look_checkpoint, tmp_path, capsys) -> None:
    start = one_look_checkpoint("mdetr")
    more = ["--init", str(start), "--published", "--absent", "0"]
    assert train("mdetr", tmp_path / "on", *more) == 0
    log = (tmp_path / "on" / "log.jsonl").read_text()
    assert '"token1"' in log
    assert '"where"' not in log
    ours, theirs = state(tmp_path / "on"), load(start).model.state_dict()
    still = [name for name in ours if torch.equal(ours[name], theirs[name])]
    assert any("bn1.weight" in name for name in still)
    assert not any("encoder.0" in name for name in still)
    assert train("transvg", tmp_path / "no", "--init", str(start)) == 2
    assert "expected a checkpoint of transvg" in capsys.readouterr().err
    assert train("mdetr", tmp_path / "no", "--init", str(tmp_path)) == 3


def test_it_begins_with_what_a_detector_sees(
    train, one_look, one_look_checkpoint, tmp_path, monkeypatch, capsys
) -> None:
    known = make_detector(DetectorConfig("yolo", ("car",), (96, 64), 8, mean=(1.0, 2.0, 3.0)))
    save_detector(tmp_path / "yolo", known)
    backbone = {"kind": "levels", "width": 64}

    def small(words: int):
        return replace(one_look("mdetr", words).config, backbone=backbone)

    monkeypatch.setattr(mdetr_config, "mdetr_tiny", small)
    more = ["--detector", str(tmp_path / "yolo")]
    assert train("mdetr", tmp_path / "run", *more, "--lr", "1e-9") == 0
    made = load(tmp_path / "run" / "last").model
    assert (made.config.input_hw, made.config.mean) == ((96, 64), (1.0, 2.0, 3.0))
    pyramid = dict(made.backbone.pyramid.named_parameters())
    for name, value in known.pyramid.named_parameters():
        torch.testing.assert_close(pyramid[name], value, atol=1e-4, rtol=1e-3)  # kept in half
    start = ["--init", str(one_look_checkpoint("mdetr"))]
    assert train("mdetr", tmp_path / "no", *more, *start) == 2
    assert "expected --init or --detector" in capsys.readouterr().err
    assert train("mdetr", tmp_path / "no", "--detector", str(tmp_path)) == 3


def test_what_is_trained_answers_and_is_evaluated(train, patches, tmp_path, capsys) -> None:
    assert train("transvg", tmp_path / "run") == 0
    files = ["--annotations", str(patches / "all.json"), "--images", str(patches)]
    figures = tmp_path / "figures.json"
    told = ["--absent", "2", "--threads", "1", "--device", "cpu", "--json", str(figures)]
    assert main(["evaluate", str(tmp_path / "run" / "last"), *files, *told]) == 0
    assert json.loads(figures.read_text())["zoom"]["n"] == 24
