"""Near misses: sentences that a model answered wrongly, or nearly so, and where it looked.

What a model confuses is rare among sentences drawn at random, and it looks at other windows than
those that are made up around objects. ``piza train near-misses`` asks an engine about the scenes of
training and writes down what to train on again: a file with a line of JSON on what was asked, and
one for each scene in order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sdk.errors import InputError
from train.data.samples import (
    Ask,
    Labelled,
    Sample,
    Sampler,
    Size,
    frame_window,
    mixed,
    said_of,
    shuffled,
)
from train.models.piza import trajectories


@dataclass(frozen=True)
class NearMiss:
    """A sentence about a scene, and the last look that a model took for it.

    window: (4,) xyxy, frame pixels. progress: what conditioned the look. error: how far the answer
    was from a sure and right one, 0..1.
    """

    ask: Ask
    window: tuple[float, ...]
    progress: float
    error: float

    def to_json(self) -> list[Any]:
        """As a line of the file has it: lists and plain values."""
        ask, window = self.ask, [round(side, 2) for side in self.window]
        mentions = [list(mention) for mention in ask.mentions]
        return [ask.ref, ask.target, mentions, window, self.progress, round(self.error, 3)]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> NearMiss:
        """Raises TypeError or ValueError where ``values`` are not what ``to_json`` gives."""
        ref, target, mentions, window, progress, error = values
        x1, y1, x2, y2 = map(float, window)
        said = tuple((str(text), int(item)) for text, item in mentions)
        indices = [item for _, item in said] + [0 if target is None else int(target)]
        if not ref or min(indices) < 0 or not (x1 < x2 and y1 < y2) or not 0 <= progress <= 1:
            raise ValueError(f"{values!r:.200}")
        ask = Ask(str(ref), None if target is None else int(target), said)
        return cls(ask, (x1, y1, x2, y2), float(progress), float(error))


@dataclass(frozen=True)
class Asked:
    """What an engine was asked about one scene: how many sentences, and what it (nearly) missed."""

    scene: int
    sentences: int
    misses: tuple[NearMiss, ...]

    def to_line(self) -> str:
        """Its line of the file."""
        misses = [miss.to_json() for miss in self.misses]
        return json.dumps({"scene": self.scene, "asked": self.sentences, "misses": misses}) + "\n"


@dataclass(frozen=True)
class NearMisses:
    """A file of them. ``about``: what was asked of which engine, by the names of the options."""

    about: Mapping[str, Any]
    asked: tuple[Asked, ...]

    @property
    def count(self) -> int:
        return sum(len(each.misses) for each in self.asked)

    def check(self, path: Path, road_share: float) -> None:
        """Raises InputError where the file at ``path`` cannot be trained on with such a share."""
        if self.count == 0:
            raise InputError(f"expected near misses in {path}, got none: ask about more scenes")
        if self.about.get("road_share") != road_share:
            raise InputError(
                f"expected --road-share {self.about.get('road_share')}, as {path} has it, got"
                f" {road_share}: its scenes would be others"
            )

    def drawn(self, rng: np.random.Generator) -> tuple[int, list[NearMiss]]:
        """A near miss, each as likely as any: the number of its scene, and all near misses of that
        scene, it first, the others in any order."""
        ends = np.cumsum([len(each.misses) for each in self.asked])
        index = int(rng.integers(ends[-1]))
        place = int(np.searchsorted(ends, index, side="right"))
        its = self.asked[place]
        first = index - (int(ends[place]) - len(its.misses))
        others = [k for k in rng.permutation(len(its.misses)) if k != first]
        return its.scene, [its.misses[k] for k in (first, *others)]


def read_near_misses(path: Path) -> NearMisses:
    """A file of near misses; the last line of a command that was killed may be half a line.

    Raises InputError for a file that is not there, or is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read near misses from {path}: {error}") from error
    whole = [line for line in lines if line.endswith("\n")]
    try:
        about = dict(json.loads(whole[0]))
        asked = tuple(_asked(json.loads(line)) for line in whole[1:])
        if "engine" not in about or [each.scene for each in asked] != list(range(len(asked))):
            raise ValueError("other lines than those that were written")
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError(
            f"expected near misses in {path}, as piza train near-misses writes them, got something"
            f" else ({error!r:.200})"
        ) from error
    return NearMisses(about, asked)


def _asked(values: Mapping[str, Any]) -> Asked:
    misses = tuple(map(NearMiss.from_json, values["misses"]))
    return Asked(int(values["scene"]), int(values["asked"]), misses)


def looks(
    sampler: Sampler,
    frame_wh: Size,
    scene: Labelled,
    misses: Sequence[NearMiss],
    rng: np.random.Generator,
) -> list[Sample]:
    """Three samples of the near misses of one scene: the frame, asked for the first of them, and
    the windows that the model looked at for the first two, or twice for one.

    Other sentences about the scene fill the prompts, as ever."""
    known, made = shuffled(scene.expressions, rng), []
    for k, miss in enumerate((misses[0], misses[0], misses[1 % len(misses)])):
        others = [*(other.ask for other in misses if other is not miss), *known]
        if k == 0 or not sampler.config.zooms:
            prompt, frame = [miss.ask, *mixed(others)], frame_window(frame_wh)
            made.append(sampler.referring(frame_wh, scene, frame, prompt, None, rng))
        else:
            made.append(_again(sampler, frame_wh, scene, miss, others, rng))
    return made


def _again(
    sampler: Sampler,
    frame_wh: Size,
    scene: Labelled,
    miss: NearMiss,
    others: Sequence[Ask],
    rng: np.random.Generator,
) -> Sample:
    """The model's own last look. Where its window cuts the object, which is then neither there nor
    not there, another window of the object, as a first step would give it."""
    window, anchor = np.array(miss.window), None
    if not said_of(window, [miss.ask], scene.boxes):
        assert miss.ask.target is not None
        anchor = scene.boxes[miss.ask.target]
        window = trajectories.jittered_window(anchor, frame_wh, rng)
    prompt = [
        *said_of(window, [miss.ask], scene.boxes),
        *mixed(said_of(window, others, scene.boxes)),
    ]
    sample = sampler.referring(frame_wh, scene, window, prompt, anchor, rng)
    return sample if anchor is not None else replace(sample, progress=miss.progress)
