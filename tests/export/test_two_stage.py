"""``build-engine --family two-stage``: detectors, CLIP and regions become proven engines."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from evaluation.questions import Question
from export.__main__ import main
from export.check.checking import check_path
from export.check.operators import TARGETS
from export.clip import BATCH, PreparedClip, open_clip
from export.sources import reference_of
from sdk import Grounder
from sdk.engine.folder import read_manifest, verify_files
from sdk.families.two_stage import read_pipeline
from sdk.regions.clip_scorers import ClipScorer
from sdk.regions.heatmap import HeatmapProposer
from sdk.regions.views import usual_view

ROWS = [(10, 20, 100, 220, 0.9, 0), (200, 40, 300, 200, 0.8, 2), (20, 300, 620, 460, 0.6, 1)]
TWO_STAGE = ("--family", "two-stage")


@pytest.fixture(scope="module", autouse=True)
def _exported_once() -> Iterator[None]:
    """Each network is exported once for all tests."""

    @cache
    def opened(source: str, batch: int = BATCH) -> PreparedClip:
        found = open_clip(source, batch)
        each = cache(lambda name: found.networks([name])[name])
        return replace(found, networks=lambda names: {name: each(name) for name in names})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.clip.open_clip", opened)
        yield


@pytest.fixture
def detector(make_two_stage, tmp_path: Path) -> list[str]:
    """The options that name a detector of three classes."""
    labels = tmp_path / "labels.txt"
    labels.write_text("car\nbus\nperson\n")
    file = shutil.copy(make_two_stage(ROWS) / "detector.onnx", tmp_path / "small.onnx")
    return [*TWO_STAGE, "--detector", str(file), "--labels", str(labels), "--look", "frame"]


@pytest.fixture
def build(tmp_path: Path, capsys) -> Callable[..., Path]:
    """``build(*options)``: the engine."""

    def run(*options: str) -> Path:
        folder = tmp_path / "two.engine"
        code = main(["build-engine", *options, "-o", str(folder), "--searches", "3"])
        assert code == 0, capsys.readouterr()
        verify_files(folder, read_manifest(folder))
        return folder

    return run


def test_words_and_clip(detector, public_clip, build, capsys) -> None:
    source = public_clip("clip")[0]
    options = [*detector, "--scorer", f"clip={source},words", "--view", "padded", "--subject"]
    folder = build(*options)
    manifest = read_manifest(folder)
    assert manifest.proven
    assert list(manifest.networks) == ["detector", "clip-text", "clip-image"]
    assert set(manifest.certificate["networks"]) == set(manifest.networks)
    for each in manifest.certificate["networks"].values():
        assert max(each["relative_difference"].values()) < 1e-4
    assert manifest.block["clip"]["source"]["file"] == source.name
    pipeline = read_pipeline(manifest)
    looks, words = (each.scorer for each in pipeline.scorers)
    assert looks == ClipScorer(usual_view("padded"), subject=True)
    assert words.name == "words"
    assert pipeline.clip.reading == "softmax"
    assert not any(check_path(folder, list(TARGETS.values())).values())
    frame = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    with Grounder(folder) as grounder:
        answer = grounder.locate(frame, "the red car")
    assert set(answer.considered[0].parts) >= {"look", "kind", "colour"}

    given = ["--checkpoint", detector[3], "--clip", str(source), "--searches", "2"]
    assert main(["verify", str(folder), *given]) == 0
    capsys.readouterr()
    assert main(["verify", str(folder), "--checkpoint", detector[3], "--searches", "2"]) == 2
    assert "was made from a file (clip): name it with --clip" in capsys.readouterr().err
    other = ["--checkpoint", detector[3], "--clip", str(public_clip("siglip")[0])]
    assert main(["verify", str(folder), *other]) == 3
    assert "was exported from checkpoint" in capsys.readouterr().err


def test_descriptions_need_no_image_network(detector, public_clip, build) -> None:
    folder = build(*detector, "--scorer", f"pseudo-queries={public_clip('siglip')[0]}")
    manifest = read_manifest(folder)
    assert manifest.proven
    assert list(manifest.networks) == ["detector", "clip-text"]
    assert manifest.block["clip"]["image"] is None


@pytest.mark.parametrize("published", [False, True])
def test_regions_without_a_detector(public_clip, build, published: bool) -> None:
    options = ["--look", "slic", "--scorer", f"clip={public_clip('siglip')[0]}"]
    folder = build(*TWO_STAGE, *options, *["--published"] * published)
    manifest = read_manifest(folder)
    assert manifest.proven
    assert list(manifest.networks) == ["clip-text", "clip-image"]
    pipeline = read_pipeline(manifest)
    assert (pipeline.detector, pipeline.proposer) == (
        None,
        HeatmapProposer("slic", published=published),
    )
    assert pipeline.clip.reading == "sigmoid"
    assert manifest.name == "slic-clip"
    assert reference_of(folder, None, str(public_clip("siglip")[0])).name == "slic-clip"


def test_regions_pooled_by_attention(public_clip, build, tmp_path, monkeypatch, capsys) -> None:
    """One look at the frame for all regions and questions; CLIP sees the box that is chosen."""
    monkeypatch.setattr("export.certificate.comparison.questions", red_squares)
    given = [*TWO_STAGE, "--look", "slic", "--pool", "attention", "--scorer"]
    folder = build(*given, f"clip={public_clip('clip')[0]}")
    manifest = read_manifest(folder)
    assert manifest.proven
    assert list(manifest.networks) == ["clip-text", "clip-image", "clip-regions"]
    compared = manifest.certificate["networks"]["clip-regions"]
    assert max(compared["relative_difference"].values()) < 1e-4
    assert not any(check_path(folder, list(TARGETS.values())).values())
    pipeline = read_pipeline(manifest)
    assert pipeline.proposer == HeatmapProposer("slic", pool="attention")
    assert reference_of(folder, None, str(public_clip("clip")[0])).name == "slic-clip"
    frame = next(red_squares(0, 1)).frame.repeat(4, axis=0).repeat(4, axis=1)
    with Grounder(folder) as grounder:
        one, other = grounder.locate(frame, ["the red car", "a white van"])
        assert (grounder.runs["clip-regions"], grounder.runs["clip-image"]) == (1, 2)
        for answer in (one, other):
            assert answer.complete
            assert answer.considered[0].label == "region"
        for (stage, _), cost in grounder._pace._costs.items():
            if stage == "looks":  # a region is taken to cost a quarter of an hour
                cost.count, cost.mean, cost.least, cost.spread = 1, 1e6, 1e6, 0.0
        late = grounder.locate(frame, "the red car", deadline_ms=5000)
    assert (late.xyxy, late.complete) == (None, False)
    assert "left no time to compare the regions" in late.reason

    strange = [f"clip={public_clip('siglip')[0]}", "-o", str(tmp_path / "e")]
    capsys.readouterr()
    assert main(["build-engine", *given, *strange]) == 2
    assert "expected a CLIP (model_type clip) to pool regions" in capsys.readouterr().err
    assert main(["build-engine", *given, *strange, "--published"]) == 2
    assert "expected --pool attention with --look watershed or slic" in capsys.readouterr().err


def test_a_detector_that_finds_nothing(make_two_stage, detector, public_clip, build) -> None:
    """The image network has nothing to look at, and is proven all the same."""
    empty = make_two_stage([(0, 0, 9, 9, 0.0, 0)]) / "detector.onnx"
    detector[3] = str(shutil.copy(empty, Path(detector[3]).with_name("blind.onnx")))
    folder = build(*detector, "--head", "yolo", "--scorer", f"clip={public_clip('clip')[0]}")
    networks = read_manifest(folder).certificate["networks"]
    assert networks["clip-image"]["passed"]


def test_a_refiner_behind_words(
    detector, public_clip, box_checkpoint, build, tmp_path, capsys
) -> None:
    """Its CLIP is the engine's only one, and looks at one crop at a time."""
    source = str(box_checkpoint("projection-iou"))
    folder = build(*detector, "--refine", source, "--precision", "fp16", "--scenes", "2")
    manifest = read_manifest(folder)
    assert (manifest.name, manifest.proven) == ("small-words-refined", True)
    assert list(manifest.networks) == ["detector", "clip-text", "clip-image", "refiner"]
    assert set(manifest.certificate["networks"]) == set(manifest.networks)
    pipeline = read_pipeline(manifest)
    assert (pipeline.correction.refiner.method, pipeline.clip.batch) == ("projection", 1)
    assert not any(check_path(folder, list(TARGETS.values())).values())
    capsys.readouterr()
    assert main(["inspect", str(folder)]) == 0
    assert "then a projection of" in capsys.readouterr().out

    given = ["--checkpoint", detector[3], "--searches", "1"]
    assert main(["verify", str(folder), *given, "--refine", source]) == 0
    capsys.readouterr()
    assert main(["verify", str(folder), *given]) == 2
    assert "was made from a file (projection-iou): name it with --refine" in capsys.readouterr().err
    other = ["--scorer", f"clip={public_clip('siglip')[0]}", "--refine", source]
    assert main(["build-engine", *detector, *other, "-o", str(tmp_path / "e")]) == 2
    assert "expected the CLIP that" in capsys.readouterr().err
    strange = ["--refine", str(public_clip("clip")[0]), "-o", str(tmp_path / "e")]
    assert main(["build-engine", *detector, *strange]) == 3
    assert "expected a checkpoint of" in capsys.readouterr().err


def test_a_refiner_shares_the_scorers_clip(make_two_stage, detector, box_checkpoint, build) -> None:
    """Nothing is proposed here: all but the detector are proven on noise."""
    empty = make_two_stage([(0, 0, 9, 9, 0.0, 0)]) / "detector.onnx"
    detector[3] = str(shutil.copy(empty, Path(detector[3]).with_name("blind.onnx")))
    source = str(box_checkpoint("dqn"))
    folder = build(*detector, "--head", "yolo", "--scorer", "clip", "--refine", source)
    manifest = read_manifest(folder)
    assert manifest.certificate["networks"]["refiner"]["passed"]
    assert (manifest.name, manifest.block["clip"]["batch"]) == ("blind-clip-refined", 8)
    assert manifest.block["clip"]["source"]["file"] == "clip"
    assert manifest.block["refine"]["source"]["file"] == "dqn"


def test_in_half_precision(detector, public_clip, build) -> None:
    options = ["--scorer", f"clip={public_clip('clip')[0]}", "--precision", "fp16"]
    manifest = read_manifest(build(*detector, *options, "--scenes", "2"))
    assert manifest.proven
    assert manifest.precision == "fp16"


@pytest.fixture
def reds(tmp_path: Path) -> str:
    """A detector with weights: convolutions that find squares of 16 px, cars if they are red."""
    random, (rows, columns) = np.random.default_rng(0), (4, 6)
    spread = random.normal(0, 1, (8, 3))
    first = np.repeat(spread[:, :, None, None] / 16, 4, axis=2).repeat(4, axis=3)
    colours = 20 * (2 * np.eye(3) - 1) @ np.linalg.pinv(spread)  # of the three: one, not the others
    second = np.repeat(colours[:, :, None, None] / 16, 4, axis=2).repeat(4, axis=3)
    y, x = np.mgrid[:rows, :columns].reshape(2, -1) * 16 + 8
    boxes = np.stack([x, y, np.full_like(x, 16), np.full_like(x, 16)], axis=1)[None]
    constants = {"first": first, "second": second, "below": np.full(3, -9.0), "boxes": boxes}
    nodes = [
        helper.make_node("Conv", ["image", "first"], ["features"], strides=[4, 4]),
        helper.make_node("Conv", ["features", "second", "below"], ["logits"], strides=[4, 4]),
        helper.make_node("Sigmoid", ["logits"], ["maps"]),
        helper.make_node("Reshape", ["maps", "flat"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["scores"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=2),
    ]
    weights = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()]
    graph = helper.make_graph(
        nodes,
        "reds",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 64, 96])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, rows * columns, 7])],
        [*weights, numpy_helper.from_array(np.array([1, 3, -1]), "flat")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"names": "{0: 'car', 1: 'bus', 2: 'person'}"})
    onnx.save(model, tmp_path / "reds.onnx")
    return str(tmp_path / "reds.onnx")


def red_squares(seed: int, count: int) -> Iterator[Question]:
    """Each on grey, where a cell of the detector sees all of it."""
    for number in range(seed, seed + count):
        frame = np.full((64, 96, 3), 90, np.uint8)
        y, x = np.random.default_rng(number).integers(0, (4, 6)) * 16
        frame[y : y + 16, x : x + 16] = (20, 20, 230)
        yield Question(frame, "the red car", (x, y, x + 16, y + 16))


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_detector_in_fewer_bits(
    reds: str, build, tmp_path: Path, monkeypatch, precision: str
) -> None:
    """From the proven folder alone, as on a computer that has no more."""
    monkeypatch.setattr("export.certificate.comparison.questions", red_squares)
    monkeypatch.setattr("export.precision.calibration_data.questions", red_squares)
    whole = build(*TWO_STAGE, "--detector", reds, "--look", "frame")
    folder, options = tmp_path / precision, ["--precision", precision, "--scenes", "2"]
    assert main(["build-engine", str(whole), "-o", str(folder), "--searches", "3", *options]) == 0
    manifest = read_manifest(folder)
    assert (manifest.proven, manifest.precision, manifest.family) == (True, precision, "two-stage")
    assert manifest.precision_facts["fp32_share"] == 0.0
    assert manifest.certificate["searches"]["acc50"] == 1.0
    assert max(manifest.certificate["networks"]["detector"]["relative_difference"].values()) > 0
    assert read_pipeline(manifest).to_mapping() == read_pipeline(read_manifest(whole)).to_mapping()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scorer", "clip"], r"expected one folder or hub id of CLIP for clip \(clip=FOLDER"),
        (["--scorer", "clip=a,pseudo-queries=b"], "CLIP for clip and pseudo-queries"),
        (["--scorer", "words=a"], "CLIP for no scorer .*got a"),
        (["--scorer", "clap=a"], "expected scorers out of words, labels, clip, pseudo-queries"),
        (["--scorer", "clip=no/where"], "cannot load the CLIP no/where: expected a folder"),
        (["--subject"], "expected --view and --subject with --scorer clip"),
        (["--view", "blurred"], "expected --view and --subject with --scorer clip"),
        (["--refine", "no/where"], "no/where"),
        (["--published"], "expected --published with --look watershed or slic"),
        (["--look", "slic"], "expected no --detector with --look slic"),
        (["--pool", "attention"], "expected --pool attention with --look watershed or slic"),
    ],
)
def test_options_that_make_no_sense(
    detector, tmp_path, monkeypatch, capsys, options, message
) -> None:
    monkeypatch.setattr("sdk.hub.unreachable", lambda: "no network")
    assert main(["build-engine", *detector, *options, "-o", str(tmp_path / "e")]) in (2, 3)
    [line] = capsys.readouterr().err.strip().splitlines()
    assert re.search(message, line), line
    assert not (tmp_path / "e").exists()


def test_regions_take_clip_alone(capsys, tmp_path) -> None:
    given = [*TWO_STAGE, "--look", "watershed", "--scorer", "words"]
    assert main(["build-engine", *given, "-o", str(tmp_path / "e")]) == 2
    assert "expected --scorer clip=FOLDER_OR_ID with --look watershed" in capsys.readouterr().err
