"""``python -m benchmarks language``: sentences of files, and of rendered scenes."""

from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.commands.language import choose, true_proposals, understood
from evaluation.questions import make_cases
from evaluation.seeds import LANGUAGE
from sdk.regions.words import parse

REFS = (
    "The red car is left of a white van.",
    "The object is in the crowd.",
    "The frobnicator is red.",
    "Hm",
)


@pytest.fixture
def annotations(tmp_path):
    entries = [
        {"image": f"{k}.jpg", "bbox": [1, 2, 3, 4], "ref": ref, "id": k}
        for k, ref in enumerate(REFS)
    ]
    path = tmp_path / "some.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def test_fractions():
    figures = understood([parse(ref) for ref in REFS])
    assert figures == {
        "count": 4,
        "head_noun": 1.0,  # "Hm" is a noun that nobody knows
        "known_kind": 0.5,
        "colour": 0.5,
        "relation": 0.25,  # "in" says of a relation no more than that there is one
    }


def test_files(annotations, tmp_path, capsys):
    file = tmp_path / "figures.json"
    command = ["language", str(annotations), str(annotations), "--sample", "3"]
    assert main([*command, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert set(figures) == {"count", "head_noun", "known_kind", "colour", "relation"}
    assert figures["count"] == 8
    printed = capsys.readouterr().out
    assert "of a known kind      0.500" in printed
    assert printed.count("     = ") == 3
    assert main(command) == 0
    assert capsys.readouterr().out == printed  # the sample is chosen by the seed


@pytest.mark.parametrize("grammar", ["plain", "rich"])
def test_scenes(grammar, tmp_path, capsys):
    file = tmp_path / "figures.json"
    command = ["language", "--scenes", "3", "--grammar", grammar, "--json", str(file)]
    assert main(command) == 0
    figures = json.loads(file.read_text())["scenes"]
    assert (figures["count"], figures["seed"]) == (3, LANGUAGE.first)
    assert figures["right"] == 1.0
    assert figures["score"] > figures["absent_score"]
    assert f"{grammar} sentences" in capsys.readouterr().out


def test_right_is_the_targets_own_box():
    cases = make_cases(2, LANGUAGE.first)
    swapped = [
        type(a)(a.scene, b.ref, a.target_xyxy, a.needs_relation, a.absent_ref)
        for a, b in zip(cases, reversed(cases), strict=True)
    ]
    assert choose(cases)["right"] == 1.0
    assert choose(swapped)["right"] == 0.0
    proposals = true_proposals(cases[0])
    assert len(proposals) == len(cases[0].scene.objects)
    assert proposals.label(0) == cases[0].scene.objects[0].kind


def test_nothing_to_measure(tmp_path, capsys):
    assert main(["language"]) == 2
    assert "--scenes N" in capsys.readouterr().err
    assert main(["language", str(tmp_path / "none.json")]) == 2
    empty = tmp_path / "empty.json"
    empty.write_text("[]")
    assert main(["language", str(empty)]) == 2
    assert "error" in capsys.readouterr().err.lower()
