"""Training CLIP from end to end: from scratch and from public folders, interrupted and not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from export.clip import open_clip
from train.__main__ import main
from train.models.clip import small

TINY = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2,
}  # fmt: skip
COLOURS = {"red": (0, 0, 220), "green": (0, 200, 0), "blue": (220, 80, 0), "white": (240,) * 3}
FOLDER = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
PROCESSOR = "preprocessor_config.json"


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures with four patches of colour, and ``all.json``, SOREC's layout."""
    folder = tmp_path_factory.mktemp("patches")
    rng, entries = np.random.default_rng(0), []
    for k in range(6):
        picture = rng.integers(90, 110, (60, 120, 3), np.uint8)
        for place, name in enumerate(rng.permutation(list(COLOURS))):
            x, y = 30 * place + int(rng.integers(5)), int(rng.integers(30))
            picture[y : y + 20, x : x + 20] = COLOURS[name]
            entry = {"image": f"{k}.png", "bbox": [x, y, 20, 20], "ref": f"the {name} car"}
            entries.append(entry | {"id": len(entries)})
        cv2.imwrite(str(folder / f"{k}.png"), picture)
    (folder / "all.json").write_text(json.dumps(entries))
    return folder


@pytest.fixture
def clip(patches: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """``clip(out, *options)``: four steps of three pictures, a very small model."""
    monkeypatch.setattr(small, "VISION", TINY)
    monkeypatch.setattr(small, "TEXT", TINY)
    monkeypatch.setattr(small, "SIDE", 16)

    def run(out: Path, *more: str) -> int:
        files = ["--annotations", str(patches / "all.json"), "--images", str(patches)]
        quick = "--steps 4 --batch 3 --workers 0 --threads 1 --device cpu"
        return main(["clip", *files, *quick.split(), "-o", str(out), *more])

    yield run
    torch.set_flush_denormal(False)  # hypothesis refuses to work with it


def state(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / "state.pt", weights_only=True)["model"]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def checked(patches: Path) -> list[str]:
    return ["--val-annotations", str(patches / "all.json")]


def test_colours_are_learned_and_the_folder_opens_everywhere(
    clip, patches, tmp_path, capsys
) -> None:
    learn = ["--steps", "60", "--lr", "3e-3", "--check-every", "30", *checked(patches)]
    assert clip(tmp_path, *learn) == 0
    said = capsys.readouterr()
    assert "24 sentences of 24 objects in 6 photographs" in said.out
    assert "warning: 6 of the 6 photographs" in said.err
    last = re.findall(r"step 60: retrieval ([\d.]+) %, phrases [\d.]+ %, sentences", said.out)
    assert float(last[0]) > 90
    for name in ("last", "best"):
        assert {path.name for path in (tmp_path / name).iterdir()} == FOLDER | {PROCESSOR}
    loaded = AutoModel.from_pretrained(tmp_path / "last")
    average = torch.load(tmp_path / "state.pt", weights_only=True)["average"]
    assert same(loaded.state_dict(), average)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "last")
    opened = open_clip(str(tmp_path / "last"))
    assert opened.clip.image.hw == (16, 16)
    assert opened.clip.scale == pytest.approx(float(loaded.logit_scale.detach().exp()))
    assert len(tokenizer("the red car")["input_ids"]) == 5
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "retrieval" in entry] == [30, 60]


def test_resuming(clip, tmp_path: Path, capsys) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    views = ["--view", "tight", "padded"]
    assert clip(whole, *views) == 0
    assert clip(parts, *views, "--stop-after", "1e-9") == 0
    assert "after 1 of 4 steps" in capsys.readouterr().out
    assert clip(parts, *views) == 0
    assert "from step 1 on" in capsys.readouterr().out
    assert same(state(whole), state(parts))
    assert clip(parts, *views) == 0  # there is nothing left to do
    assert same(state(whole), state(parts))


def test_a_run_goes_on_with_its_own_settings(clip, tmp_path: Path, capsys) -> None:
    assert clip(tmp_path, "--stop-after", "1e-9") == 0
    for more, message in (
        ("--steps 5", "steps 4 (now 5)"),
        ("--batch 2", "photographs a step 3 (now 2)"),
        ("--view margin", "views tight (now margin)"),
        ("--train projection", "train all (now projection)"),
        ("--shift 0.2", "shift 0.1 (now 0.2)"),
        ("--seed 1", "seed 0 (now 1)"),
    ):
        capsys.readouterr()
        assert clip(tmp_path, *more.split()) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2"])
def test_from_a_public_folder(clip, public_clip, patches, kind, tmp_path, capsys) -> None:
    folder, model, _ = public_clip(kind)
    options = ["--init", str(folder), "--lr", "1e-3", *checked(patches)]
    assert clip(tmp_path, *options) == 0
    assert "retrieval" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "last").iterdir()} == FOLDER
    loaded = AutoModel.from_pretrained(tmp_path / "last")
    assert type(loaded) is type(model)
    assert not same(loaded.state_dict(), model.state_dict())
    assert open_clip(str(tmp_path / "last")).clip.image.hw == (24, 24)
    assert not (tmp_path / "start").exists()


def test_one_block(clip, public_clip, tmp_path) -> None:
    folder, model, _ = public_clip("clip")
    assert clip(tmp_path, "--init", str(folder), "--train", "text.0", "--lr", "1e-3") == 0
    new, old = state(tmp_path), model.state_dict()
    moved = {name for name in old if not torch.equal(old[name], new[name])}
    assert {name for name in moved if name.startswith("text_model.encoder.layers.0.")}
    assert all("text_model.encoder.layers.0." in name or name == "logit_scale" for name in moved)


def test_training_ends_by_the_clock(clip, patches, tmp_path, capsys) -> None:
    assert clip(tmp_path, "--minutes", "1e-4") == 0
    assert "after 1 steps" in capsys.readouterr().out
    assert clip(tmp_path, "--minutes", "1e-4") == 0  # its time is over
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 1


def test_sentences_that_are_too_long(clip, public_clip, tmp_path, patches, capsys) -> None:
    entries = json.loads((patches / "all.json").read_text())
    entries[0]["ref"] = "the red car left of the white van behind the bus of the van left of a car"
    (tmp_path / "all.json").write_text(json.dumps(entries))
    options = ["--init", str(public_clip("siglip")[0]), "--annotations", str(tmp_path / "all.json")]
    assert clip(tmp_path / "out", *options) == 0
    assert "note: 1 of 5 sentences are longer than the 12 tokens" in capsys.readouterr().out


def test_boxes_of_one_pixel(clip, tmp_path, patches) -> None:
    entries = json.loads((patches / "all.json").read_text())
    for entry in entries[::2]:
        entry["bbox"][2:] = [1, 1]
    (tmp_path / "all.json").write_text(json.dumps(entries))
    views = ["--view", "tight", "margin", "padded", "blurred"]
    options = ["--annotations", str(tmp_path / "all.json"), "--checks", "4"]
    options += ["--val-annotations", str(tmp_path / "all.json")]
    assert clip(tmp_path / "out", *options, *views) == 0


def test_what_cannot_be_trained_is_said_at_once(
    clip, public_clip, patches, tmp_path, capsys
) -> None:
    entries = json.loads((patches / "all.json").read_text())
    alone = tmp_path / "alone.json"
    alone.write_text(json.dumps(entries[::4]))  # one object each
    bare = tmp_path / "bare"
    shutil.copytree(public_clip("clip")[0], bare)
    (bare / "tokenizer.json").unlink()
    none, single = tmp_path / "none", tmp_path / "single.json"
    none.mkdir()
    single.write_text(json.dumps(entries[:1]))
    out = tmp_path / "out"
    for options, code, message in (
        (["--images", str(none)], 2, "none that can be used"),
        (["--init", str(bare)], 3, "has no tokenizer.json, without which no sentence"),
        (["--init", str(tmp_path / "nothing")], 3, "a folder in transformers' format or a hub id"),
        (["--train", "vision.11"], 2, "expected --train all, vision.0, text.0, projection"),
        (["--batch", "1", "--objects", "1"], 2, "got 1 photograph with 1 object"),
        (["--batch", "1", "--annotations", str(alone)], 2, "choose a larger --batch"),
        (["--annotations", str(single)], 2, "at least two objects with sentences"),
        (["--val-annotations", str(alone)], 2, "at least two objects to check with"),
    ):
        assert clip(out, *options) == code, options
        assert message in capsys.readouterr().err, options
        assert not (out / "state.pt").exists()
