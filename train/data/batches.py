"""Rendered scenes on disk -> an endless, resumable stream of batches.

Item k is a pure function of (seed, k): training that stops at step s and continues from there
sees exactly what an uninterrupted run would have seen, however many workers there are.

Workers make the pixels where the frames are read anyway. Where a device keeps the frames, they only
say where to look (``Unseen``), and see to it that the frames are there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from evaluation.scenes import Scene, absent, expressions, make_scene
from evaluation.scenes.catalogue import COLOURS, KINDS, phrase
from sdk.text import Tokenizer
from train.data import rendered
from train.data.near_misses import NearMiss, NearMisses, looks
from train.data.samples import NOTHING, Ask, Labelled, Sample, Sampler, Size
from train.data.views import View, pixels_of
from train.models.grounding_dino.config import PizaConfig

SPOKEN_OF = 6  # objects of a scene that an item has sentences about
ABSENT = 3  # sentences that are true of nothing, in an item
B = TypeVar("B")


@dataclass(frozen=True)
class Plan:
    """What a batch is made of: ``scenes`` frames, ``3 * rounds`` samples of each.

    Up to step ``phrase_steps`` all prompts are phrases, afterwards a share ``phrase_share``.
    ``close_up``: zoomed windows alone, where objects are large. ``at_start``: scenes that the first
    step draws from; their number grows evenly up to the last step. None: all of them at once.
    ``grammar`` and ``slips``: of the sentences, see ``evaluation.scenes.expressions``; a share of
    ``plain_share`` of the scenes is spoken of in the plain grammar whatever the other is.
    ``appearance``: "heavy" disguises them, see ``train.data.appearance``.
    ``road_share``: of the scenes that are of the setting "road".
    ``near_miss_share``: of the frames that are those of near misses, after the steps of phrases.
    """

    scenes: int
    phrase_steps: int
    phrase_share: float = 0.3
    close_up: bool = False
    rounds: int = 1
    at_start: int | None = None
    grammar: str = "plain"
    slips: float = 0.0
    plain_share: float = 0.0
    road_share: float = 0.0
    appearance: str = "plain"
    near_miss_share: float = 0.0

    def drawn_from(self, scenes: int, step: int, steps: int) -> int:
        """How many of ``scenes`` scenes step ``step`` of ``steps`` draws from."""
        first = min(self.at_start or scenes, scenes)
        return first + (scenes - first) * (step + 1) // steps


@dataclass(frozen=True)
class Batch:
    """B samples, n targets at most (rows beyond a sample's own are invalid), T tokens."""

    pixels: Tensor  # (B, 3, H, W), or (B, 0) until they are made
    ids: Tensor  # (B, T)
    segments: Tensor  # (B, T)
    positions: Tensor  # (B, T)
    progress: Tensor  # (B,)
    boxes: Tensor  # (B, n, 4) cxcywh
    places: Tensor  # (B, n, 4) cxcywh
    spans: Tensor  # (B, n, T) bool
    valid: Tensor  # (B, n) bool
    seen_places: Tensor  # (B, s, 4) cxcywh, every object wholly in view
    seen_kinds: Tensor  # (B, s), NOTHING where there are fewer objects
    seen_colours: Tensor  # (B, s)
    mentions: Tensor  # (B, s, T) bool, tokens of noun phrases that mean the object


@dataclass(frozen=True)
class Unseen:
    """A batch whose pixels are still to be made, and what each sample looks at."""

    batch: Batch
    views: tuple[View, ...]


class SceneSamples(Dataset[list[Sample]]):
    """Item k: the samples of one scene drawn at random from ``seeds``, or of a near miss.

    unseen: without pixels; the frame is only seen to be on disk. near_misses: where the plan has a
    share of them.
    """

    def __init__(
        self,
        images: Path,
        seeds: range,
        config: PizaConfig,
        tokenizer_file: Path,
        plan: Plan,
        steps: int,
        seed: int,
        unseen: bool = False,
        near_misses: NearMisses | None = None,
    ) -> None:
        self.unseen, self.near_misses = unseen, near_misses
        self.images, self.seeds, self.plan, self.steps, self.seed = images, seeds, plan, steps, seed
        self.config, self.tokenizer_file = config, tokenizer_file
        self.sampler: Sampler | None = None

    def __len__(self) -> int:
        return self.steps * self.plan.scenes

    def __getitem__(self, index: int) -> list[Sample]:
        if self.sampler is None:  # made in the worker: tokenizers do not survive a fork well
            tokenizer = Tokenizer.from_file(self.tokenizer_file, self.config.max_tokens)
            heavy = self.plan.appearance == "heavy"
            self.sampler = Sampler(self.config, tokenizer, all_phrases(), heavy)
        plan, rng = self.plan, np.random.default_rng((self.seed, index))
        step = index // plan.scenes
        number, misses = self._drawn(step, rng)
        setting = rendered.setting_of(number, plan.road_share)
        said, frame_wh = self._said(number, setting, rng), _scene(number, setting).size_wh
        samples: list[Sample] = []
        for _ in range(plan.rounds):
            if misses:
                samples += looks(self.sampler, frame_wh, said, misses, rng)
            else:
                samples += self._samples(frame_wh, said, step, rng)
        if self.unseen:
            rendered.ensure(self.images, number, setting)
            return samples
        frame = rendered.frame(self.images, number, setting)
        return [replace(s, pixels=pixels_of(frame, s.view, self.config)) for s in samples]

    def _drawn(self, step: int, rng: np.random.Generator) -> tuple[int, list[NearMiss]]:
        """The number of a scene, and the near misses to look at there, often none."""
        plan, known = self.plan, None if step < self.plan.phrase_steps else self.near_misses
        if known is not None and rng.random() < plan.near_miss_share:
            return known.drawn(rng)
        return self.seeds[rng.integers(plan.drawn_from(len(self.seeds), step, self.steps))], []

    def _said(self, number: int, setting: str, rng: np.random.Generator) -> Labelled:
        """Scene ``number`` and what is said of it this time, in all rounds: to say something else
        takes longer than to look elsewhere."""
        plan, seed = self.plan, int(rng.integers(2**31))
        grammar = "plain" if rng.random() < plan.plain_share else plan.grammar
        return labelled(number, seed, grammar, plan.slips, setting)

    def _samples(
        self, frame_wh: Size, scene: Labelled, step: int, rng: np.random.Generator
    ) -> list[Sample]:
        """Three samples of a scene, without pixels."""
        assert self.sampler is not None
        plan = self.plan
        if step < plan.phrase_steps or rng.random() < plan.phrase_share:
            zooms = (True,) * 3 if plan.close_up else (False, False, True)
            return [self.sampler.phrases(frame_wh, scene, zoomed, rng) for zoomed in zooms]
        first, second = self.sampler.first_step, self.sampler.second_step
        makers = (first, first, second if self.config.zooms else first)
        if plan.close_up:
            makers = (second, second, second)
        return [make(frame_wh, scene, rng) for make in makers]


def all_phrases() -> list[str]:
    """Every colour and kind that a scene may hold, "red car", "person in a red jacket"."""
    return [phrase(kind.noun, colour) for kind in KINDS.values() for colour in kind.colours]


def labelled(
    number: int,
    seed: int,
    grammar: str = "plain",
    slips: float = 0.0,
    setting: str = "plain",
) -> Labelled:
    """Scene ``number`` from its scene graph, with sentences about some of its objects by ``seed``.

    Sentences are drawn anew each time, so that no two of them need ever be the same.
    """
    scene, rng = _scene(number, setting), np.random.default_rng((seed, number))
    targets = [item.id for item in scene.objects if item.targetable]
    some = rng.permutation(targets)[:SPOKEN_OF].tolist()
    said = expressions(scene, seed, 1, grammar, slips, of=some)
    return Labelled(
        boxes=np.array([item.xyxy for item in scene.objects], dtype=np.float64),
        phrases=tuple(item.phrase for item in scene.objects),
        kinds=np.array([list(KINDS).index(item.kind) for item in scene.objects]),
        colours=np.array([list(COLOURS).index(item.colour) for item in scene.objects]),
        targetable=tuple(targets),
        expressions=tuple(
            Ask(e.ref, e.target, e.mentions)
            for e in said or expressions(scene, seed, 1, grammar, slips)
        ),
        absent=tuple(absent(scene, seed + k, grammar, slips) for k in range(ABSENT)),
        number=number,
    )


@lru_cache(maxsize=20_000)
def _scene(number: int, setting: str) -> Scene:
    return make_scene(number, setting=setting)


def collate(items: list[list[Sample]]) -> Batch | Unseen:
    """Stacks samples; prompts are cut to the longest one, targets padded to the most."""
    samples = [sample for item in items for sample in item]
    pixels = [sample.pixels for sample in samples if sample.pixels is not None]
    if len(pixels) == len(samples):
        return _stacked(samples, torch.from_numpy(np.stack(pixels)))
    views = tuple(sample.view for sample in samples)
    return Unseen(_stacked(samples, torch.zeros(len(samples), 0)), views)


def to_device(batch: B, device: torch.device) -> B:
    """A batch, a dataclass of tensors, with every one of them on ``device``; nobody waits for a GPU
    to have copied them."""

    def moved(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if device.type == "cuda" and value.device.type == "cpu":
            value = value.pin_memory()
        return value.to(device, non_blocking=True)

    return type(batch)(**{name: moved(value) for name, value in vars(batch).items()})


def _stacked(samples: list[Sample], pixels: Tensor) -> Batch:
    length = max(int(np.count_nonzero(s.tokens.segments)) for s in samples)
    most = max(1, *(len(s.boxes) for s in samples))
    most_seen = max(1, *(len(s.seen.kinds) for s in samples))

    def padded(rows: np.ndarray, count: int = most, filler: int = 0) -> np.ndarray:
        missing = count - len(rows)
        return np.concatenate([rows, np.full((missing, *rows.shape[1:]), filler, rows.dtype)])

    def tokens(name: str) -> Tensor:
        rows = np.stack([getattr(s.tokens, name)[:length] for s in samples])
        return torch.from_numpy(rows.astype(np.int64))

    def stack(rows: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(rows))

    return Batch(
        pixels=pixels,
        ids=tokens("ids"),
        segments=tokens("segments"),
        positions=tokens("positions"),
        progress=torch.tensor([s.progress for s in samples], dtype=torch.float32),
        boxes=stack([padded(s.boxes).astype(np.float32) for s in samples]),
        places=stack([padded(s.places).astype(np.float32) for s in samples]),
        spans=stack([padded(s.spans[:, :length]) for s in samples]),
        valid=torch.tensor([[i < len(s.boxes) for i in range(most)] for s in samples]),
        seen_places=stack([padded(s.seen.places.astype(np.float32), most_seen) for s in samples]),
        seen_kinds=stack([padded(s.seen.kinds, most_seen, NOTHING) for s in samples]),
        seen_colours=stack([padded(s.seen.colours, most_seen, NOTHING) for s in samples]),
        mentions=stack([padded(s.seen.mentions[:, :length], most_seen) for s in samples]),
    )
