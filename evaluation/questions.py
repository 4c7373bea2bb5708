"""Questions about rendered scenes, with their answers: for checks and certificates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.scenes import Scene, absent, expressions, make_scene, render
from sdk.options import GRAMMARS, SETTINGS

Rect = tuple[float, float, float, float]  # xyxy, frame pixels
ABSENT_EVERY = 10


@dataclass(frozen=True)
class Question:
    """A frame (h, w, 3) BGR, a sentence, the answer (4,) xyxy or None: true of nothing."""

    frame: NDArray[np.uint8]
    ref: str
    target_xyxy: Rect | None


def questions(
    seed: int,
    count: int,
    absent_every: int = ABSENT_EVERY,
    grammar: str = "plain",
    setting: str = "plain",
) -> Iterator[Question]:
    """One sentence for each of the scenes ``seed``, ``seed + 1``, ...; some true of nothing.

    Args:
        seed: of the first scene.
        count: how many questions.
        absent_every: one sentence of so many is true of nothing.
        grammar: "plain", "rich", or "both": in turns, so that either kind of question is asked in
            either grammar.
        setting: of the scenes, "plain", "road", or "both": in turns, so that each is spoken of in
            either grammar.

    Returns:
        The questions, each drawn when it is asked for.
    """
    for number in range(seed, seed + count):
        turn = number // absent_every
        spoken = GRAMMARS[turn % 2] if grammar == "both" else grammar
        seen = SETTINGS[turn // 2 % 2] if setting == "both" else setting
        scene = make_scene(number, setting=seen)
        if number % absent_every == absent_every - 1:
            yield Question(render(scene), absent(scene, number, spoken), None)
            continue
        known = expressions(scene, number, per_object=1, grammar=spoken)
        chosen = known[int(np.random.default_rng(number).integers(len(known)))]
        yield Question(render(scene), chosen.ref, scene.objects[chosen.target].xyxy)


@dataclass(frozen=True)
class Case:
    """A scene and an expression that is true of exactly one of its objects.

    Attributes:
        scene: the scene graph; ``frame()`` draws it.
        ref: the expression.
        target_xyxy: the true box, frame pixels.
        needs_relation: True when the noun phrase alone fits several objects, so that only the
            relation ("left of the bus") tells them apart.
        absent_ref: an expression in the same manner that is true of nothing in the scene.
    """

    scene: Scene
    ref: str
    target_xyxy: Rect
    needs_relation: bool
    absent_ref: str

    def frame(self) -> NDArray[np.uint8]:
        """The picture of the scene, (h, w, 3) uint8 BGR; 1080 x 1920 where it is plain."""
        return render(self.scene)


def make_case(seed: int, grammar: str = "plain", setting: str = "plain") -> Case:
    """The case of one seed. The same arguments give the same case.

    Args:
        seed: of the scene, and of the choice among its expressions.
        grammar: "plain" or "rich".
        setting: of the scene, "plain" or "road".

    Returns:
        The case, not drawn yet.
    """
    scene = make_scene(seed, setting=setting)
    candidates = expressions(scene, seed, grammar=grammar)
    chosen = candidates[int(np.random.default_rng([seed, 11]).integers(len(candidates)))]
    return Case(
        scene=scene,
        ref=chosen.ref,
        target_xyxy=scene.objects[chosen.target].xyxy,
        needs_relation=chosen.needs_relation,
        absent_ref=absent(scene, seed, grammar),
    )


def make_cases(count: int, seed: int, grammar: str = "plain", setting: str = "plain") -> list[Case]:
    """The cases of the seeds ``seed`` to ``seed + count - 1``.

    Args:
        count: how many cases.
        seed: of the first.
        grammar: "plain" or "rich".
        setting: of the scenes, "plain" or "road".

    Returns:
        One case for each seed, in order.
    """
    return [make_case(k, grammar, setting) for k in range(seed, seed + count)]


def shuffled(refs: Sequence[str], seed: int) -> list[str]:
    """The same expressions, none where it was: one cycle through all of them (Sattolo 1986).

    A single expression stays where it is.
    """
    rng = np.random.default_rng([seed, 12])
    order = np.arange(len(refs))
    for k in range(len(refs) - 1, 0, -1):
        j = int(rng.integers(k))
        order[[k, j]] = order[[j, k]]
    return [refs[k] for k in order]


@dataclass(frozen=True)
class Workload:
    """Frames in memory and expressions about them, no expression twice."""

    frames: tuple[NDArray[np.uint8], ...]
    questions: tuple[tuple[int, str], ...]  # index of the frame, expression

    @cached_property
    def frame_wh(self) -> tuple[int, int]:
        """Width and height of the frames."""
        height, width = self.frames[0].shape[:2]
        return width, height


def make_workload(count: int, seed: int) -> Workload:
    """``count`` different questions; neighbours ask about different frames where they can.

    No expression comes twice, since an engine remembers the text features of one that it has seen.

    Args:
        count: how many questions, at least one.
        seed: of the first scene; the next ones count up from it.

    Returns:
        The questions, and as many frames (1080, 1920, 3) uint8 BGR as they need.
    """
    by_frame: list[list[str]] = []
    seen: set[str] = set()
    while len(seen) < count:
        scene_seed = seed + len(by_frame)
        refs = {made.ref for made in expressions(make_scene(scene_seed), scene_seed)} - seen
        by_frame.append(sorted(refs)[: count - len(seen)])
        seen.update(by_frame[-1])
    longest = max(len(refs) for refs in by_frame)
    turns = ((k, row) for row in range(longest) for k in range(len(by_frame)))
    questions = tuple((k, by_frame[k][row]) for k, row in turns if row < len(by_frame[k]))
    frames = tuple(render(make_scene(seed + k)) for k in range(len(by_frame)))
    return Workload(frames, questions)
