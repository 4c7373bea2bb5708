"""Batches: reproducible, resumable, padded; frames on disk."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from evaluation.scenes import make_scene, render, vocabulary
from evaluation.scenes.sentences import words_of
from sdk.errors import InputError
from train.data import rendered
from train.data.batches import Batch, Plan, SceneSamples, collate
from train.data.loader import loader
from train.data.samples import Sample
from train.data.vocabulary import write_grammar_tokenizer

REFERRING = Plan(scenes=2, phrase_steps=0, phrase_share=0.0)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("frames")


def same_sample(a: Sample, b: Sample) -> bool:
    return (
        np.array_equal(a.pixels, b.pixels)
        and a.tokens.ref == b.tokens.ref
        and np.array_equal(a.boxes, b.boxes)
        and np.array_equal(a.places, b.places)
        and np.array_equal(a.spans, b.spans)
        and a.progress == b.progress
    )


def same_batch(a: Batch, b: Batch) -> bool:
    return all(torch.equal(tensor, getattr(b, name)) for name, tensor in vars(a).items())


def test_an_item_depends_on_the_seed_and_its_number_alone(make_samples, frames) -> None:
    plan = Plan(scenes=2, phrase_steps=2, phrase_share=0.5)
    one, other = make_samples(frames, plan, 4), make_samples(frames, plan, 4)
    assert len(one) == 8
    forwards = [one[index] for index in range(8)]
    backwards = [other[index] for index in reversed(range(8))][::-1]
    for a, b in zip(forwards, backwards, strict=True):
        assert len(a) == len(b) == 3
        assert all(map(same_sample, a, b))
    for a, b in itertools.combinations(forwards, 2):
        assert not any(map(same_sample, a, b))
    reseeded = make_samples(frames, plan, 4, seed=1)
    assert not same_sample(forwards[0][0], reseeded[0][0])


def test_phrases_come_first(make_samples, frames) -> None:
    """Until phrase_steps every prompt is of phrases, afterwards a share of them."""
    for share, expected in ((0.0, False), (1.0, True)):
        data = make_samples(frames, Plan(scenes=2, phrase_steps=1, phrase_share=share), 2)
        kinds = [all(s.tokens.ref.count(" .") == 8 for s in data[index]) for index in range(4)]
        assert kinds == [True, True, expected, expected]


def test_a_scene_gives_two_first_steps_and_a_second(make_samples, frames) -> None:
    first, again, second = make_samples(frames, REFERRING, 1)[0]
    assert first.progress == again.progress == 0
    assert second.progress > 0
    phrases = make_samples(frames, Plan(scenes=1, phrase_steps=9), 1)[0]
    assert [sample.progress > 0 for sample in phrases] == [False, False, True]


def test_batches_are_cut_and_padded(make_samples, frames) -> None:
    data = make_samples(frames, REFERRING, 1)
    items = [data[0], data[1]]
    samples = [sample for item in items for sample in item]
    batch = collate(items)
    length = max(np.count_nonzero(sample.tokens.segments) for sample in samples)
    most = max(len(sample.boxes) for sample in samples)
    assert batch.pixels.shape == (6, 3, 64, 96)
    assert batch.ids.shape == batch.segments.shape == batch.positions.shape == (6, length)
    assert batch.progress.shape == (6,)
    assert batch.boxes.shape == batch.places.shape == (6, most, 4)
    assert batch.spans.shape == (6, most, length)
    assert batch.valid.shape == (6, most)
    assert batch.pixels.dtype == batch.boxes.dtype == batch.progress.dtype == torch.float32
    assert batch.ids.dtype == torch.int64
    assert batch.valid.dtype == batch.spans.dtype == torch.bool
    for index, sample in enumerate(samples):
        count = len(sample.boxes)
        assert batch.valid[index].sum() == count
        assert batch.valid[index, :count].all()
        np.testing.assert_allclose(batch.boxes[index, :count], sample.boxes, rtol=1e-6)
        assert not batch.boxes[index, count:].any()
        assert not batch.spans[index, count:].any()
        assert batch.spans[index].sum() == sample.spans.sum()  # nothing is cut off
        assert not (batch.spans[index] & (batch.segments[index] == 0)).any()


def test_a_batch_without_any_target_has_one_invalid_row(make_samples, frames) -> None:
    sample = make_samples(frames, REFERRING, 1)[0][0]
    empty = Sample(
        sample.view,
        sample.tokens,
        np.zeros((0, 4)),
        np.zeros((0, 4)),
        np.zeros((0, len(sample.tokens.ids)), bool),
        0.0,
        sample.seen,
        sample.pixels,
    )
    batch = collate([[empty, empty]])
    assert batch.boxes.shape == (2, 1, 4)
    assert not batch.valid.any()


@pytest.mark.parametrize("workers", [0, 2])
def test_resumed_loaders_go_on_where_they_stopped(make_samples, frames, workers) -> None:
    plan = Plan(scenes=2, phrase_steps=1)
    whole = list(loader(make_samples(frames, plan, 4), range(4), 2, 0))
    assert len(whole) == 4
    rest = list(loader(make_samples(frames, plan, 4), range(2, 4), 2, workers))
    assert len(rest) == 2
    assert all(map(same_batch, whole[2:], rest))


def test_a_finished_run_has_no_batches_left(make_samples, frames) -> None:
    assert list(loader(make_samples(frames, REFERRING, 4), range(4, 4), 1, 0)) == []


def test_frames_are_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(rendered, "render", lambda scene: calls.append(scene) or render(scene))
    first = rendered.frame(tmp_path / "scenes", 901)
    again = rendered.frame(tmp_path / "scenes", 901)
    assert len(calls) == 1
    np.testing.assert_array_equal(first, again)
    assert [path.name for path in (tmp_path / "scenes").iterdir()] == ["00000901.jpg"]
    assert first.shape == (1080, 1920, 3)
    difference = first.astype(int) - render(make_scene(901))
    assert np.abs(difference).mean() < 4  # but for JPEG, the scene itself


def test_frames_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.full((1080, 1920, 3), 7, np.uint8)
    monkeypatch.setattr(rendered, "render", lambda scene: picture)

    def interrupted(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rendered.frame(tmp_path, 5)
    assert not list(tmp_path.glob("*.jpg"))
    np.testing.assert_array_equal(rendered.frame(tmp_path, 5), picture)
    assert cv2.imread(str(tmp_path / "00000005.jpg")) is not None


def test_the_tokenizer_is_made_where_it_is_used(make_samples, frames) -> None:
    data: SceneSamples = make_samples(frames, REFERRING, 1)
    assert data.sampler is None
    assert data[0]
    assert data.sampler is not None


def test_scenes_grow_in_number_with_the_steps(config, tokenizer_file, monkeypatch) -> None:
    """By the step alone, so that a run that goes on draws from the same ones."""
    plan = Plan(scenes=3, phrase_steps=0, at_start=10)
    counts = [plan.drawn_from(100, step, 200) for step in range(200)]
    assert counts == sorted(counts)
    assert (counts[0], counts[99], counts[-1]) == (10, 55, 100)
    assert plan.drawn_from(5, 0, 200) == 5
    assert Plan(scenes=3, phrase_steps=0).drawn_from(100, 0, 200) == 100
    drawn: list[int] = []
    monkeypatch.setattr(rendered, "ensure", lambda folder, seed, setting: drawn.append(seed))
    seeds = range(900, 910)
    plan = Plan(scenes=3, phrase_steps=0, at_start=2)
    data = SceneSamples(Path(), seeds, config, tokenizer_file, plan, 10, 0, unseen=True)
    for index in range(30):
        samples = data[index]
        assert {sample.view.number for sample in samples} == {drawn[-1]}
        assert drawn[-1] < 900 + plan.drawn_from(10, index // 3, 10)
    assert max(drawn[:3]) <= 902
    assert max(drawn) > 905


def test_rounds_make_more_of_a_frame(make_samples, frames) -> None:
    plan = Plan(scenes=2, phrase_steps=0, phrase_share=0.0, rounds=2)
    samples = make_samples(frames, plan, 1)[0]
    assert [sample.progress > 0 for sample in samples] == [False, False, True] * 2
    assert samples[0].tokens.ref != samples[3].tokens.ref
    assert len({sample.view.number for sample in samples}) == 1


def test_sentences_of_the_rich_grammar(config, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(rendered, "ensure", lambda folder, seed, setting: None)
    file = tmp_path / "tokenizer.json"
    write_grammar_tokenizer("rich", file)
    plan = Plan(scenes=2, phrase_steps=0, phrase_share=0.0, grammar="rich", slips=0.3)
    data = SceneSamples(Path(), range(900, 902), config, file, plan, 4, 0, unseen=True)
    refs = {ref for k in range(8) for sample in data[k] for ref in sample.tokens.ref.split(" . ")}
    plain = set(vocabulary("plain"))
    assert sum(not set(words_of(ref)) <= plain for ref in refs) > len(refs) // 2


def test_renderers_work_ahead(tmp_path: Path) -> None:
    """Seeds are shared out in order; what is there stays as it is."""
    there = rendered.ensure(tmp_path, 902)
    before = there.stat().st_mtime_ns
    renderers = rendered.ahead(tmp_path, range(901, 904), 2)
    assert len(renderers) == 2
    rendered.wait_for(renderers)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["00000901.jpg", "00000902.jpg", "00000903.jpg"]
    assert there.stat().st_mtime_ns == before


def test_settings_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any run of scenes the wanted share is of the road, and no file is taken for another."""
    for share in (0.0, 0.3, 0.5, 1.0):
        roads = [rendered.setting_of(seed, share) == "road" for seed in range(700, 1700)]
        assert np.mean(roads) == pytest.approx(share, abs=0.003)
        assert sum(roads[:20]) == pytest.approx(20 * share, abs=1.5)
    more = {seed for seed in range(99) if rendered.setting_of(seed, 0.5) == "road"}
    assert more >= {seed for seed in range(99) if rendered.setting_of(seed, 0.3) == "road"}

    def picture(scene):
        return np.full((scene.size_wh[1], scene.size_wh[0], 3), 9, np.uint8)

    monkeypatch.setattr(rendered, "render", picture)
    road = rendered.frame(tmp_path, 8, "road")
    assert road.shape[:2] == make_scene(8, setting="road").size_wh[::-1] != (1080, 1920)
    assert rendered.frame(tmp_path, 8).shape == (1080, 1920, 3)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["00000008-road.jpg", "00000008.jpg"]


def test_renderers_that_cannot_render(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match="ended early"):
        rendered.wait_for(rendered.ahead(tmp_path / "file", range(901, 902), 1))


@pytest.mark.parametrize("phrase_steps", [0, 1])
def test_close_ups_are_windows_alone(make_samples, frames, phrase_steps: int) -> None:
    plan = Plan(scenes=2, phrase_steps=phrase_steps, phrase_share=0.0, close_up=True)
    data = make_samples(frames, plan, 1)
    assert all(sample.progress > 0 for index in range(2) for sample in data[index])


def test_plain_methods_see_whole_frames_and_want_the_target(
    make_config, tokenizer_file, frames
) -> None:
    plain = make_config(method="adapter+")
    data = SceneSamples(frames, range(900, 904), plain, tokenizer_file, REFERRING, 1, 0)
    for sample in data[0]:
        assert sample.progress == 0
        assert np.array_equal(sample.boxes, sample.places)
