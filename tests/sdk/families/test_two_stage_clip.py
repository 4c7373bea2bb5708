"""Proposals chosen by their looks or by descriptions of them; regions without a detector."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from sdk import EngineError, Grounder, MissingRuntimeError, Start
from sdk.engine.folder import read_manifest
from sdk.engine.manifest import ImageInput
from sdk.families import family
from sdk.families.two_stage import read_pipeline
from sdk.regions.clip_scorers import ClipScorer, PseudoQueriesScorer, descriptions
from sdk.regions.heatmap import HeatmapProposer
from sdk.regions.proposals import Proposals
from sdk.regions.subject import noun_phrases
from sdk.regions.views import usual_view

RED, BLUE, GREEN = (40, 200, 100, 240), (300, 200, 360, 240), (380, 190, 400, 250)
ROWS = [(*RED, 0.9, 0), (*BLUE, 0.8, 0), (*GREEN, 0.85, 2)]


@pytest.fixture
def street():
    """A grey frame with a red car, a blue car and a person in green."""
    frame = np.full((480, 640, 3), 120, np.uint8)
    for (x1, y1, x2, y2), bgr in (
        (RED, (20, 20, 220)),
        (BLUE, (220, 20, 20)),
        (GREEN, (20, 220, 20)),
    ):
        frame[y1:y2, x1:x2] = bgr
    return frame


@pytest.mark.parametrize("kind", ["tight", "margin", "padded", "blurred"])
def test_what_looks_like_the_sentence(make_two_stage, street, kind):
    folder = make_two_stage(ROWS, [ClipScorer(usual_view(kind))])
    with Grounder(folder) as grounder:
        red, blue, green = grounder.locate(street, ["red car", "the blue one", "a green zzyzx"])
    for answer, box in ((red, RED), (blue, BLUE), (green, GREEN)):
        assert answer.xyxy.tolist() == list(box)
        assert answer.found
        assert not answer.unknown_words  # its tokenizer knows them all
        scores = [each.score for each in answer.considered]
        assert sum(scores) == pytest.approx(1.0, abs=1e-5)
        assert 0 < answer.considered[0].parts["look"] <= 1


def test_work_is_done_once(make_two_stage, street):
    """A crop once a frame for all sentences, a sentence once for all frames."""
    with Grounder(make_two_stage(ROWS, ["clip"])) as grounder:
        grounder.locate(street, ["red car", "blue car", "red car"])
        assert grounder.runs == {"crop": 1 + 3, "detector": 1, "clip-text": 2, "clip-image": 1}
        grounder.locate(street, "red car")
        assert grounder.runs == {
            "crop": 2 * (1 + 3),
            "detector": 2,
            "clip-text": 2,
            "clip-image": 2,
        }
        assert set(grounder.locate(street, "a car").timing_ms) >= {"clip-text", "clip-image"}


def test_what_words_say_is_multiplied(make_two_stage, street):
    """CLIP for the look, words for the relation: neither can tell the two red ones apart alone."""
    street[200:240, 500:560] = (20, 20, 220)
    rows = [*ROWS, (500, 200, 560, 240, 0.95, 0)]
    ref = "the red car left of the blue car"
    long = {"max_tokens": 12}
    with Grounder(make_two_stage(rows, ["clip"], said=long)) as grounder:
        alone = grounder.locate(street, ref)
    with Grounder(make_two_stage(rows, ["words", "clip"], said=long)) as grounder:
        both = grounder.locate(street, ref)
    assert abs(alone.considered[0].score - alone.considered[1].score) < 0.01
    assert both.xyxy.tolist() == list(RED)
    assert both.considered[0].score > 2 * both.considered[1].score
    assert {"kind", "relation", "look"} <= set(both.considered[0].parts)


def test_only_the_surest_are_looked_at(make_two_stage, street):
    with Grounder(make_two_stage(ROWS, [ClipScorer(most=2)])) as grounder:
        answer = grounder.locate(street, "the blue car")  # the least sure of the three
        assert grounder.runs["crop"] == 1 + 2
    assert answer.xyxy.tolist() != list(BLUE)
    assert next(c for c in answer.considered if c.xyxy.tolist() == list(BLUE)).score == 0.0


@pytest.mark.parametrize("scorers", [["clip"], ["pseudo-queries"], ["words", "clip"]])
def test_nothing_is_proposed(make_two_stage, street, scorers):
    with Grounder(make_two_stage([(*RED, 0.0, 0)], scorers)) as grounder:
        answer = grounder.locate(street, "the red car")
    assert (answer.found, answer.xyxy, answer.complete) == (False, None, True)
    assert answer.reason.startswith("the detector proposes nothing in this frame")


def test_boxes_of_a_pixel_and_of_none(make_two_stage, street):
    rows = [
        (50, 210, 51, 211, 0.9, 0),
        (310, 210, 310.01, 210.01, 0.8, 0),
        (0, 0, 640, 480, 0.7, 1),
    ]
    for kind in ("tight", "margin", "padded", "blurred"):
        with Grounder(make_two_stage(rows, [ClipScorer(usual_view(kind))])) as grounder:
            red, blue = grounder.locate(street, ["the red car", "the blue car"])
        assert red.xyxy.tolist() == [50, 210, 51, 211]
        np.testing.assert_allclose(blue.xyxy, rows[1][:4], atol=1e-3)


def test_a_sentence_that_is_too_long_is_cut(make_two_stage, street):
    with Grounder(make_two_stage(ROWS, ["clip"])) as grounder:
        with pytest.warns(UserWarning, match="longer than the 6 tokens"):
            answer = grounder.locate(street, "the car the car the blue red red red")
        assert answer.xyxy.tolist() == list(BLUE)


def test_a_deadline_leaves_some_unseen(make_two_stage, street):
    rows = [(x, 200, x + 20, 220, 0.9, 0) for x in range(0, 640, 20)]
    with Grounder(make_two_stage(rows, ["clip"])) as grounder:
        grounder.locate(street, "the red car")
        for (stage, _), cost in grounder._pace._costs.items():
            if stage == "looks":  # a crop is taken to cost a second
                cost.count, cost.mean, cost.least, cost.spread = 1, 1000.0, 1000.0, 0.0
        seen = grounder.runs["clip-image"]
        answer = grounder.locate(street, "the red car", deadline_ms=6000)
        assert 0 < grounder.runs["clip-image"] - seen < len(rows) / 4
    assert (answer.found, answer.complete) == (False, False)
    assert "the best of what was seen until then" in answer.reason


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"reading": "cosine"}, lambda cosine: cosine),
        (
            {"reading": "sigmoid", "scale": 8.0, "bias": -4.0},
            lambda cosine: 1 / (1 + np.exp(4 - 8 * cosine)),
        ),
    ],
)
def test_other_readings_judge_each_proposal_alone(make_two_stage, street, said, expected):
    with Grounder(make_two_stage(ROWS, ["clip"], said=said)) as grounder:
        answer = grounder.locate(street, "the red car")
    for each in answer.considered:
        if each.parts["look"] > 0:
            assert each.score == pytest.approx(expected(each.parts["look"]), abs=1e-5)
    assert answer.considered[0].score > 0.9


def test_the_subject_alone(make_two_stage, street):
    """All the colours of a sentence are heard, or those of what it is about."""
    ref = "a red car near the blue car and the blue bus"
    with Grounder(make_two_stage(ROWS, ["clip"], said={"max_tokens": 12})) as grounder:
        assert grounder.locate(street, ref).xyxy.tolist() == list(BLUE)
    with Grounder(make_two_stage(ROWS, [ClipScorer(subject=True)])) as grounder:
        assert grounder.locate(street, ref).xyxy.tolist() == list(RED)
        # Nothing is like a bus: then the next noun phrase is asked for.
        assert grounder.locate(street, "the bus near the blue car").xyxy.tolist() == list(BLUE)
        before = grounder.runs["clip-text"]
        grounder.locate(street, "the bus near the car")  # in the end the sentence itself
        assert grounder.runs["clip-text"] - before == 2


def test_noun_phrases_of_sentences():
    found = {
        "There is a white van left of the bus.": ("white van", "bus"),
        "the red car between the black car and the white van": (
            "red car", "black car", "white van",
        ),
        "the car's roof": ("car's roof",),
        "a large zzyzx, the one on the left": ("large zzyzx", "one"),
        "red": (),
    }  # fmt: skip
    assert {ref: noun_phrases(ref) for ref in found} == found


def test_what_can_be_said_of_proposals(street):
    proposals = Proposals(
        np.array([RED, GREEN, (0, 0, 640, 480)], np.float32), [0.9, 0.8, 0.7], [0, 2, 1],
        ("car", "bus", "person"),
    )  # fmt: skip
    red, green, grey = descriptions(street, "bgr", proposals)
    assert red == ("red car", "car on the left", "red car on the left")
    assert green[2] == "green person in the middle"
    assert grey[2].endswith("bus in the middle")
    swapped = descriptions(street[..., ::-1], "rgb", proposals)
    assert swapped == [red, green, grey]
    assert descriptions(street, "bgr", Proposals.empty(("car",))) == []


def test_sentences_against_descriptions(make_two_stage, street):
    text_alone = {"image_network": None}
    with Grounder(make_two_stage(ROWS, ["pseudo-queries"], said=text_alone)) as grounder:
        answer = grounder.locate(street, "a blue one")
        assert "clip-image" not in grounder.runs
        texts = grounder.runs["clip-text"]
        assert texts <= 1 + 3 * 3
        grounder.locate(street, "a blue one")
        assert grounder.runs["clip-text"] == texts
    assert answer.xyxy.tolist() == list(BLUE)
    assert answer.considered[0].parts["description"] > 0.99
    with Grounder(make_two_stage(ROWS, [PseudoQueriesScorer(1)])) as grounder:
        assert grounder.locate(street, "a blue one").xyxy.tolist() == list(RED)


@pytest.fixture
def lawn():
    """Grey noise, with a large red thing and a blue one."""
    frame = np.random.default_rng(0).integers(116, 124, (240, 320, 3)).astype(np.uint8)
    frame[64:144, 32:112] = (20, 20, 220)
    frame[96:192, 208:288] = (220, 20, 20)
    return frame


@pytest.mark.parametrize("segmentation", ["watershed", "slic"])
def test_a_heatmap_proposes_what_a_sentence_means(make_two_stage, lawn, segmentation):
    folder = make_two_stage((), ["clip"], HeatmapProposer(segmentation), {"reading": "cosine"})
    manifest = read_manifest(folder)
    assert any(segmentation in line for line in family(manifest).describe(manifest))
    assert read_pipeline(manifest).proposer == HeatmapProposer(segmentation)
    with pytest.raises(EngineError, match="expected an engine with a detector"):
        read_pipeline(manifest).by_detector  # noqa: B018
    with Grounder(folder) as grounder:
        red, blue = grounder.locate(lawn, ["the red car", "the blue car"])
        crops = grounder.runs["crop"]
        assert grounder.runs["clip-image"] <= -(-crops // 4) + 2
        again = grounder.locate(lawn, "the red car", start=Start((0, 0, 20, 20), 0.5))
    for answer, (x, y) in ((red, (72, 104)), (blue, (248, 144))):
        x1, y1, x2, y2 = answer.xyxy.tolist()
        assert x1 < x < x2
        assert y1 < y < y2
        assert answer.found
        [only] = answer.considered
        assert only.label == "region"
    assert again.xyxy.tolist() == red.xyxy.tolist()


def test_a_frame_in_which_no_region_stands_out(make_two_stage, lawn):
    folder = make_two_stage((), ["clip"], HeatmapProposer(), {"reading": "cosine"})
    with Grounder(folder) as grounder:
        answer = grounder.locate(np.full((40, 40, 3), 90, np.uint8), "the red car")
        assert (answer.xyxy, answer.complete) == (None, True)
        assert answer.reason == "no region of this frame stands out"
        grounder.locate(lawn, "the red car")
        for (stage, _), cost in grounder._pace._costs.items():
            if stage == "looks":
                cost.count, cost.mean, cost.least, cost.spread = 1, 1e6, 1e6, 0.0
        answer = grounder.locate(lawn, "the red car", deadline_ms=5000)
    assert (answer.xyxy, answer.complete) == (None, False)
    assert "left no time to compare the regions" in answer.reason


def test_without_scikit_image(make_two_stage, monkeypatch):
    folder = make_two_stage((), ["clip"], HeatmapProposer())
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(MissingRuntimeError, match=r"\[segclip\] extra"):
        Grounder(folder)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("clip", "image"), "other", "'image' to be one of detector, clip-text, clip-image"),
        (("clip", "reading"), "palm", "'reading' to be one of softmax, sigmoid, cosine"),
        (("clip", "scale"), -1, "'scale'"),
        (("clip", "batch"), 0, "'batch'"),
        (("clip", "batch"), 5, "the manifest says crops is"),
        (("clip", "max_tokens"), 9, "the manifest says clip_tokens is"),
        (("clip",), None, "'clip' to be an object"),
        (("scorers", 0, "view"), {"kind": "round", "around": 0}, "'kind' to be one of tight"),
        (("scorers", 0, "most"), 0, "'most'"),
        (("scorers", 0, "subject"), "yes", "'subject' to be true or false"),
        (("look",), {**HeatmapProposer().to_mapping(), "segmentation": "axe"}, "'segmentation'"),
    ],
)
def test_blocks_that_make_no_sense(make_two_stage, path, value, message):
    block = json.loads(json.dumps(dict(read_manifest(make_two_stage(ROWS, ["clip"])).block)))
    place = block
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(EngineError, match=message):
        Grounder(make_two_stage(ROWS, ["clip"], block=block))


def test_scorers_without_what_they_need(make_two_stage):
    block = dict(read_manifest(make_two_stage(ROWS, ["clip"])).block)
    del block["clip"]
    with pytest.raises(EngineError, match=r"some that need no (image|text) or \w+ network"):
        Grounder(make_two_stage(ROWS, ["clip"], block=block))
    with pytest.raises(EngineError, match="some that need no image network"):
        Grounder(make_two_stage(ROWS, ["clip"], said={"image_network": None}))
    with pytest.raises(EngineError, match="clip alone, for a region has no kind"):
        Grounder(make_two_stage((), ["clip", "words"], HeatmapProposer()))
    with pytest.raises(EngineError, match="other regions, as no network pools them"):
        Grounder(make_two_stage((), ["clip"], HeatmapProposer(pool="attention")))
    with pytest.raises(EngineError, match=r"has no clip-tokenizer\.json"):
        Grounder(make_two_stage(ROWS, ["clip"], files={}))
    image = ImageInput((16, 8), (0.0,) * 3, (1.0,) * 3)
    with pytest.raises(EngineError, match="expected square crops"):
        Grounder(make_two_stage(ROWS, ["clip"], said={"image": image}))
    with pytest.raises(EngineError, match="does not say what 'crops' are like"):
        Grounder(make_two_stage(ROWS, ["clip"], inputs={"pixels": image}))
