"""The race: each question goes to every contestant before the next one is drawn."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.baselines.baseline import Contestant, Reply
from evaluation.metrics import answer_ious
from evaluation.questions import Case, Rect, make_case
from sdk.frame import Frame

PAUSE_S = 0.01  # between two questions; threads that spin before they sleep are asleep by then


@dataclass(frozen=True, eq=False)
class Turn:
    """One answer. ``question``: its number. ``wall_ms``: NaN where nobody looked at the clock.
    ``iou``: of the box with the true one, 0 without a box."""

    question: int
    wall_ms: float
    iou: float
    reply: Reply


def distinct_cases(count: int, seed: int) -> list[Case]:
    """The cases of ``count`` seeds from ``seed`` on, without those whose expression came before:
    a grounder remembers the text features of an expression that it has seen."""
    cases: dict[str, Case] = {}
    while len(cases) < count:
        case = make_case(seed)
        cases.setdefault(case.ref, case)
        seed += 1
    return list(cases.values())


def warm_up(contestants: Sequence[Contestant], cases: Sequence[Case]) -> list[float]:
    """Asks everybody all of the cases, without a clock for each; the seconds that each took."""
    frames = [case.frame() for case in cases]
    took_s = []
    for contestant in contestants:
        begin = time.perf_counter()
        for case, frame in zip(cases, frames, strict=True):
            contestant.ask(frame, case.ref)
        took_s.append(time.perf_counter() - begin)
    return took_s


def race(
    contestants: Sequence[Contestant],
    cases: Sequence[Case],
    runs: int,
    progress: Callable[[Sequence[Case]], Iterable[Case]] = iter,
    pause_s: float = PAUSE_S,
) -> list[list[Turn]]:
    """The turns of each contestant.

    The first ``runs`` cases are timed: each is asked of one contestant after the other, in an order
    of its own for each case, so that nobody always follows the same neighbour. Before the clock
    starts a contestant is asked about the case before, as in a stream of frames: its weights are
    then in the caches, and not its neighbour's. The other cases are asked, without a clock, of
    those who are surveyed.
    """
    last: tuple[Frame, str] | None = None
    turns: list[list[Turn]] = [[] for _ in contestants]
    for number, case in enumerate(progress(cases)):
        frame, timed = case.frame(), number < runs
        for k in np.random.default_rng(number).permutation(len(contestants)).tolist():
            contestant = contestants[k]
            every = contestant.every if timed else contestant.survey_every
            if not every or number % every:
                continue
            if timed:
                if last is not None:
                    contestant.ask(*last)
                if contestant.before is not None:
                    contestant.before(case.ref)
                time.sleep(pause_s)
            turn = _turn(contestant, number, frame, case.ref, case.target_xyxy)
            turns[k].append(turn if timed else dataclasses.replace(turn, wall_ms=math.nan))
        last = frame, case.ref
    return turns


def _turn(contestant: Contestant, number: int, frame: Frame, ref: str, target: Rect) -> Turn:
    begin = time.perf_counter()
    reply = contestant.ask(frame, ref)
    wall_ms = (time.perf_counter() - begin) * 1e3
    return Turn(number, wall_ms, float(answer_ious([reply.xyxy], [target])[0]), reply)
