"""``build-engine --base``: public weights in transformers' format become a proven engine."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
)
from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
    GroundingDinoImageProcessorPil,
)
from transformers.models.grounding_dino.processing_grounding_dino import GroundingDinoProcessor

from export.__main__ import main
from export.build import open_reference
from export.references.checkpoint import BaseReference
from export.sources import reference_of
from sdk import EngineError, Grounder, Start
from sdk.engine.folder import read_manifest, write_manifest
from sdk.errors import CheckpointError
from sdk.text import Tokenizer
from train.checkpoint import TOKENIZER, save_checkpoint
from train.data.vocabulary import write_wordpiece
from train.models.grounding_dino.config import PizaConfig

HW = (64, 96)
SIZE = ("--input-hw", *map(str, HW))
CLASSES = {
    "plain": (GroundingDinoConfig, GroundingDinoForObjectDetection),
    "mm": (MMGroundingDinoConfig, MMGroundingDinoForObjectDetection),
}
# As BERT numbers them: transformers knows the ends of segments by these numbers.
IDS = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ",": 1010, ".": 1012}
WORDS = ("the", "red", "car", "white", "van", "left", "of", "bus", "person", "in", "a", "blue")
REF = "the red car left of a white van"


@pytest.fixture(scope="module")
def public(
    tmp_path_factory: pytest.TempPathFactory,
    make_tiny: Callable[[int], PizaConfig],
    randomise: Callable[[Any], Any],
) -> Callable[[str], tuple[Path, Any]]:
    """``public(kind)``: a folder as one downloads it, and its model; of each of ``CLASSES``."""
    made: dict[str, tuple[Path, Any]] = {}

    def get(kind: str) -> tuple[Path, Any]:
        if kind not in made:
            architecture, known = CLASSES[kind]
            base = make_tiny(1100).base | {"embedding_init_target": True}
            model = randomise(known(architecture(**base)))
            for name, each in model.named_parameters():
                if "bbox_embed" in name:
                    each.data *= 0.3  # a box has to be as wide as a pixel
            folder = tmp_path_factory.mktemp("public") / kind
            model.save_pretrained(folder)
            words = {word: 200 + k for k, word in enumerate(WORDS)}
            write_wordpiece(IDS | {"?": 1029} | words, folder / TOKENIZER)
            made[kind] = folder, model
        return made[kind]

    return get


@pytest.fixture(scope="module")
def built(public, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``built(kind)``: the engine of that folder; that of "mm" looks closer."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            engine = tmp_path_factory.mktemp("built") / "e"
            options = [*SIZE, "-o", str(engine), "--searches", "1"]
            options += ["--zoom", "2"] if kind == "mm" else []
            assert main(["build-engine", "--base", str(public(kind)[0]), *options]) == 0
            made[kind] = engine
        return made[kind]

    return get


@pytest.fixture
def copied(public, tmp_path: Path) -> Path:
    """A folder that a test may damage."""
    return Path(shutil.copytree(public("mm")[0], tmp_path / "mine"))


@pytest.mark.parametrize("kind", CLASSES)
def test_it_answers_as_transformers_does(public, built, kind: str) -> None:
    """From a frame of the input's size, which neither side resizes, to the box."""
    folder, model = public(kind)
    manifest = read_manifest(built(kind))
    assert (manifest.proven, manifest.family, manifest.name) == (True, "grounding-dino", kind)
    assert manifest.checkpoint["base"] == {"file": kind}

    frame = np.random.default_rng(4).integers(0, 256, (*HW, 3)).astype(np.uint8)
    processor = GroundingDinoImageProcessorPil(do_resize=False)
    pixels = processor(frame[..., ::-1].copy(), return_tensors="pt")["pixel_values"]
    ids = Tokenizer.from_file(folder / TOKENIZER, 64).encode(REF).ids
    with torch.inference_mode():
        wanted = model(pixel_values=pixels, input_ids=torch.from_numpy(ids[ids > 0])[None].long())
    [published] = GroundingDinoProcessor.post_process_grounded_object_detection(
        SimpleNamespace(batch_decode=lambda ids: ids), wanted, threshold=0.0, target_sizes=[HW]
    )
    order = published["scores"].argsort(descending=True).numpy()
    whole = Start((0, 0, HW[1], HW[0]))  # which is looked at, and nothing else
    with Grounder(built(kind)) as grounder:
        answer = grounder.locate(frame, REF, start=whole)
    [look] = answer.zooms
    scores, boxes = published["scores"].numpy()[order], published["boxes"].numpy()[order]
    np.testing.assert_allclose(look.candidates_scores, scores, atol=1e-4)
    boxes = np.clip(boxes, 0, [HW[1], HW[0], HW[1], HW[0]])
    np.testing.assert_allclose(look.candidates_xyxy, boxes, atol=0.1)
    assert answer.xyxy.tolist() == look.candidates_xyxy[0].tolist()


def test_it_can_be_verified_again(public, built, tmp_path: Path, capsys) -> None:
    """Against the folder, with the size that the engine has; not without it, nor another one's."""
    engine = Path(shutil.copytree(built("mm"), tmp_path / "e"))
    verify = ["verify", str(engine), "--searches", "1"]
    assert main([*verify, "--checkpoint", str(public("mm")[0])]) == 0
    assert reference_of(engine, engine).kind == open_reference(engine).kind  # a portable folder
    assert main(verify) == 2
    assert "was made from a file (mm): name it with --checkpoint" in capsys.readouterr().err
    assert main([*verify, "--checkpoint", str(public("plain")[0])]) == 3
    assert "name its own base" in capsys.readouterr().err


def test_closer_looks(built, capsys) -> None:
    engine = built("mm")
    assert read_manifest(engine).block == {"zoom": 2}
    frame = np.random.default_rng(5).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    with Grounder(engine) as grounder:
        answer = grounder.locate(frame, REF)
        assert 2 <= grounder.runs["image"] <= 3
    first, closer = answer.zooms
    assert first.window_xyxy.tolist() == [0, 0, 400, 300]
    assert (np.ptp(closer.window_xyxy.reshape(2, 2), axis=0) >= (400 / 3 - 0.1, 100 - 0.1)).all()
    assert answer.score == pytest.approx(closer.raw_score)
    assert main(["inspect", str(engine)]) == 0
    assert "then closer at up to 2 windows of it" in capsys.readouterr().out


def test_zooms_that_make_no_sense(built, tmp_path: Path) -> None:
    engine = Path(shutil.copytree(built("mm"), tmp_path / "e"))
    manifest = read_manifest(engine)
    write_manifest(engine, dataclasses.replace(manifest, block={"zoom": -1}))
    with pytest.raises(EngineError, match=r"'grounding-dino' of that family: .*'zoom'.*0\.\.16"):
        Grounder(engine)


def test_the_size_is_part_of_what_was_built(public) -> None:
    def built_from(*input_hw: tuple[int, int]) -> str:
        return BaseReference(str(public("mm")[0]), *input_hw).checkpoint_sha256()

    assert built_from() == built_from((800, 1344)) != built_from(HW)


def test_checkpoints_of_ours(checkpoint: Path, make_model, tmp_path: Path) -> None:
    """One without adapters is a base too, of its own size."""
    folder = tmp_path / "ours"
    save_checkpoint(folder, make_model("full"), checkpoint / TOKENIZER)
    model = BaseReference(str(folder), zoom=3)._load()
    assert (model.manifest().input_hw, model.manifest().block) == ((60, 100), {"zoom": 3})
    with pytest.raises(CheckpointError, match=r"was adapted by piza-adapter\+"):
        BaseReference(str(checkpoint)).checkpoint_sha256()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--base", "nobody/knows"], "cannot load the base model nobody/knows: expected"),
        (["--base", "no/such/folder"], "cannot load the base model no/such/folder: expected"),
        (["--input-hw", "64", "96"], "expected --input-hw with --base or --detector"),
        (["--zoom", "2"], "expected --zoom with --base"),
        (["--base", "{folder}", "--zoom", "17"], "expected --zoom of 16 at most"),
        (["--base", "{folder}", "--input-hw", "60", "100"], "multiples of 32"),
        (["--base", "{folder}", "{folder}"], "expected one source of an engine, got source and"),
        (["--base", "{folder}", "--detector", "d.onnx"], "expected one source of an engine"),
        (["--base", "{folder}", "--family", "two-stage"], "--family two-stage and --detector"),
    ],
)
def test_options_that_make_no_sense(
    copied: Path, tmp_path: Path, monkeypatch, capsys, options: list[str], message: str
) -> None:
    monkeypatch.setattr("sdk.hub.unreachable", lambda: "no network")
    given = [each.format(folder=copied) for each in options]
    assert main(["build-engine", *given, "-o", str(tmp_path / "e")]) in (2, 3)
    [line] = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (TOKENIZER, "expected a tokenizer file at"),
        ("config.json", "expected a config.json with a model_type"),
        ("model.safetensors", "cannot load the base model"),
    ],
)
def test_folders_that_lack_something(copied: Path, tmp_path, capsys, missing, message) -> None:
    (copied / missing).unlink()
    argv = ["build-engine", "--base", str(copied), *SIZE, "-o", str(tmp_path / "e")]
    assert main(argv) == 3
    [line] = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "e").exists()
