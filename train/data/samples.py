"""One scene -> training samples: crops, prompts, and the boxes that belong to them.

Two kinds of prompt. *Phrases* ("red car . blue sign .") ground everything in view at once: ten
times the signal of one sentence, and where a model from scratch must begin. *Referring* prompts
are the task itself, at the first step (whole frame) and at the second (a jittered window).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes, Letterbox, as_boxes, intersection, xyxy_to_cxcywh
from sdk.preprocess import network_input
from sdk.text import Tokenizer, Tokens
from train import trajectories
from train.models.config import PizaConfig

MAX_TARGETS = 12
PROMPT_PHRASES = 8
MOST_SENTENCES = 4
NOTHING = -100  # the kind or colour of what nobody has labelled
ABSENT_SHARE = 0.25  # referring prompts that are true of nothing
WANDERING_SHARE = 0.12  # second steps whose window misses the target


@dataclass(frozen=True)
class Seen:
    """All that a scene graph knows of a crop, asked for or not: s objects wholly in view."""

    places: Boxes  # (s, 4) cxcywh
    kinds: NDArray[np.int64]  # (s,)
    colours: NDArray[np.int64]  # (s,)
    mentions: NDArray[np.bool_]  # (s, T) tokens of noun phrases that mean the object


@dataclass(frozen=True)
class Sample:
    """One crop with one prompt. Units are of the network input, 0..1; n targets, T tokens."""

    pixels: NDArray[np.float32]  # (3, H, W) normalised
    tokens: Tokens
    boxes: Boxes  # (n, 4) cxcywh: what the step should predict
    places: Boxes  # (n, 4) cxcywh: where the objects themselves are
    spans: NDArray[np.bool_]  # (n, T) tokens that mean the target
    progress: float
    seen: Seen


@dataclass(frozen=True)
class Ask:
    """A sentence, the index of its target (None: not in view), its noun phrases in order, each
    with the index of what it means."""

    ref: str
    target: int | None
    mentions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Labelled:
    """What a sample needs to know of a scene of m objects.

    ``kinds`` and ``colours`` are indices into the catalogue, ``NOTHING`` where unknown.
    """

    boxes: Boxes  # (m, 4) xyxy
    phrases: tuple[str, ...]
    kinds: NDArray[np.int64]  # (m,)
    colours: NDArray[np.int64]  # (m,)
    targetable: tuple[int, ...]
    expressions: tuple[Ask, ...]
    absent: tuple[str, ...]  # expressions that are true of nothing in the scene


class Sampler:
    """Makes samples of one frame; all randomness comes from the generator that is passed."""

    def __init__(
        self, config: PizaConfig, tokenizer: Tokenizer, all_phrases: Sequence[str]
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.all_phrases = tuple(all_phrases)

    def phrases(
        self, frame: NDArray[np.uint8], scene: Labelled, zoomed: bool, rng: np.random.Generator
    ) -> Sample:
        """A prompt of present and absent phrases, over the whole frame or over a window."""
        window, anchor = _frame_window(frame), None
        if zoomed:
            anchor = scene.boxes[rng.choice(scene.targetable)]
            window = trajectories.jittered_window(anchor, _wh(frame), rng)
        whole = trajectories.visible(scene.boxes, window)
        touched = intersection(scene.boxes, window) > 0
        cut = {scene.phrases[i] for i in np.flatnonzero(touched & ~whole)}
        present = sorted({scene.phrases[i] for i in np.flatnonzero(whole)} - cut)
        chosen = [str(p) for p in rng.permutation(present)[: PROMPT_PHRASES - 2]]
        while len(chosen) < PROMPT_PHRASES:
            stranger = str(rng.choice(self.all_phrases))
            if stranger not in present and stranger not in cut and stranger not in chosen:
                chosen.append(stranger)
        chosen = [str(p) for p in rng.permutation(chosen)]
        tokens, spans = self.tokenizer.encode_phrases(chosen)
        targets = [i for i in np.flatnonzero(whole) if scene.phrases[i] in chosen][:MAX_TARGETS]
        span_of = dict(zip(chosen, spans, strict=True))
        rows = [_span_row(span_of[scene.phrases[i]], len(tokens.ids)) for i in targets]
        mentions = [
            (i, _span_row(span_of[scene.phrases[i]], len(tokens.ids)))
            for i in np.flatnonzero(whole)
            if scene.phrases[i] in chosen
        ]
        return self._sample(frame, scene, window, tokens, targets, rows, mentions, anchor, rng)

    def first_step(
        self, frame: NDArray[np.uint8], scene: Labelled, rng: np.random.Generator
    ) -> Sample:
        """The whole frame and sentences about it; now and then one that is true of nothing."""
        asked = [*_absent(scene, rng), *_shuffled(scene.expressions, rng)]
        return self._referring(frame, scene, _frame_window(frame), asked, None, rng)

    def second_step(
        self, frame: NDArray[np.uint8], scene: Labelled, rng: np.random.Generator
    ) -> Sample:
        """A window as a first step would give it; now and then one that misses the target, or a
        sentence that is true of nothing."""
        ask = scene.expressions[rng.integers(len(scene.expressions))]
        assert ask.target is not None
        box, frame_wh = scene.boxes[ask.target], _wh(frame)
        if rng.random() < WANDERING_SHARE:
            others = np.delete(scene.boxes, ask.target, axis=0)
            window = trajectories.wandering_window(others, box, frame_wh, rng)
            if window is not None:
                return self._referring(frame, scene, window, [replace(ask, target=None)], box, rng)
        window = trajectories.jittered_window(box, frame_wh, rng)
        whole = trajectories.visible(scene.boxes, window)
        others_asked = [e for e in _shuffled(scene.expressions, rng) if whole[e.target]]
        asked = [*_absent(scene, rng), ask, *others_asked]
        return self._referring(frame, scene, window, asked, box, rng)

    def _referring(
        self,
        frame: NDArray[np.uint8],
        scene: Labelled,
        window: Boxes,
        asked: Sequence[Ask],
        anchor: Boxes | None,
        rng: np.random.Generator,
    ) -> Sample:
        """The first sentence of ``asked``; half of the time with as many more as fit.

        Each sentence is a segment of its own, so one pass over the image learns from several. No
        two of them ask for the same object. A target of None is nowhere in the window.
        """
        count = 1 if rng.random() < 0.5 else MOST_SENTENCES
        chosen: list[Ask] = []
        room = self.config.max_tokens - 2  # [CLS] and [SEP]
        for ask in asked:
            length = len(self._words(ask.ref)) + 1
            if (
                len(chosen) < count
                and length <= room
                and ask.target not in [other.target for other in chosen]
            ):
                chosen.append(ask)
                room -= length
        tokens, spans = self.tokenizer.encode_phrases([ask.ref for ask in chosen])
        targets, rows, mentions = [], [], []
        for ask, span in zip(chosen, spans, strict=True):
            mentions += self._mentions(ask, tokens, span)
            if ask.target is not None:
                targets.append(ask.target)
                rows.append(_span_row(span, len(tokens.ids)))
        return self._sample(frame, scene, window, tokens, targets, rows, mentions, anchor, rng)

    def _words(self, text: str) -> list[int]:
        """Token ids of a text alone, without what every prompt has around it."""
        tokens = self.tokenizer.encode(text)
        return tokens.ids[1 : np.count_nonzero(tokens.segments) - 2].tolist()

    def _mentions(
        self, ask: Ask, tokens: Tokens, span: tuple[int, int]
    ) -> list[tuple[int, NDArray[np.bool_]]]:
        """Which tokens of a sentence at ``span`` mean which object: noun phrases in order."""
        found, start = [], span[0]
        for text, item in ask.mentions:
            words = self._words(text)
            while start + len(words) <= span[1]:
                stop = start + len(words)
                if tokens.ids[start:stop].tolist() == words:
                    found.append((item, _span_row((start, stop), len(tokens.ids))))
                    start = stop
                    break
                start += 1
        return found

    def _sample(
        self,
        frame: NDArray[np.uint8],
        scene: Labelled,
        window: Boxes,
        tokens: Tokens,
        targets: list[int],
        rows: list[NDArray[np.bool_]],
        mentions: list[tuple[int, NDArray[np.bool_]]],
        anchor: Boxes | None,
        rng: np.random.Generator,
    ) -> Sample:
        """anchor: the object searched for, which tells the progress; None: no zoom yet."""
        config, frame_wh = self.config, _wh(frame)
        # One thread: samples are made side by side already.
        batch = network_input(frame, window, config.input_hw, config.mean, config.std, threads=1)
        pixels = batch[0]
        # Exposure and contrast vary a little; hue must not, it is what sentences are about.
        pixels = pixels * np.float32(rng.uniform(0.85, 1.15)) + np.float32(rng.uniform(-0.15, 0.15))
        progress = 0.0
        if anchor is not None:
            progress = trajectories.progress(window, anchor, frame_wh) + rng.normal(0, 0.03)
        box = Letterbox(tuple(window), config.input_hw)
        places = scene.boxes[targets].reshape(-1, 4)
        wanted = places
        if config.zooms:
            wanted = as_boxes([trajectories.next_box(place, window, frame_wh) for place in places])
        return Sample(
            pixels=pixels,
            tokens=tokens,
            boxes=xyxy_to_cxcywh(box.to_unit(wanted)),
            places=xyxy_to_cxcywh(box.to_unit(places)),
            spans=np.array(rows, dtype=bool).reshape(len(rows), len(tokens.ids)),
            progress=config.zoom_policy().progress(progress),
            seen=_seen(scene, window, box, mentions, len(tokens.ids)),
        )


def _seen(
    scene: Labelled,
    window: Boxes,
    box: Letterbox,
    mentions: list[tuple[int, NDArray[np.bool_]]],
    length: int,
) -> Seen:
    whole = np.flatnonzero(trajectories.visible(scene.boxes, window))
    meant = np.zeros((len(scene.boxes), length), dtype=bool)
    for item, row in mentions:
        meant[item] |= row
    return Seen(
        places=xyxy_to_cxcywh(box.to_unit(scene.boxes[whole].reshape(-1, 4))),
        kinds=scene.kinds[whole],
        colours=scene.colours[whole],
        mentions=meant[whole],
    )


def _wh(frame: NDArray[np.uint8]) -> tuple[int, int]:
    return frame.shape[1], frame.shape[0]


def _frame_window(frame: NDArray[np.uint8]) -> Boxes:
    return np.array([0.0, 0.0, *_wh(frame)])


def _span_row(span: tuple[int, int], length: int) -> NDArray[np.bool_]:
    index = np.arange(length)
    return np.asarray((index >= span[0]) & (index < span[1]))


def _absent(scene: Labelled, rng: np.random.Generator) -> list[Ask]:
    """Once in a while a sentence that is true of nothing in the scene."""
    if not scene.absent or rng.random() >= ABSENT_SHARE:
        return []
    return [Ask(str(rng.choice(scene.absent)), None)]


def _shuffled(expressions: tuple[Ask, ...], rng: np.random.Generator) -> list[Ask]:
    return [expressions[i] for i in rng.permutation(len(expressions))]
