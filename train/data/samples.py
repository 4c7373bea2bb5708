"""One scene -> training samples: views, prompts, and the boxes that belong to them.

Two kinds of prompt. *Phrases* ("red car . blue sign .") ground everything in view at once: ten
times the signal of one sentence, and where a model from scratch must begin. *Referring* prompts
are the task itself, at the first step (whole frame) and at the second (a jittered window).

The right answer is often that nothing is there: the sentence is true of nothing in the frame, or
the window misses what it is true of. The hardest of these windows show a *twin* of the target, an
object of the same phrase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes, as_boxes, intersection, xyxy_to_cxcywh
from sdk.letterbox import Letterbox
from sdk.text import Tokenizer, Tokens
from train.data.views import View, random_view
from train.models.grounding_dino.config import PizaConfig
from train.models.piza import trajectories

Size = tuple[int, int]  # width and height of a frame in pixels

MAX_TARGETS = 12
PROMPT_PHRASES = 8
MOST_SENTENCES = 4
NOTHING = -100  # the kind or colour of what nobody has labelled
ABSENT_SHARE = 0.3  # referring prompts with sentences that are true of nothing
MOST_ABSENT = 2  # of them in a prompt
WANDERING_SHARE = 0.12  # second steps whose window misses the target
TWIN_SHARE = 0.15  # second steps whose window shows a twin of the target instead
BOTH_SHARE = 0.15  # second steps whose window shows both


@dataclass(frozen=True)
class Seen:
    """All that a scene graph knows of a crop, asked for or not: s objects wholly in view."""

    places: Boxes  # (s, 4) cxcywh
    kinds: NDArray[np.int64]  # (s,)
    colours: NDArray[np.int64]  # (s,)
    mentions: NDArray[np.bool_]  # (s, T) tokens of noun phrases that mean the object


@dataclass(frozen=True)
class Sample:
    """One view with one prompt. Units are of the network input, 0..1; n targets, T tokens."""

    view: View
    tokens: Tokens
    boxes: Boxes  # (n, 4) cxcywh: what the step should predict
    places: Boxes  # (n, 4) cxcywh: where the objects themselves are
    spans: NDArray[np.bool_]  # (n, T) tokens that mean the target
    progress: float
    seen: Seen
    pixels: NDArray[np.float32] | None = None  # (3, H, W) normalised; None until they are made


@dataclass(frozen=True)
class Ask:
    """A sentence, the index of its target (None: not in view), its noun phrases in order, each
    with the index of what it means."""

    ref: str
    target: int | None
    mentions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Labelled:
    """What a sample needs to know of a scene of m objects in frame ``number``.

    ``kinds`` and ``colours`` are indices into the catalogue, ``NOTHING`` where unknown.
    """

    boxes: Boxes  # (m, 4) xyxy
    phrases: tuple[str, ...]
    kinds: NDArray[np.int64]  # (m,)
    colours: NDArray[np.int64]  # (m,)
    targetable: tuple[int, ...]
    expressions: tuple[Ask, ...]
    absent: tuple[str, ...]  # expressions that are true of nothing in the scene
    number: int = 0

    def twins(self, target: int) -> Boxes:
        """Boxes (k, 4) of the other objects of the target's phrase; none where it has no name."""
        phrase = self.phrases[target]
        alike = [k for k, other in enumerate(self.phrases) if other == phrase and k != target]
        return self.boxes[alike if phrase else []].reshape(-1, 4)


class Sampler:
    """Makes samples of one frame; all randomness comes from the generator that is passed.

    disguise: views are, see ``train.data.appearance``.
    """

    def __init__(
        self,
        config: PizaConfig,
        tokenizer: Tokenizer,
        all_phrases: Sequence[str],
        disguise: bool = False,
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.all_phrases = tuple(all_phrases)
        self.disguise = disguise
        self._words = lru_cache(maxsize=4096)(self._encoded)

    def phrases(
        self, frame_wh: Size, scene: Labelled, zoomed: bool, rng: np.random.Generator
    ) -> Sample:
        """A prompt of present and absent phrases, over the whole frame or over a window."""
        window, anchor = frame_window(frame_wh), None
        if zoomed:
            anchor = scene.boxes[rng.choice(scene.targetable)]
            window = trajectories.jittered_window(anchor, frame_wh, rng)
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
        return self._sample(frame_wh, scene, window, tokens, targets, rows, mentions, anchor, rng)

    def first_step(self, frame_wh: Size, scene: Labelled, rng: np.random.Generator) -> Sample:
        """The whole frame and sentences about it; now and then some that are true of nothing."""
        asked = [*_absent(scene, rng), *shuffled(scene.expressions, rng)]
        return self.referring(frame_wh, scene, frame_window(frame_wh), asked, None, rng)

    def second_step(self, frame_wh: Size, scene: Labelled, rng: np.random.Generator) -> Sample:
        """A window as a first step would give it; now and then one that misses the target, or
        sentences that are true of nothing."""
        ask = scene.expressions[rng.integers(len(scene.expressions))]
        assert ask.target is not None
        window = self._second_window(frame_wh, scene, ask.target, rng)
        others = said_of(window, shuffled(scene.expressions, rng), scene.boxes)
        if intersection(window, scene.boxes[ask.target]) == 0:
            first = replace(ask, target=None)
        else:
            first = ask
        asked = [*_absent(scene, rng), first, *mixed(others)]
        return self.referring(frame_wh, scene, window, asked, scene.boxes[ask.target], rng)

    def _second_window(
        self, frame_wh: Size, scene: Labelled, target: int, rng: np.random.Generator
    ) -> Boxes:
        """Of the target; or of others, of a twin, or of both, where there are any."""
        box, twins = scene.boxes[target], scene.twins(target)
        misses = WANDERING_SHARE + TWIN_SHARE
        draw, window = rng.random(), None
        if draw < WANDERING_SHARE:
            others = np.delete(scene.boxes, target, axis=0)
            window = trajectories.wandering_window(others, box, frame_wh, rng)
        elif draw < misses:
            window = trajectories.wandering_window(twins, box, frame_wh, rng)
        elif draw < misses + BOTH_SHARE and len(twins):
            twin = twins[rng.integers(len(twins))]
            window = trajectories.shared_window(box, twin, frame_wh, rng)
        return trajectories.jittered_window(box, frame_wh, rng) if window is None else window

    def referring(
        self,
        frame_wh: Size,
        scene: Labelled,
        window: Boxes,
        asked: Sequence[Ask],
        anchor: Boxes | None,
        rng: np.random.Generator,
    ) -> Sample:
        """The first sentence of ``asked``; half of the time with as many more as fit.

        Each sentence is a segment of its own, so one pass over the image learns from several. No
        two of them ask for the same object or say the same. A target of None is nowhere in the
        window.
        """
        count = 1 if rng.random() < 0.5 else MOST_SENTENCES
        chosen: list[Ask] = []
        taken: set[int | str | None] = set()
        room = self.config.max_tokens - 2  # [CLS] and [SEP]
        for ask in asked:
            if len(chosen) == count:
                break
            if ask.ref in taken or (ask.target is not None and ask.target in taken):
                continue
            length = len(self._words(ask.ref)) + 1
            if length <= room:
                chosen.append(ask)
                taken |= {ask.ref, ask.target}
                room -= length
        tokens, spans = self.tokenizer.encode_phrases([ask.ref for ask in chosen])
        targets, rows, mentions = [], [], []
        for ask, span in zip(chosen, spans, strict=True):
            mentions += self._mentions(ask, tokens, span)
            if ask.target is not None:
                targets.append(ask.target)
                rows.append(_span_row(span, len(tokens.ids)))
        return self._sample(frame_wh, scene, window, tokens, targets, rows, mentions, anchor, rng)

    def _encoded(self, text: str) -> list[int]:
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
        frame_wh: Size,
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
        config = self.config
        progress = 0.0
        if anchor is not None:
            progress = trajectories.progress(window, anchor, frame_wh) + rng.normal(0, 0.03)
        box = Letterbox(tuple(window), config.input_hw)
        places = scene.boxes[targets].reshape(-1, 4)
        wanted = places
        if config.zooms:
            wanted = as_boxes([trajectories.next_box(place, window, frame_wh) for place in places])
        return Sample(
            view=random_view(scene.number, window, rng, scene.boxes if self.disguise else None),
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


def frame_window(frame_wh: Size) -> Boxes:
    """The whole frame."""
    return np.array([0.0, 0.0, *frame_wh])


def _span_row(span: tuple[int, int], length: int) -> NDArray[np.bool_]:
    index = np.arange(length)
    return np.asarray((index >= span[0]) & (index < span[1]))


def _absent(scene: Labelled, rng: np.random.Generator) -> list[Ask]:
    """Once in a while sentences that are true of nothing in the scene."""
    if not scene.absent or rng.random() >= ABSENT_SHARE:
        return []
    count = rng.integers(1, MOST_ABSENT + 1)
    return [Ask(str(ref), None) for ref in rng.permutation(scene.absent)[:count]]


def said_of(window: Boxes, asked: Sequence[Ask], boxes: Boxes) -> list[Ask]:
    """Sentences about a window: without their target where no part of it is in view.

    A target that is cut by the border is neither there nor not there; nothing is said of it.
    """
    whole, touched = trajectories.visible(boxes, window), intersection(boxes, window) > 0
    return [
        ask if ask.target is None or whole[ask.target] else replace(ask, target=None)
        for ask in asked
        if ask.target is None or whole[ask.target] or not touched[ask.target]
    ]


def mixed(asked: Sequence[Ask]) -> list[Ask]:
    """Two sentences of something in view, then one of nothing, and so on, the rest in order."""
    there = [ask for ask in asked if ask.target is not None]
    gone = [ask for ask in asked if ask.target is None]
    pairs = [there[k : k + 2] for k in range(0, len(there), 2)]
    mixed = [[*pair, *gone[k : k + 1]] for k, pair in enumerate(pairs)]
    return [ask for some in mixed for ask in some] + gone[len(pairs) :]


def shuffled(expressions: tuple[Ask, ...], rng: np.random.Generator) -> list[Ask]:
    """The same in any order."""
    return [expressions[i] for i in rng.permutation(len(expressions))]
