"""One call at a time, also where a signal handler comes in between."""

from __future__ import annotations

import signal
import threading

import pytest

from sdk import EngineError, Grounder
from sdk.turns import Turns


class Thing:
    closed = 0

    def close(self):
        self.closed += 1


@pytest.fixture
def turns():
    return Turns("the thing", Thing(), lambda: None)


def test_one_after_another(turns):
    order = []

    def use(number):
        with turns.take(60) as thing:
            order.append((number, "begins"))
            assert thing is turns.get()
            order.append((number, "ends"))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [word for _, word in order] == ["begins", "ends"] * 8
    assert all(a[0] == b[0] for a, b in zip(order[::2], order[1::2], strict=True))


def test_nothing_when_patience_ends(turns):
    got = []

    def ask():
        with turns.take(0.01) as thing:
            got.append(thing)

    with turns.take(1):
        other = threading.Thread(target=ask)
        other.start()
        other.join(60)
    assert got == [None]


def test_a_call_in_the_middle_of_a_call_is_an_error(turns):
    with turns.take(1) as thing:
        for _ in range(2):
            with (
                pytest.raises(EngineError, match="middle of a call of this very thread"),
                turns.take(1e9),
            ):
                pass
        assert not thing.closed
    with turns.take(1) as again:
        assert again is thing


def test_closing(turns):
    thing = turns.get()
    turns.close()
    turns.close()
    assert (thing.closed, turns.get()) == (1, None)
    with pytest.raises(EngineError, match="the thing is closed"), turns.take(1):
        pass


def test_closing_in_the_middle_of_a_call_waits_for_its_end(turns):
    with turns.take(1) as thing:
        turns.close()
        assert thing.closed == 0
        with pytest.raises(EngineError, match="closed"):
            turns.check_open()
    assert (thing.closed, turns.get()) == (1, None)


def test_a_failing_call_gives_its_turn_back(turns):
    with pytest.raises(KeyError), turns.take(1):
        raise KeyError
    with turns.take(1) as thing:
        assert thing is not None


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timer here")
@pytest.mark.parametrize("what", ["locate", "close"])
def test_a_signal_handler_in_the_middle_of_locate(engine, make_frame, monkeypatch, what):
    """With a lock that is not reentrant, this would never end."""
    frame, said = make_frame(), []
    grounder = Grounder(engine, threads=1)

    def handle(*_):
        try:
            said.append(grounder.locate(frame, "red") if what == "locate" else grounder.close())
        except EngineError as error:
            said.append(str(error))

    before = signal.signal(signal.SIGALRM, handle)
    encode = type(grounder._turns.get()).look

    def with_a_signal(*arguments):
        signal.raise_signal(signal.SIGALRM)
        return encode(*arguments)

    monkeypatch.setattr(type(grounder._turns.get()), "look", with_a_signal)
    try:
        assert grounder.locate(frame, "the red square").found
    finally:
        signal.signal(signal.SIGALRM, before)
    if what == "locate":
        assert "middle of a call of this very thread" in said[0]
        grounder.close()
    else:
        assert said[0] is None
    with pytest.raises(EngineError, match="is closed"):
        grounder.locate(frame, "red")
