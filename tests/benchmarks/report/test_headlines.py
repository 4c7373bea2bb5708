"""The figures that matter."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report.parts import benchmarks
from benchmarks.report.section import Headline


def headlines(measured: dict[str, Any]) -> dict[str, tuple[Headline, ...]]:
    """Of the benchmarks that have any."""
    found = {name: benchmarks()[name].section(each).headlines for name, each in measured.items()}
    return {name: each for name, each in found.items() if each}


def told(measured: dict[str, Any]) -> dict[str, str]:
    every = [each for some in headlines(measured).values() for each in some]
    assert len({each.label for each in every}) == len(every)
    return {each.label: f"{each.value}; {each.note}" for each in every}


def test_a_few_of_each_benchmark(made: dict[str, Any]) -> None:
    silent = {"engines", "fewshot", "kernel", "methods", "plans", "zoo"}
    assert set(headlines(made)) == set(made) - silent
    said = told(made)
    assert said["false alarms"].startswith("3.4 %; of 10 expressions")
    assert said["2 expressions in one call"].startswith("0.75; of the time of 2 calls")
    assert said["deadlines that are kept"].startswith("50.0 %; of 24 ms, 0.6 of a search")
    assert said["steps a frame of video"].startswith("2.00; with a warm start")
    assert said["time of eager"].startswith("1.50x ours")  # the closest of its group


@pytest.mark.parametrize("name", ["latency", "accuracy", "peers", "scaling", "refs", "video"])
def test_one_benchmark_alone(made: dict[str, Any], name: str) -> None:
    assert headlines({name: made[name]})


def test_what_was_not_measured_is_not_told(made: dict[str, Any]) -> None:
    made["latency"]["cold_start"] = None
    made["deadline"]["rows"] = made["deadline"]["rows"][1:]  # none of 0.6 of a search
    made["video"]["by_kind"].pop("all")
    made["scaling"]["rows"] = [row for row in made["scaling"]["rows"] if row["axis"] == "refs"]
    said = told(made)
    for label in ("engine load to first answer", "deadlines that are kept"):
        assert label not in said
    assert not {"video", "scaling"} & set(headlines(made))
