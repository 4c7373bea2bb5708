"""Rendered scenes on disk -> an endless, resumable stream of batches.

Item k is a pure function of (seed, k): training that stops at step s and continues from there
sees exactly what an uninterrupted run would have seen, however many workers there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from sdk.text import Tokenizer
from train.data import rendered
from train.data.samples import NOTHING, Ask, Labelled, Sample, Sampler
from train.data.scenes import absent, expressions, make_scene
from train.data.scenes.catalogue import COLOURS, KINDS, phrase
from train.models.config import PizaConfig


@dataclass(frozen=True)
class Plan:
    """What a batch is made of: ``scenes`` frames, three samples of each.

    Up to step ``phrase_steps`` all prompts are phrases, afterwards a share ``phrase_share``.
    ``close_up``: zoomed windows alone, where objects are large.
    """

    scenes: int
    phrase_steps: int
    phrase_share: float = 0.3
    close_up: bool = False


@dataclass(frozen=True)
class Batch:
    """B samples, n targets at most (rows beyond a sample's own are invalid), T tokens."""

    pixels: Tensor  # (B, 3, H, W)
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


class SceneSamples(Dataset[list[Sample]]):
    """Item k: the samples of one scene drawn at random from ``seeds``."""

    def __init__(
        self,
        images: Path,
        seeds: range,
        config: PizaConfig,
        tokenizer_file: Path,
        plan: Plan,
        steps: int,
        seed: int,
    ) -> None:
        self.images, self.seeds, self.plan, self.steps, self.seed = images, seeds, plan, steps, seed
        self.config, self.tokenizer_file = config, tokenizer_file
        self.sampler: Sampler | None = None

    def __len__(self) -> int:
        return self.steps * self.plan.scenes

    def __getitem__(self, index: int) -> list[Sample]:
        if self.sampler is None:  # made in the worker: tokenizers do not survive a fork well
            tokenizer = Tokenizer.from_file(self.tokenizer_file, self.config.max_tokens)
            self.sampler = Sampler(self.config, tokenizer, all_phrases())
        rng = np.random.default_rng((self.seed, index))
        number = int(rng.choice(self.seeds))
        frame = rendered.frame(self.images, number)
        scene = labelled(number)
        if (
            index < self.plan.phrase_steps * self.plan.scenes
            or rng.random() < self.plan.phrase_share
        ):
            zooms = (True,) * 3 if self.plan.close_up else (False, False, True)
            return [self.sampler.phrases(frame, scene, zoomed, rng) for zoomed in zooms]
        first, second = self.sampler.first_step, self.sampler.second_step
        steps = (first, first, second if self.config.zooms else first)
        if self.plan.close_up:
            steps = (second, second, second)
        return [step(frame, scene, rng) for step in steps]


def all_phrases() -> list[str]:
    """Every colour and kind that a scene may hold, "red car", "person in a red jacket"."""
    return [phrase(kind.noun, colour) for kind in KINDS.values() for colour in kind.colours]


@lru_cache(maxsize=20_000)
def labelled(seed: int) -> Labelled:
    """The labels of scene ``seed``, drawn anew from its scene graph."""
    scene = make_scene(seed)
    return Labelled(
        boxes=np.array([item.xyxy for item in scene.objects], dtype=np.float64),
        phrases=tuple(item.phrase for item in scene.objects),
        kinds=np.array([list(KINDS).index(item.kind) for item in scene.objects]),
        colours=np.array([list(COLOURS).index(item.colour) for item in scene.objects]),
        targetable=tuple(item.id for item in scene.objects if item.targetable),
        expressions=tuple(
            Ask(e.ref, e.target, e.mentions) for e in expressions(scene, seed, per_object=3)
        ),
        absent=tuple(absent(scene, seed + k) for k in range(3)),
    )


def collate(items: list[list[Sample]]) -> Batch:
    """Stacks samples; prompts are cut to the longest one, targets padded to the most."""
    samples = [sample for item in items for sample in item]
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
        pixels=stack([s.pixels for s in samples]),
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
