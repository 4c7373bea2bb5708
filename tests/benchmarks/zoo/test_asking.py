"""The zoo's questions: who answers, by what, how it is judged, and how a run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.commands.zoo import section, zoo_plot
from benchmarks.plots.style import GREEN as GREEN_LINE
from benchmarks.plots.style import RED as RED_LINE
from benchmarks.report.section import printed
from benchmarks.zoo import asking
from benchmarks.zoo.askers import SCORED, TRUE_BOXES, TRULY_PROPOSED, opened
from benchmarks.zoo.asking import Reply, ask_all, summarise
from benchmarks.zoo.data import Question
from benchmarks.zoo.likeness import Likeness
from benchmarks.zoo.pictures import draw_answers

RED, GREEN = (40.0, 60.0, 140.0, 120.0), (400.0, 300.0, 520.0, 380.0)
CATEGORIES = ("green", "red")  # the made-up CLIP knows colours alone


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A red car at the top left, a green one at the bottom right."""
    image = np.full((480, 640, 3), 128, np.uint8)
    for box, bgr in ((RED, (0, 0, 255)), (GREEN, (0, 255, 0))):
        x1, y1, x2, y2 = map(int, box)
        image[y1:y2, x1:x2] = bgr
    cv2.imwrite(str(tmp_path / "cars.png"), image)
    return tmp_path / "cars.png"


@pytest.fixture
def questions(picture: Path) -> list[Question]:
    boxes, labels = (RED, GREEN), ("car", "car")
    return [
        Question(picture, "the red car", RED, "red", boxes, labels),
        Question(picture, "the green car", GREEN, "green", boxes, labels),
    ]


@pytest.fixture
def engine(make_two_stage) -> Path:
    """It proposes the red car, and something beside the green one."""
    rows = [(*RED, 0.9, 0), (280, 300, 390, 380, 0.8, 0)]
    return make_two_stage(rows, ("clip", "words"))


def likeness(engine: Path) -> Likeness:
    return Likeness(engine, CATEGORIES, "{}")


def test_every_row_is_answered(engine, questions, tmp_path: Path) -> None:
    kept = tmp_path / "answers.jsonl"
    with opened({"yolo": engine}, {"slic": engine}, 1) as askers:
        replies = ask_all(askers, questions, likeness(engine), kept)
        rows = summarise(askers, replies)
    by_name = {(row["pipeline"], row["variant"]): row for row in rows}
    assert len(rows) == len(SCORED) + len(TRULY_PROPOSED) + 1
    for name in ("tight", "padded", "margin", "blurred", "words", "words x clip"):
        assert by_name["YoloClip", name]["proposed"] == 0.5  # the red one alone
        assert by_name["YoloClip", name]["acc50"] <= 0.5
    for name in TRULY_PROPOSED:
        row = by_name[TRUE_BOXES, name]
        assert (row["acc50"], row["proposed"]) == (1.0, 1.0), name
        assert row["iou"] == pytest.approx(1.0, abs=1e-4)
        assert row["category"] == 1.0
        assert row["iou_se"] == pytest.approx(0.0, abs=1e-4)
    assert by_name["SegClip, SLIC", "as it is"]["family"] == "two-stage"
    assert all(row["n"] == 2 and row["p50_ms"] > 0 for row in rows)
    assert by_name[TRUE_BOXES, "tight"]["cosine"] > 0.9


def test_a_run_that_was_killed_goes_on(engine, questions, tmp_path: Path, monkeypatch) -> None:
    kept = tmp_path / "answers.jsonl"
    with opened({"yolo": engine}, {}, 1) as askers:
        whole = ask_all(askers, questions, likeness(engine), kept)
        lines = kept.read_text().splitlines()
        assert len(lines) == 2 * len(askers)
        # the second question was not finished, and its last line is half a line
        kept.write_text("\n".join([*lines[: len(askers) + 2], lines[-1][:20]]) + "\n")
        seen: list[int] = []
        real = asking._reply

        def counted(asker, number, *rest):
            seen.append(number)
            return real(asker, number, *rest)

        monkeypatch.setattr(asking, "_reply", counted)
        again = ask_all(askers, questions, likeness(engine), kept)
    assert seen == [1] * len(askers)
    plain = lambda found: {(r.asker, r.question): (r.iou, r.category) for r in found}  # noqa: E731
    assert plain(again) == plain(whole)
    assert all(json.loads(line) for line in kept.read_text().splitlines() if line.endswith("}"))


def test_everybodys_answers_to_the_same_questions(engine, questions, tmp_path: Path) -> None:
    with opened({"yolo": engine}, {"slic": engine}, 1) as askers:
        shown = [each for each in askers if each.usual]
        draw_answers(shown, questions, tmp_path / "answers.png")
    assert [each.pipeline for each in shown] == ["YoloClip", TRUE_BOXES, "SegClip, SLIC"]
    picture = cv2.imread(str(tmp_path / "answers.png"))
    height, width = picture.shape[:2]
    assert width > height
    for colour in (GREEN_LINE, RED_LINE):
        bgr = [int(colour[k : k + 2], 16) for k in (5, 3, 1)]
        assert (np.abs(picture.astype(int) - bgr).max(-1) < 12).sum() > 20


def test_nothing_proposed_is_no_box(make_two_stage, questions, tmp_path: Path) -> None:
    engine = make_two_stage([(0, 0, 9, 9, 0.01, 0)], ("clip", "words"))
    with opened({"yolo": engine}, {}, 1) as askers:
        mine = [each for each in askers if each.pipeline == "YoloClip"]
        replies = ask_all(mine, questions, likeness(engine), tmp_path / "answers.jsonl")
    assert {(r.iou, r.category, r.cosine, r.proposed) for r in replies} == {
        (0.0, False, None, False)
    }


def test_the_section_and_the_plot(tmp_path: Path) -> None:
    rows = [
        {
            "family": "two-stage",
            "pipeline": pipeline,
            "variant": variant,
            "n": 4,
            **dict.fromkeys(("iou", "acc50", "category", "cosine", "proposed"), value),
            **dict.fromkeys(("iou_se", "acc50_se"), 0.02),
            "p50_ms": 10.0,
        }
        for pipeline, variant, value in (
            ("true boxes", "tight", 0.8),
            ("YoloClip", "tight", 0.6),
            ("YoloClip", "padded", 0.5),
        )
    ]
    made = section({"rows": rows})
    assert "80.0 % ± 2.0" in printed(made)
    assert made.tables[1].rows == (
        ("true boxes, tight", "YoloClip, tight", "+20.0 ± 2.8"),
        ("YoloClip, padded", "YoloClip, tight", "-10.0 ± 2.8"),
    )
    zoo_plot(rows, tmp_path / "zoo.svg")
    assert ">true boxes<" in (tmp_path / "zoo.svg").read_text()


def test_standard_errors() -> None:
    asker = type("A", (), {"name": "a | b", "family": "f", "pipeline": "a", "variant": "b"})()
    replies = [Reply("a | b", k, float(k % 2), True, None, True, 1.0) for k in range(100)]
    [row] = summarise([asker], replies)
    assert row["acc50_se"] == pytest.approx(0.05)
    assert row["cosine"] is None
