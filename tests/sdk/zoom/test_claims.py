"""What sentences claim, and candidates weighed by it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.engine.folder import default_engine
from sdk.engine.manifest import TOKENIZER_FILE
from sdk.letterbox import Letterbox
from sdk.results.grounding import Candidates
from sdk.text import Tokenizer
from sdk.zoom.claims import Claim, claims_of, locations, weighed
from sdk.zoom.search import search
from sdk.zoom.state import SearchConfig, Start, ZoomPolicy

LEVELS = ((18, 32), (9, 16))
FRAME_WH, INPUT_HW = (1920, 1080), (360, 640)  # without letterbox bars
PLACES = locations(LEVELS) * FRAME_WH
WHOLE = Letterbox((0, 0, *FRAME_WH), INPUT_HW)
TOKENS = 24
BUS, CAR, OWN = 7, 9, 2  # tokens
ANY = st.floats(allow_nan=True, allow_infinity=True, width=32)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(default_engine() / TOKENIZER_FILE, 64)


def meant(*objects: tuple[int, tuple[float, float], float]) -> np.ndarray:
    """Meanings ``(N, TOKENS)``: tokens, where their objects are (frame pixels), logits."""
    logits = np.full((len(PLACES), TOKENS), -6.0, np.float32)
    for token, place, value in objects:
        nearest = np.abs(PLACES - place).max(axis=1).argmin()
        logits[nearest, token] = value
    return logits


def boxes_at(*centres: tuple[float, float]) -> np.ndarray:
    middle = np.array(centres, np.float64).reshape(-1, 2)
    return np.concatenate([middle - 20, middle + 20], axis=1)


def weigh(claims, boxes, scores, meanings) -> np.ndarray:
    scored = np.array(scores, np.float32)
    return weighed(claims, boxes, scored, meanings, LEVELS, WHOLE, FRAME_WH)


def said(tokenizer: Tokenizer, ref: str) -> list[tuple[str, list[str]]]:
    """Claims with the words of their tokens."""
    tokens = tokenizer.encode(ref)
    words = [tokens.ref[slice(*tokens.offsets[t - 1])] for t in range(1, len(tokens.offsets) + 1)]
    return [(c.name, [words[t - 1] for t in c.tokens]) for c in claims_of(tokens)]


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("The red car left of the bus.", [("left of", ["bus"])]),
        ("to the left of the bus there is a red car", [("left of", ["bus"])]),
        (
            "Where is the van near a cone and behind the bus?",
            [("near", ["cone"]), ("behind", ["bus"])],
        ),
        ("the car between the bus and the van", [("between", ["bus", "van"])]),
        ("the car between two buses", [("between", ["buses"])]),
        ("the leftmost red car", [("leftmost", ["car"])]),
        ("the second car from the right", [("rightmost", ["car"])]),
        ("the car that is not left of the bus", [("left of", ["bus"])]),
        ("the car shown from the side, right of the bus", [("right of", ["bus"])]),
        ("the car at the bottom left of the image", [("bottom left", [])]),
        ("the car in the background", [("background", [])]),
        ("the sign in the background", []),
        (
            "keep an eye on the person in red riding a bike squeezed between a bus and a van",
            [("between", ["bus", "van"])],
        ),
        ("could you please point to the van about forty meters away", []),
        ("zoom in on the crimson car off to the left of the bus", [("left of", ["bus"])]),
        # which nothing here can tell
        ("the red car", []),
        ("the car on the road", []),
        ("the car near a tree", []),
        ("the car with several cars nearby", []),
        ("the car next to the zyzzyva", []),
        ("it", []),
    ],
)
def test_what_is_claimed(tokenizer: Tokenizer, ref: str, expected) -> None:
    assert said(tokenizer, ref) == expected


def test_a_claim_knows_its_number_and_its_not(tokenizer: Tokenizer) -> None:
    (claim,) = claims_of(tokenizer.encode("the second car from the right"))
    assert claim.number == 2
    (claim,) = claims_of(tokenizer.encode("the car that is not left of the bus"))
    assert claim.negated


def test_equal_nouns_have_tokens_of_their_own(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("the person in red left of the person in blue")
    (claim,) = claims_of(tokens)
    words = [tokens.ref[a:b] for a, b in tokens.offsets]
    assert words[claim.tokens[0] - 1] == "person"
    assert claim.tokens[0] - 1 == len(words) - 1 - words[::-1].index("person")


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_claims_of_anything(tokenizer: Tokenizer, text: str) -> None:
    tokens = tokenizer.encode(f"the car near {text} left of the bus"[:60])
    for claim in claims_of(tokens):
        assert all(0 < token < np.count_nonzero(tokens.segments) for token in claim.tokens)


def test_locations_are_centres_of_cells() -> None:
    found = locations(((1, 2), (1, 1)))
    assert found.tolist() == [[0.25, 0.5], [0.75, 0.5], [0.5, 0.5]]


def test_a_landmark_hides_what_is_beside_it() -> None:
    """Four landmarks: a fifth object counts only where two of the others are one."""
    row = [(BUS, (300 + 300 * k, 300), 1.0 - k / 100) for k in range(4)]
    beside, last = (BUS, (360, 300), 0.999), (BUS, (1500, 800), 0.5)
    claims = [Claim("near", (BUS,))]
    hidden = weigh(claims, boxes_at((1550, 800)), [0.5], meant(beside, *row[:3], last))
    one_more = weigh(claims, boxes_at((1550, 800)), [0.5], meant(*row, last))
    assert hidden[0] > one_more[0]


RIGHT_SIDE = {  # of a thing at the middle: where what is claimed holds, where it does not
    "left of": ((700, 540), (1220, 540)),
    "right of": ((1220, 540), (700, 540)),
    "above": ((960, 300), (960, 780)),
    "below": ((960, 780), (960, 300)),
    "near": ((1030, 560), (1600, 900)),
    "beside": ((1040, 545), (960, 780)),
    "in front of": ((970, 640), (970, 440)),
    "behind": ((970, 440), (970, 640)),
    "ahead of": ((970, 640), (1600, 640)),
    "nearer": ((500, 700), (500, 400)),
    "farther": ((500, 400), (500, 700)),
    "closest": ((1060, 600), (1700, 900)),
}


@pytest.mark.parametrize("name", RIGHT_SIDE)
@pytest.mark.parametrize("negated", [False, True])
def test_where_a_relation_holds(name: str, negated: bool) -> None:
    meanings = meant((BUS, (960, 540), 1.0))
    claim = Claim(name, (BUS,), negated)
    yes, no = weigh([claim], boxes_at(*RIGHT_SIDE[name]), [0.5, 0.5], meanings)
    assert (yes < 0.5 < no) if negated else (no < 0.5 < yes)


def test_between() -> None:
    meanings = meant((BUS, (600, 540), 1.0), (CAR, (1300, 540), 1.0))
    inside, outside = boxes_at((950, 550), (1600, 540))
    both = Claim("between", (BUS, CAR))
    yes, no = weigh([both], np.stack([inside, outside]), [0.5, 0.5], meanings)
    assert no < 0.5 < yes
    two = meant((BUS, (600, 540), 1.0), (BUS, (1300, 540), 1.0))
    yes, no = weigh([Claim("between", (BUS,))], np.stack([inside, outside]), [0.5, 0.5], two)
    assert no < 0.5 < yes


@pytest.mark.parametrize(
    ("name", "number", "first"),
    [("leftmost", 1, 0), ("leftmost", 2, 1), ("rightmost", 1, 2), ("rightmost", 3, 0)],
)
def test_ranks(name: str, number: int, first: int) -> None:
    row = (400, 540), (900, 540), (1500, 540)
    meanings = meant(*((OWN, place, 1.0 - k / 10) for k, place in enumerate(row)))
    found = weigh([Claim(name, (OWN,), number=number)], boxes_at(*row), [0.5] * 3, meanings)
    assert found.argmax() == first


@pytest.mark.parametrize(
    ("name", "there", "elsewhere"),
    [
        ("left", (300, 500), (1500, 500)),
        ("right edge", (1500, 500), (300, 500)),
        ("top", (960, 200), (960, 900)),
        ("bottom", (960, 900), (960, 200)),
        ("middle", (960, 500), (300, 500)),
        ("top left", (300, 200), (300, 900)),
        ("bottom right", (1500, 900), (300, 900)),
        ("foreground", (960, 900), (960, 500)),
        ("background", (960, 500), (960, 900)),
    ],
)
def test_places(name: str, there, elsewhere) -> None:
    yes, no = weigh([Claim(name, ())], boxes_at(there, elsewhere), [0.5, 0.5], meant())
    assert no < 0.5 < yes


def test_a_landmark_that_is_the_candidate_is_none() -> None:
    """ "the person near another person": not near itself."""
    meanings = meant((OWN, (500, 500), 1.0), (OWN, (1500, 500), 0.5))
    found = weigh([Claim("near", (OWN,))], boxes_at((500, 500)), [0.5], meanings)
    assert found[0] < 0.5


def test_one_claim_that_fails_outweighs_one_that_holds() -> None:
    meanings = meant((BUS, (960, 540), 1.0), (CAR, (960, 540), 1.0))
    claims = [Claim("left of", (BUS,)), Claim("right of", (CAR,))]
    assert weigh(claims, boxes_at((700, 540)), [0.5], meanings)[0] < 0.3


@given(
    st.lists(st.tuples(ANY, st.floats(-500, 2500), st.floats(-500, 1500)), max_size=6),
    st.sampled_from([*RIGHT_SIDE, "between", "leftmost", "lowest"]),
    st.lists(st.tuples(st.floats(0, 1920), st.floats(0, 1080), ANY), max_size=3),
)
@settings(deadline=None)
def test_scores_stay_scores(candidates, name: str, objects) -> None:
    scores = [0.0 if math.isnan(s) else min(max(s, 0.0), 1.0) for s, _, _ in candidates]
    boxes = boxes_at(*((x, y) for _, x, y in candidates))
    meanings = meant(*((BUS, (x, y), v) for x, y, v in objects))
    found = weigh([Claim(name, (BUS,))], boxes, scores, meanings)
    assert found.shape == (len(candidates),)
    assert ((found >= 0.0) & (found <= 1.0)).all()


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(list(RIGHT_SIDE)))
def test_a_better_score_stays_a_better_score(low: float, high: float, name: str) -> None:
    low, high = sorted((low, high))
    meanings = meant((BUS, (960, 540), 1.0))
    boxes = boxes_at((700, 500), (700, 500))
    worse, better = weigh([Claim(name, (BUS,))], boxes, [low, high], meanings)
    assert worse <= better


def test_where_nothing_can_be_told_scores_stay_to_the_bit() -> None:
    scores = np.array([0.3, 0.7], np.float32)
    boxes, meanings = boxes_at((1, 1), (2, 2)), meant()
    assert weighed([], boxes, scores, meanings, LEVELS, WHOLE, FRAME_WH) is scores
    meanings[5, BUS] = np.nan
    found = weighed([Claim("near", (BUS,))], boxes, scores, meanings, LEVELS, WHOLE, FRAME_WH)
    assert found is scores


def test_a_box_that_is_none_gets_no_score() -> None:
    boxes = np.array([[math.nan] * 4, [0, 0, 30, 30]])
    found = weigh([Claim("near", (BUS,))], boxes, [0.9, 0.5], meant((BUS, (99, 99), 1.0)))
    assert np.isnan(found).tolist() == [True, False]


class Twins:
    """Two candidates, the first slightly better by its score; a bus between them."""

    def __init__(self, meanings: np.ndarray | None) -> None:
        unit = boxes_at((1300, 540), (600, 540)) / (*FRAME_WH, *FRAME_WH)
        self.offered = Candidates(
            unit.astype(np.float32), np.array([0.8, 0.7], np.float32), meanings
        )

    def encode_images(self, frame, windows_xyxy):
        return list(windows_xyxy)

    def ground(self, looks):
        return [self.offered for _ in looks]


def first_zoom(meanings, claims, start=None):
    rules = SearchConfig(lambda history: (1.0, 0.5), ZoomPolicy(), INPUT_HW, levels=LEVELS)
    asked = None if claims is None else [claims]
    return search(Twins(meanings), None, FRAME_WH, ["ref"], rules, [start], None, asked)[0].zooms[0]


def test_the_twin_on_the_wrong_side_is_passed_over() -> None:
    told, claims = meant((BUS, (960, 540), 1.0)), (Claim("left of", (BUS,)),)
    zoom = first_zoom(told, claims)
    assert zoom.xyxy[0] < 960
    assert zoom.raw_score > 0.7  # the claim speaks for it
    assert zoom.candidates_scores.tolist() == sorted(zoom.candidates_scores.tolist(), reverse=True)
    assert zoom.candidates_scores[1] < 0.2
    other = first_zoom(told, (replace(claims[0], name="right of"),))
    assert other.xyxy[0] > 960


def test_a_look_after_a_start_weighs_claims_too() -> None:
    told, claims = meant((BUS, (960, 540), 1.0)), (Claim("left of", (BUS,)),)
    zoom = first_zoom(told, claims, Start((0, 0, 1919, 1079)))
    assert zoom.xyxy[0] < 960
    assert zoom.candidates_scores[1] < 0.2


def test_without_claims_or_without_meanings_nothing_changes() -> None:
    told, claims = meant((BUS, (960, 540), 1.0)), (Claim("left of", (BUS,)),)
    for zoom in (first_zoom(told, None), first_zoom(told, ()), first_zoom(None, claims)):
        assert zoom.raw_score == np.float32(0.8)
        assert zoom.candidates_scores.tolist() == [np.float32(0.8), np.float32(0.7)]
