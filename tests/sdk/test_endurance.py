"""A Grounder for a long drive: thousands of calls, many threads, and whatever is thrown at it."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
import warnings

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk import Grounder, Grounding, InputError, Start
from sdk.geometry import contains

REFS = ["the red square", "the blue square", "the green square", "red", "blue"]
SQUARES = {"red": (400, 100, 430, 128), "blue": (50, 300, 80, 330)}


class Malloc(ctypes.Structure):
    """``struct mallinfo2`` of glibc; ``mapped`` and ``given`` are ``hblkhd`` and ``uordblks``."""

    _fields_ = (
        *((f"before_{n}", ctypes.c_size_t) for n in range(4)),
        ("mapped", ctypes.c_size_t),
        *((f"between_{n}", ctypes.c_size_t) for n in range(2)),
        ("given", ctypes.c_size_t),
        *((f"after_{n}", ctypes.c_size_t) for n in range(2)),
    )


def in_use() -> tuple[int, int]:
    """Blocks that Python holds, and bytes that everybody has of malloc (0 where it cannot be
    asked). To the last one: what a process has resident depends on what else the machine does."""
    gc.collect()
    blocks = sys.getallocatedblocks()
    ask = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if ask is None:
        return blocks, 0
    ask.restype = Malloc
    found = ask()
    return blocks, found.mapped + found.given


def test_two_thousand_calls_with_flat_memory(engine, make_frame):
    frames = [make_frame((320, 240), {"red": (40 * k, 100, 40 * k + 30, 128)}) for k in range(4)]

    def rounds(count: int, grounder: Grounder) -> tuple[int, int]:
        for k in range(count):
            ref = [REFS[k % 5], f"the red square {k}"] if k % 10 == 0 else REFS[k % 5]
            grounder.locate(frames[k % 4], ref, beam=1 + k % 2)
        return in_use()

    with Grounder(engine, threads=1) as grounder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # numbers are no words of the engine
        grounder.locate(frames[0], [f"the blue square {k}" for k in range(300)])  # caches are full
        blocks, size = rounds(600, grounder)
        more_blocks, more_size = rounds(2000, grounder)
    assert more_blocks - blocks < 200  # a tenth of one a call
    assert more_size - size < 100_000  # fifty bytes a call


def test_eight_threads_share_a_grounder(engine, make_frame):
    frames = [make_frame(squares=SQUARES), make_frame(squares={"green": (10, 10, 60, 60)})]
    with Grounder(engine, threads=2) as grounder:
        expected = {
            (k, ref): grounder.locate(frame, ref).to_dict()["xyxy"]
            for k, frame in enumerate(frames)
            for ref in REFS
        }
        wrong: list[object] = []

        def ask(seed: int) -> None:
            rng = np.random.default_rng(seed)
            for _ in range(25):
                k, refs = int(rng.integers(2)), [REFS[j] for j in rng.integers(0, 5, 2)]
                try:
                    answers = grounder.locate(frames[k], refs)
                except Exception as error:
                    wrong.append(error)
                    return
                for ref, answer in zip(refs, answers, strict=True):
                    if not np.allclose(answer.to_dict()["xyxy"], expected[k, ref], atol=0.01):
                        wrong.append((k, ref, answer))

        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)


def test_closing_while_others_ask(engine, make_frame):
    """Each call answers or says that the grounder is closed."""
    frame, said = make_frame(squares=SQUARES), []
    grounder = Grounder(engine, threads=2)

    def ask() -> None:
        for _ in range(50):
            try:
                said.append(grounder.locate(frame, REFS[:3])[0].found)
            except Exception as error:
                said.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while not said:
        time.sleep(0.001)
    grounder.close()
    for thread in threads:
        thread.join(60)
    assert len(said) == 200
    assert {each for each in said if not isinstance(each, bool)} == {
        f"the grounder of {engine} is closed"
    }


def test_two_grounders_do_not_disturb_each_other(engine, make_frame):
    frame = make_frame(squares=SQUARES)
    with Grounder(engine, threads=1) as one:
        with Grounder(engine, threads=1) as two:
            assert one.locate(frame, "red").score == two.locate(frame, "red").score
        assert one.locate(frame, "red").found


shapes = st.one_of(
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)),
    st.lists(st.integers(0, 5), max_size=4).map(tuple),
)
frames = st.one_of(
    st.builds(
        lambda shape, dtype, value: np.full(shape, value, dtype),
        shapes,
        st.sampled_from(["uint8", "uint8", "uint8", "float32", "int64", "bool", "object"]),
        st.integers(0, 1),
    ),
    st.none(),
    st.text(max_size=3),
)
texts = st.one_of(st.text(max_size=40), st.sampled_from(REFS))
refs = st.one_of(texts, st.lists(texts, max_size=3), st.none(), st.integers(), st.binary())
numbers = st.one_of(st.floats(), st.integers(), st.none(), st.booleans(), st.text(max_size=2))
starts = st.one_of(
    st.none(),
    st.builds(Start, st.lists(st.floats(), min_size=3, max_size=5), st.floats()),
    st.builds(Start, st.just((0, 0, 20, 20)), st.floats(0, 1)),
    st.lists(st.none(), max_size=3),
    st.text(max_size=2),
)
colors = st.sampled_from(["bgr", "rgb", "nv12", "", None, 3])


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(frames, refs, colors, numbers, numbers, starts)
def test_two_thousand_strange_questions(grounder, frame, ref, color, beam, deadline_ms, start):
    """An answer with sane boxes, or an InputError; never another error, never another box."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            answers = grounder.locate(
                frame, ref, color, beam=beam, deadline_ms=deadline_ms, start=start
            )
        except InputError:
            return
    for answer in [answers] if isinstance(answers, Grounding) else answers:
        assert 0.0 <= answer.score <= 1.0
        if answer.xyxy is None:
            assert not answer.found
        else:
            assert contains((0, 0, *answer.frame_wh), answer.xyxy, tolerance=1e-3)
        answer.to_json()
