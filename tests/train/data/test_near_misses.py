"""Near misses: their file, how they are drawn, and the samples that are made of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdk.errors import InputError
from sdk.geometry import contains
from train.data.batches import Plan, SceneSamples
from train.data.near_misses import Asked, NearMiss, NearMisses, looks, read_near_misses
from train.data.samples import Ask, Labelled, Sampler
from train.models.piza import trajectories

Street = tuple[tuple[int, int], Labelled]

ABSENT = NearMiss(Ask("the green bus", None), (10.0, 20.0, 300.0, 200.0), 0.4, 0.75)
TRUE = NearMiss(Ask("the blue car", 1, (("blue car", 1),)), (250.0, 150.0, 500.0, 300.0), 0.35, 0.5)
MISSED = replace(TRUE, ask=Ask("the red car on the left", 0, (("red car", 0),)), error=1.0)
CUT = replace(TRUE, window=(310.0, 150.0, 500.0, 300.0), error=1.0)
ABOUT = {"engine": "made@up", "road_share": 0.5}


def write(path: Path, *asked: Asked) -> Path:
    lines = [json.dumps(ABOUT) + "\n", *(each.to_line() for each in asked)]
    path.write_text("".join(lines))
    return path


def test_a_file_gives_what_was_written(tmp_path: Path) -> None:
    """The last line may be half of one; nothing is lost before it."""
    asked = (Asked(0, 9, (ABSENT, TRUE)), Asked(1, 8, ()), Asked(2, 9, (CUT,)))
    path = write(tmp_path / "near.jsonl", *asked)
    known = read_near_misses(path)
    assert (known.asked, dict(known.about), known.count) == (asked, ABOUT, 3)
    path.write_text(path.read_text()[:-5])
    assert read_near_misses(path).asked == asked[:2]
    known.check(path, 0.5)
    with pytest.raises(InputError, match=r"expected --road-share 0.5, .* got 0.0"):
        known.check(path, 0.0)
    with pytest.raises(InputError, match="got none: ask about more scenes"):
        read_near_misses(write(path, asked[1].__class__(0, 9, ()))).check(path, 0.5)


GOOD = ABSENT.to_json()


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["half a line"],
        ["3\n"],
        ["{}\n"],
        [{"engine": "e"}, []],
        [{"engine": "e"}, {"scene": 1, "asked": 9, "misses": []}],  # the first is missing
        [{"engine": "e"}, {"scene": 0, "asked": 9, "misses": [GOOD[:-1]]}],
        [{"engine": "e"}, {"scene": 0, "asked": 9, "misses": [["", *GOOD[1:]]]}],
        [{"engine": "e"}, {"scene": 0, "asked": 9, "misses": [[GOOD[0], -1, *GOOD[2:]]]}],
        [{"engine": "e"}, {"scene": 0, "asked": 9, "misses": [[*GOOD[:3], [5, 5, 5, 9], 0.4, 1]]}],
        [{"engine": "e"}, {"scene": 0, "asked": 9, "misses": [[*GOOD[:4], 1.5, 1]]}],
        [{"engine": "e"}, {"scene": 0, "asked": 9, "misses": [[*GOOD[:4], float("nan"), 1]]}],
    ],
)
def test_other_files_are_refused(lines: list, tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(
        "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    )
    with pytest.raises(InputError, match="expected near misses in"):
        read_near_misses(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("missing", "binary", "."):
        with pytest.raises(InputError, match="cannot read near misses from"):
            read_near_misses(tmp_path / name)


def test_each_is_drawn_as_often_with_the_others_of_its_scene_behind_it() -> None:
    known = NearMisses(ABOUT, (Asked(0, 9, ()), Asked(1, 9, (ABSENT, TRUE, CUT)), Asked(2, 9, ())))
    known = replace(known, asked=(*known.asked, Asked(3, 9, (MISSED,))))
    rng, firsts = np.random.default_rng(0), Counter()
    for _ in range(400):
        scene, misses = known.drawn(rng)
        firsts[misses[0]] += 1
        assert set(misses) == ({MISSED} if scene == 3 else {ABSENT, TRUE, CUT})
        assert len(set(misses)) == len(misses)
    assert set(firsts) == {ABSENT, TRUE, CUT, MISSED}
    assert all(70 <= count <= 130 for count in firsts.values())  # 100 each, 3.5 standard deviations


@pytest.mark.parametrize("seed", range(6))
def test_the_model_is_shown_what_it_saw(
    street: Street, sampler: Sampler, spoken, seed: int
) -> None:
    """What is asked first is the near miss: at the frame, then at its own window and progress."""
    wh, scene = street
    frame, own, other = looks(sampler, wh, scene, [ABSENT, TRUE], np.random.default_rng(seed))
    assert (tuple(frame.view.window), frame.progress) == ((0, 0, 640, 480), 0)
    for sample, miss in ((frame, ABSENT), (own, ABSENT), (other, TRUE)):
        asked = sample.tokens.ref.removesuffix(" .").split(" . ")
        assert asked[0] == miss.ask.ref
        assert len(set(asked)) == len(asked) <= 4
        assert "the green bus" not in spoken(sample)
    for sample, miss in ((own, ABSENT), (other, TRUE)):
        assert (tuple(sample.view.window), sample.progress) == (miss.window, miss.progress)
    assert spoken(other)[0] == "the blue car"


@pytest.mark.parametrize("seed", range(6))
def test_windows_that_miss_or_cut_the_object(
    street: Street, sampler: Sampler, spoken, seed: int
) -> None:
    """In a window without its object a sentence is true of nothing; a cut one is not used."""
    wh, scene = street
    _, missed, cut = looks(sampler, wh, scene, [MISSED, CUT], np.random.default_rng(seed))
    assert tuple(missed.view.window) == MISSED.window
    assert missed.tokens.ref.startswith("the red car on the left .")
    assert "the red car on the left" not in spoken(missed)
    assert contains(cut.view.window, scene.boxes[1], 1e-6)
    assert spoken(cut)[0] == "the blue car"
    done = trajectories.progress(cut.view.window, scene.boxes[1], wh)
    assert cut.progress == pytest.approx(done, abs=0.15)


def test_one_alone_is_looked_at_twice(street: Street, sampler: Sampler) -> None:
    wh, scene = street
    samples = looks(sampler, wh, scene, [ABSENT], np.random.default_rng(0))
    assert [tuple(s.view.window) for s in samples[1:]] == [ABSENT.window] * 2


def test_models_that_do_not_zoom_look_at_the_frame(street: Street, make_config, tokenizer) -> None:
    wh, scene = street
    flat = Sampler(make_config(method="adapter+"), tokenizer, ["red car", "blue car"])
    for sample in looks(flat, wh, scene, [TRUE, ABSENT], np.random.default_rng(0)):
        assert tuple(sample.view.window) == (0, 0, 640, 480)


def test_a_share_of_the_frames_is_theirs(config, tokenizer_file, tmp_path: Path) -> None:
    """After the steps of phrases; items depend on the seed and their number alone."""
    near = Asked(900, 9, (replace(ABSENT, ask=Ask("the purple bus", None)),))
    known = NearMisses(ABOUT, (near,))
    plan = Plan(4, 2, 0.0, rounds=2, near_miss_share=0.5)
    made = (tmp_path, range(901, 903), config, tokenizer_file, plan, 8, 3, True, known)
    data, again = SceneSamples(*made), SceneSamples(*made)
    numbers = [{sample.view.number for sample in data[k]} for k in range(32)]
    assert all(each < {900, 901, 902} and len(each) == 1 for each in numbers)
    theirs = [k for k, each in enumerate(numbers) if each == {900}]
    assert min(theirs) >= 8
    assert 6 <= len(theirs) <= 18  # of 24
    for sample, same in zip(data[theirs[0]], again[theirs[0]], strict=True):
        assert sample.tokens.ref.startswith("the purple bus .")
        assert (sample.tokens.ref, sample.view.seed) == (same.tokens.ref, same.view.seed)
    assert len(data[theirs[0]]) == 6
    none = SceneSamples(*made[:4], replace(plan, near_miss_share=0.0), *made[5:])
    assert all(sample.view.number > 900 for k in range(12) for sample in none[k])
