"""Signals as a wish to stop."""

from __future__ import annotations

import signal

import pytest

from train.trainer.running import SIGNALS, wish_to_stop


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_a_wish(number: int, capfd) -> None:
    before = signal.getsignal(number)
    with wish_to_stop() as wished:
        assert not wished()
        signal.raise_signal(number)
        signal.raise_signal(number)  # launchers repeat what the terminal has sent
        assert wished()
    assert signal.getsignal(number) is before
    assert capfd.readouterr().err.count("stopping") == 1


def test_handlers_come_back_after_an_error() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(ValueError, match="inside"), wish_to_stop():
        raise ValueError("inside")
    assert [signal.getsignal(number) for number in SIGNALS] == before
