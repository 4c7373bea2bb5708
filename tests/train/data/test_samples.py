"""Samples: the words, the boxes and the pixels that belong together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdk.geometry import area, contains, cxcywh_to_xyxy, intersection, iou
from sdk.letterbox import Letterbox
from sdk.text import Tokenizer
from train.data.batches import ABSENT, SPOKEN_OF, all_phrases, labelled
from train.data.samples import NOTHING, PROMPT_PHRASES, Ask, Labelled, Sampler
from train.data.views import pixels_of
from train.models.grounding_dino.config import PizaConfig
from train.models.piza import trajectories

FRAME = (0.0, 0.0, 640.0, 480.0)
Street = tuple[tuple[int, int], Labelled]


def frame_boxes(boxes_cxcywh: np.ndarray, window: np.ndarray, config: PizaConfig) -> np.ndarray:
    return Letterbox(tuple(window), config.input_hw).to_frame(cxcywh_to_xyxy(boxes_cxcywh))


def target_of(scene: Labelled) -> dict[str, int | None]:
    """The target of each sentence."""
    return {ask.ref: ask.target for ask in scene.expressions}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("zoomed", [False, True])
def test_phrases_say_what_is_there(
    street: Street, sampler: Sampler, spoken, zoomed: bool, seed: int
) -> None:
    wh, scene = street
    sample = sampler.phrases(wh, scene, zoomed, np.random.default_rng(seed))
    window = sample.view.window
    prompt = sample.tokens.ref.removesuffix(" .").split(" . ")
    assert len(set(prompt)) == len(prompt) == PROMPT_PHRASES
    assert sample.tokens.unknown == ()
    # each object that is wholly in view and asked for is a target, with its own phrase
    whole = np.flatnonzero(trajectories.visible(scene.boxes, window))
    wanted = [i for i in whole if scene.phrases[i] in prompt]
    assert wanted
    assert spoken(sample) == [scene.phrases[i] for i in wanted]
    placed = frame_boxes(sample.places, window, sampler.config)
    np.testing.assert_allclose(placed, scene.boxes[wanted], atol=1e-6)
    # nothing that is asked for is cut by the window's border
    cut = set(range(len(scene.boxes))) - set(whole)
    cut = {i for i in cut if intersection(scene.boxes[i], window) > 0}
    assert not {scene.phrases[i] for i in cut} & set(prompt)
    assert (sample.progress > 0) == zoomed


def test_phrases_of_objects_that_are_cut_are_not_asked_for(sampler: Sampler) -> None:
    """Cars side by side: the window's border cuts some that look like others inside."""
    corners = np.array([[x, y] for x in range(0, 600, 45) for y in range(0, 440, 45)], np.float64)
    boxes = np.concatenate([corners, corners + 40], axis=1)
    colours = ("red car", "blue car", "white car", "green car", "black car")
    phrases = tuple(colours[index * 7 % 23 % 5] for index in range(len(boxes)))
    nothing = np.full(len(boxes), NOTHING)
    scene = Labelled(boxes, phrases, nothing, nothing, tuple(range(len(boxes))), (), ())
    wh, both = (640, 480), 0
    for seed in range(20):
        sample = sampler.phrases(wh, scene, True, np.random.default_rng(seed))
        window = sample.view.window
        whole = trajectories.visible(boxes, window)
        cut = (intersection(boxes, window) > 0) & ~whole
        inside, outside = ({phrases[i] for i in np.flatnonzero(mask)} for mask in (whole, cut))
        both += len(inside & outside) > 0
        asked = set(sample.tokens.ref.removesuffix(" .").split(" . "))
        assert not asked & outside
        assert asked >= inside - outside
    assert both > 10


@pytest.mark.parametrize("seed", range(8))
def test_the_first_step_asks_about_the_whole_frame(
    street: Street, sampler: Sampler, spoken, special, seed: int
) -> None:
    wh, scene = street
    special()
    sample = sampler.first_step(wh, scene, np.random.default_rng(seed))
    window = sample.view.window
    assert tuple(window) == FRAME
    assert sample.progress == 0
    targets = [target_of(scene)[ref] for ref in spoken(sample)]
    assert len(set(targets)) == len(targets) >= 1
    assert sample.tokens.ref == " . ".join(spoken(sample)) + " ."
    # the next box is a window about the target, on the way to it
    boxes = frame_boxes(sample.boxes, window, sampler.config)
    for target, box in zip(targets, boxes, strict=True):
        assert contains(box, scene.boxes[target], 1e-6)
        expected = trajectories.zoom_window(scene.boxes[target], FRAME, trajectories.FIRST_EXPONENT)
        np.testing.assert_allclose(box, expected, atol=1e-6)
    placed = frame_boxes(sample.places, window, sampler.config)
    np.testing.assert_allclose(placed, scene.boxes[targets], atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_the_second_step_asks_for_the_target_itself(
    street: Street, sampler: Sampler, spoken, special, seed: int
) -> None:
    wh, scene = street
    special()
    sample = sampler.second_step(wh, scene, np.random.default_rng(seed))
    window = sample.view.window
    targets = [target_of(scene)[ref] for ref in spoken(sample)]
    for ref in sample.tokens.ref.removesuffix(" .").split(" . "):
        if ref not in spoken(sample):
            assert intersection(window, scene.boxes[target_of(scene)[ref]]) == 0
    assert contains(window, scene.boxes[targets[0]], 1e-6)
    assert area(window) < 0.5 * 640 * 480
    for target in targets[1:]:
        assert contains(window, scene.boxes[target])
    placed = frame_boxes(sample.places, window, sampler.config)
    np.testing.assert_allclose(placed, scene.boxes[targets], atol=1e-6)
    boxes = frame_boxes(sample.boxes, window, sampler.config)
    for target, box in zip(targets, boxes, strict=True):
        expected = trajectories.next_box(scene.boxes[target], window, (640, 480))
        np.testing.assert_allclose(box, expected, atol=1e-6)
    done = trajectories.progress(window, scene.boxes[targets[0]], (640, 480))
    assert sample.progress == pytest.approx(done, abs=0.15)
    assert round(sample.progress / 0.05, 6) % 1 == 0


@pytest.mark.parametrize("seed", range(8))
def test_a_window_that_misses_the_target_has_no_answer(
    street: Street, sampler: Sampler, spoken, special, seed: int
) -> None:
    wh, scene = street
    special(WANDERING_SHARE=1.0)
    sample = sampler.second_step(wh, scene, np.random.default_rng(seed))
    window = sample.view.window
    asked = sample.tokens.ref.removesuffix(" .").split(" . ")
    target = target_of(scene)[asked[0]]
    if intersection(window, scene.boxes[target]):  # there was nowhere to wander to
        assert target in (1, 2)  # they overlap
    else:
        assert asked[0] not in spoken(sample)
        assert len(sample.boxes) == len(sample.places) == len(sample.spans) == len(spoken(sample))
        assert 0 < sample.progress < 1


def test_prompts_of_one_and_of_several_sentences(street: Street, sampler: Sampler, special) -> None:
    special()
    counts = set()
    for seed in range(20):
        sample = sampler.first_step(*street, np.random.default_rng(seed))
        counts.add(sample.tokens.ref.count(" . ") + 1)
    assert counts == {1, 3}  # there are three objects to ask for


def test_sentences_that_do_not_fit_are_left_out(street: Street, config: PizaConfig) -> None:
    """A prompt of 17 tokens holds the long sentence alone, or several short ones."""
    wh, scene = street
    long = "the red car on the left near the white van and the blue car"
    scene = replace(scene, expressions=(Ask(long, 0), *scene.expressions[1:]), absent=())
    short = Sampler(replace(config, max_tokens=17), _tokenizer_of(17), all_phrases())
    prompts = set()
    for seed in range(20):
        sample = short.first_step(wh, scene, np.random.default_rng(seed))
        prompts.add(sample.tokens.ref)
        assert len(sample.spans) == sample.tokens.ref.count(" .")
    assert {prompt for prompt in prompts if long in prompt} == {f"{long} ."}
    assert "the white van . the blue car ." in prompts


def _tokenizer_of(max_tokens: int) -> Tokenizer:
    import tokenizers

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "?"]
    vocabulary = {word: number for number, word in enumerate(words)}
    backend = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return Tokenizer(backend, max_tokens)


@pytest.mark.parametrize("step", ["first_step", "second_step", "phrases"])
def test_places_are_where_the_objects_are_drawn(
    street: Street, sampler: Sampler, special, step: str
) -> None:
    """The only white thing in a grey frame is found, by its pixels, where the sample says."""
    wh, scene = street
    special()
    height, width = sampler.config.input_hw
    frame = np.full((480, 640, 3), 128, np.uint8)
    frame[80:110, 60:90] = 255  # object 0
    one = np.array([0])
    only = Labelled(scene.boxes[:1], ("red car",), one, one, (0,), (Ask("the red car", 0),), ())
    for seed in range(5):
        rng = np.random.default_rng(seed)
        if step == "phrases":
            sample = sampler.phrases(wh, only, True, rng)
        else:
            sample = getattr(sampler, step)(wh, only, rng)
        assert sample.pixels is None  # until somebody makes them
        bright = pixels_of(frame, sample.view, sampler.config).sum(0)
        rows, columns = np.nonzero(bright > (bright.max() + np.median(bright)) / 2)
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        expected = cxcywh_to_xyxy(sample.places[0]) * [width, height, width, height]
        np.testing.assert_allclose(found, expected, atol=1.0)
        assert iou(cxcywh_to_xyxy(sample.boxes[0]), cxcywh_to_xyxy(sample.places[0])) > 0


@pytest.mark.parametrize("number", [900, 901])
def test_scenes_are_said_in_words_that_the_model_knows(number: int, tokenizer: Tokenizer) -> None:
    scene = labelled(number, 5)
    assert scene.number == number
    assert len(scene.boxes) == len(scene.phrases)
    assert 4 <= len(scene.expressions) <= SPOKEN_OF
    assert len(scene.absent) == ABSENT
    again, other = labelled(number, 5), labelled(number, 6)
    assert scene.expressions == again.expressions
    assert {ask.ref for ask in scene.expressions} != {ask.ref for ask in other.expressions}
    for ref in (*(ask.ref for ask in scene.expressions), *scene.absent, *scene.phrases):
        assert tokenizer.encode(ref).unknown == ()
    assert {ask.target for ask in scene.expressions} <= set(scene.targetable)
    assert set(scene.phrases) <= set(all_phrases())


def test_the_longest_phrases_fit_into_one_prompt(tokenizer: Tokenizer) -> None:
    longest = sorted(all_phrases(), key=lambda p: len(p.split()))[-PROMPT_PHRASES:]
    tokens, spans = tokenizer.encode_phrases(longest)
    assert len(spans) == PROMPT_PHRASES
    assert np.count_nonzero(tokens.segments) <= 64


@pytest.mark.parametrize("seed", range(6))
def test_everything_in_view_is_labelled(street: Street, sampler: Sampler, seed) -> None:
    wh, scene = street
    make = (sampler.first_step, sampler.second_step)[seed % 2]
    sample = make(wh, scene, np.random.default_rng(seed))
    window, seen = sample.view.window, sample.seen
    whole = np.flatnonzero(trajectories.visible(scene.boxes, window))
    placed = frame_boxes(seen.places, window, sampler.config)
    np.testing.assert_allclose(placed, scene.boxes[whole], atol=1e-6)
    assert seen.kinds.tolist() == scene.kinds[whole].tolist()
    assert seen.colours.tolist() == scene.colours[whole].tolist()


def test_words_are_marked_with_what_they_mean(sampler: Sampler, tokenizer: Tokenizer) -> None:
    """Noun phrases in order: the second "car" is the referent, "red" is nobody's twice."""
    boxes = np.array([[100, 100, 130, 130], [200, 100, 240, 130]], np.float64)
    ref = "The red car, which is left of the red vehicle."
    ask = Ask(ref, 0, (("red car", 0), ("red vehicle", 1), ("never said", 1)))
    labels = np.array([0, 0])
    scene = Labelled(boxes, ("red car", "red van"), labels, labels, (0, 1), (ask,), ())
    sample = sampler.first_step((640, 480), scene, np.random.default_rng(0))
    names = [tokenizer._tokenizer.id_to_token(int(number)) for number in sample.tokens.ids]
    said = [[names[k] for k in np.flatnonzero(row)] for row in sample.seen.mentions]
    assert said == [["red", "car"], ["red", "vehicle"]]
    assert not (sample.seen.mentions[0] & sample.seen.mentions[1]).any()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("step", ["first_step", "second_step"])
def test_sentences_that_are_true_of_nothing_have_no_target(
    street: Street, sampler: Sampler, spoken, special, step: str, seed: int
) -> None:
    wh, scene = street
    special(ABSENT_SHARE=1.0)
    sample = getattr(sampler, step)(wh, scene, np.random.default_rng(seed))
    asked = sample.tokens.ref.removesuffix(" .").split(" . ")
    assert asked[0] in scene.absent
    assert len(set(asked)) == len(asked)
    for ref in asked:
        assert (ref in scene.absent) <= (ref not in spoken(sample))
