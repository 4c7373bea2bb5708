"""One scene -> training samples: crops, prompts, and the boxes that belong to them.

Two kinds of prompt. *Phrases* ("red car . blue sign .") ground everything in view at once: ten
times the signal of one sentence, and where a model from scratch must begin. *Referring* prompts
are the task itself, at the first step (whole frame) and at the second (a jittered window).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
ABSENT_SHARE = 0.08  # referring prompts that are true of nothing
WANDERING_SHARE = 0.12  # second steps whose window misses the target


@dataclass(frozen=True)
class Sample:
    """One crop with one prompt. Units are of the network input, 0..1; n targets, T tokens."""

    pixels: NDArray[np.float32]  # (3, H, W) normalised
    tokens: Tokens
    boxes: Boxes  # (n, 4) cxcywh: what the step should predict
    places: Boxes  # (n, 4) cxcywh: where the objects themselves are
    spans: NDArray[np.bool_]  # (n, T) tokens that mean the target
    progress: float


@dataclass(frozen=True)
class Labelled:
    """What a sample needs to know of a scene: boxes (m, 4) xyxy, a phrase each, expressions."""

    boxes: Boxes
    phrases: tuple[str, ...]
    targetable: tuple[int, ...]
    expressions: tuple[tuple[str, int], ...]  # (ref, index of the target)
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
        boxes = scene.boxes[targets].reshape(-1, 4)
        return self._sample(frame, window, tokens, boxes, rows, anchor, rng)

    def first_step(
        self, frame: NDArray[np.uint8], scene: Labelled, rng: np.random.Generator
    ) -> Sample:
        """The whole frame and sentences about it; now and then one that is true of nothing."""
        asked = _shuffled(scene.expressions, rng)
        if scene.absent and rng.random() < ABSENT_SHARE:
            asked.insert(0, (str(rng.choice(scene.absent)), None))
        return self._referring(frame, scene, _frame_window(frame), asked, None, rng)

    def second_step(
        self, frame: NDArray[np.uint8], scene: Labelled, rng: np.random.Generator
    ) -> Sample:
        """A window as a first step would give it; now and then one that misses the target."""
        ref, target = scene.expressions[rng.integers(len(scene.expressions))]
        box, frame_wh = scene.boxes[target], _wh(frame)
        if rng.random() < WANDERING_SHARE:
            others = np.delete(scene.boxes, target, axis=0)
            window = trajectories.wandering_window(others, box, frame_wh, rng)
            if window is not None:
                return self._referring(frame, scene, window, [(ref, None)], box, rng)
        window = trajectories.jittered_window(box, frame_wh, rng)
        whole = trajectories.visible(scene.boxes, window)
        others_asked = [e for e in _shuffled(scene.expressions, rng) if whole[e[1]]]
        return self._referring(frame, scene, window, [(ref, target), *others_asked], box, rng)

    def _referring(
        self,
        frame: NDArray[np.uint8],
        scene: Labelled,
        window: Boxes,
        asked: Sequence[tuple[str, int | None]],
        anchor: Boxes | None,
        rng: np.random.Generator,
    ) -> Sample:
        """The first sentence of ``asked``; half of the time with as many more as fit.

        Each sentence is a segment of its own, so one pass over the image learns from several. No
        two of them ask for the same object. A target of None is nowhere in the window.
        """
        count = 1 if rng.random() < 0.5 else MOST_SENTENCES
        refs: list[str] = []
        targets: list[int | None] = []
        room = self.config.max_tokens - 2  # [CLS] and [SEP]
        for ref, target in asked:
            length = int(np.count_nonzero(self.tokenizer.encode(ref).segments)) - 2
            if len(refs) < count and length <= room and target not in targets:
                refs.append(ref)
                targets.append(target)
                room -= length
        tokens, spans = self.tokenizer.encode_phrases(refs)
        present = [(t, span) for t, span in zip(targets, spans, strict=True) if t is not None]
        rows = [_span_row(span, len(tokens.ids)) for _, span in present]
        boxes = scene.boxes[[target for target, _ in present]].reshape(-1, 4)
        return self._sample(frame, window, tokens, boxes, rows, anchor, rng)

    def _sample(
        self,
        frame: NDArray[np.uint8],
        window: Boxes,
        tokens: Tokens,
        targets: Boxes,
        rows: list[NDArray[np.bool_]],
        anchor: Boxes | None,
        rng: np.random.Generator,
    ) -> Sample:
        """anchor: the object searched for, which tells the progress; None: no zoom yet."""
        config, frame_wh = self.config, _wh(frame)
        pixels = network_input(frame, window, config.input_hw, config.mean, config.std)[0]
        # Exposure and contrast vary a little; hue must not, it is what sentences are about.
        pixels = pixels * np.float32(rng.uniform(0.85, 1.15)) + np.float32(rng.uniform(-0.15, 0.15))
        progress = 0.0
        if anchor is not None:
            progress = trajectories.progress(window, anchor, frame_wh) + rng.normal(0, 0.03)
        box = Letterbox(tuple(window), config.input_hw)
        wanted = [trajectories.next_box(target, window, frame_wh) for target in targets]
        return Sample(
            pixels=pixels,
            tokens=tokens,
            boxes=xyxy_to_cxcywh(box.to_unit(as_boxes(wanted))),
            places=xyxy_to_cxcywh(box.to_unit(targets)),
            spans=np.array(rows, dtype=bool).reshape(len(rows), len(tokens.ids)),
            progress=config.zoom_policy().progress(progress),
        )


def _wh(frame: NDArray[np.uint8]) -> tuple[int, int]:
    return frame.shape[1], frame.shape[0]


def _frame_window(frame: NDArray[np.uint8]) -> Boxes:
    return np.array([0.0, 0.0, *_wh(frame)])


def _span_row(span: tuple[int, int], length: int) -> NDArray[np.bool_]:
    index = np.arange(length)
    return np.asarray((index >= span[0]) & (index < span[1]))


def _shuffled(
    expressions: tuple[tuple[str, int], ...], rng: np.random.Generator
) -> list[tuple[str, int | None]]:
    return [expressions[i] for i in rng.permutation(len(expressions))]
