"""The folder of answers by itself; ``test_batch.py`` has what commands do with it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from sdk.fleet import output
from sdk.fleet.output import EVERY_S, MOST_OF_TIME, open_output
from sdk.fleet.rows import error_row, table
from sdk.fleet.work import File, Part


@pytest.mark.parametrize("telling_s", [0.0, 3.0])
def test_a_long_manifest_is_renewed_less_often(tmp_path, monkeypatch, telling_s):
    """At most every ten seconds, and so that it takes at most a fiftieth of the time."""
    clock = SimpleNamespace(now=100.0, told=0)

    def slow(*given, **options):
        clock.now += telling_s
        clock.told += 1
        return json.dumps(*given, **options)

    monkeypatch.setattr(output, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(output, "json", SimpleNamespace(dumps=slow))
    films = [File(f"{number}.mp4", f"{number}.mp4") for number in range(3)]
    folder = open_output(str(tmp_path / "out"), {}, films, 1, resume=False)
    wait_s = max(EVERY_S, telling_s / MOST_OF_TIME)
    for number, later_s in enumerate((0.9 * wait_s, 0.2 * wait_s, 0.9 * wait_s)):
        clock.now += later_s
        rows = table([error_row(films[number].name, None, None, "damaged")])
        folder.add(Part(number, 0, True, 1, rows))
        assert clock.told == (1, 2, 2)[number]
    assert not folder.left()
