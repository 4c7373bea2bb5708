"""A Grounder for a long drive: thousands of calls, many threads, and whatever is thrown at it."""

from __future__ import annotations

import gc
import threading
import warnings

import numpy as np
import psutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk import Grounder, Grounding, InputError, Start
from sdk.geometry import contains

REFS = ["the red square", "the blue square", "the green square", "red", "blue"]
SQUARES = {"red": (400, 100, 430, 128), "blue": (50, 300, 80, 330)}


def test_ten_thousand_calls_with_flat_memory(engine, make_frame):
    frames = [make_frame((320, 240), {"red": (40 * k, 100, 40 * k + 30, 128)}) for k in range(4)]
    process = psutil.Process()

    def rounds(count: int, grounder: Grounder) -> int:
        for k in range(count):
            ref = [REFS[k % 5], f"the red square {k}"] if k % 10 == 0 else REFS[k % 5]
            grounder.locate(frames[k % 4], ref, beam=1 + k % 2)
        gc.collect()
        return process.memory_info().rss

    with Grounder(engine, threads=1) as grounder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # numbers are no words of the engine
        before = rounds(1000, grounder)
        after = rounds(10_000, grounder)
    assert after < before * 1.01


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
        pass
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
