"""The figures that matter."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report.tiles import tiles


def told(measured: dict[str, Any]) -> dict[str, str]:
    return {tile.label: f"{tile.value}; {tile.note}" for tile in tiles(measured)}


def test_a_few_of_each_benchmark(made: dict[str, Any]) -> None:
    found = tiles(made)
    assert {tile.benchmark for tile in found} == set(made) - {"engines", "kernel"}
    assert len({tile.label for tile in found}) == len(found)
    said = told(made)
    assert said["false alarms"].startswith("3.4 %; of 10 expressions")
    assert said["2 expressions in one call"].startswith("0.75; of the time of 2 calls")
    assert said["deadlines that are kept"].startswith("50.0 %; of 24 ms, 0.6 of a search")
    assert said["steps a frame of video"].startswith("2.00; with a warm start")
    assert said["time of eager"].startswith("1.50x ours")  # the closest of its group


@pytest.mark.parametrize("name", ["latency", "accuracy", "peers", "scaling", "refs", "video"])
def test_one_benchmark_alone(made: dict[str, Any], name: str) -> None:
    assert {tile.benchmark for tile in tiles({name: made[name]})} == {name}


def test_what_was_not_measured_is_not_told(made: dict[str, Any]) -> None:
    made["latency"]["cold_start"] = None
    made["deadline"]["rows"] = made["deadline"]["rows"][1:]  # none of 0.6 of a search
    made["video"]["by_kind"].pop("all")
    made["scaling"]["rows"] = [row for row in made["scaling"]["rows"] if row["axis"] == "refs"]
    said = told(made)
    for label in ("engine load to first answer", "deadlines that are kept"):
        assert label not in said
    assert not {"video", "scaling"} & {tile.benchmark for tile in tiles(made)}
