"""Slower, faster, or noise?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.__main__ import main
from benchmarks.commands import compare as command
from benchmarks.commands.compare import FASTER, SAME, SLOWER, UNKNOWN, Ratio, compare, read_figures
from evaluation.statistics import interval_of_paired_ratio, interval_of_ratio
from sdk.errors import InputError

MACHINE = {"cpu": "A", "cores": 2, "gpu": [], "system": "Linux", "versions": {"numpy": "2"}}


def latency(factor: float, seed: int = 0, count: int = 200, **changes: Any) -> dict[str, Any]:
    """Questions that take 30 to 60 ms each, 3 % noise of a run's own, ``factor`` times as long."""
    own = np.random.default_rng(5).uniform(30, 60, count)
    times = factor * own * np.random.default_rng(seed).lognormal(0, 0.03, count)
    samples = {"question": [f"q{k}" for k in range(count)], "search_ms": times.tolist()}
    samples |= {"crop_ms": (times / 10).tolist(), "text_ms": [0.0] * count}
    rows = [{"name": "search", "p50_ms": float(np.median(times))}]
    whole = {"benchmark": "latency", "samples": samples, "rows": rows, "engine": "tiny@1"}
    return whole | {"environment": MACHINE} | changes


def write(folder: Path, name: str, figures: Any) -> str:
    (folder / name).write_text(json.dumps(figures))
    return str(folder / name)


def first(old: dict[str, Any], new: dict[str, Any]) -> Ratio:
    return compare(old, new, 0.95).ratios[0]


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, SAME), (1.02, SAME), (1.08, SLOWER), (2.0, SLOWER), (0.98, SAME), (0.9, FASTER)],
)
def test_verdicts(factor: float, verdict: str) -> None:
    ratio = first(latency(1.0), latency(factor, seed=1))
    assert ratio.low < ratio.ratio < ratio.high
    assert ratio.verdict(0.05) == verdict
    assert ratio.decides(0.05)
    assert ratio.pairs == 200


def test_pairs_see_what_medians_alone_do_not() -> None:
    old, new = latency(1.0, count=60), latency(1.06, seed=1, count=60)
    paired = first(old, new)
    for figures in (old, new):
        del figures["samples"]["question"]
    alone = first(old, new)
    assert (alone.pairs, paired.pairs) == (0, 60)
    assert paired.high - paired.low < (alone.high - alone.low) / 3
    assert (paired.verdict(0.05), alone.verdict(0.05)) == (SLOWER, SAME)
    assert not alone.decides(0.05)  # more runs would tell


def test_questions_in_another_order_and_more_often_still_pair() -> None:
    old, new = latency(1.0, count=50), latency(1.2, seed=1, count=50)
    for name, column in new["samples"].items():
        new["samples"][name] = column[::-1] * 2
    assert first(old, new).pairs == 50
    assert first(old, new).verdict(0.05) == SLOWER


def test_other_questions_are_not_paired() -> None:
    other = latency(1.3, seed=1)
    other["samples"]["question"] = [f"p{k}" for k in range(200)]
    assert first(latency(1.0), other).pairs == 0
    assert first(latency(1.0), other).verdict(0.05) == SLOWER


def test_stages_and_p99_are_told_beside_the_search() -> None:
    names = [each.name for each in compare(latency(1.0), latency(1.0, 1), 0.95).ratios]
    assert names == ["search", "search, p99", "crop"]  # no text: it took no time before


def test_rows_without_samples() -> None:
    rows = [{"name": "ours", "p50_ms": 10.0, "ratio": 1.0, "acc50": 0.8}]
    rows.append({"name": "theirs", "p50_ms": 40.0, "ratio": 4.0, "acc50": 0.7})
    again = [{**row, "p50_ms": row["p50_ms"] * 3} for row in rows]
    ratios = compare({"rows": rows}, {"rows": again[::-1]}, 0.95).ratios
    assert [each.name for each in ratios] == [
        *("ours p50", "ours ratio", "theirs p50", "theirs ratio")
    ]
    assert [each.ratio for each in ratios] == [3.0, 1.0, 3.0, 1.0]
    assert {each.verdict(0.05) for each in ratios} == {UNKNOWN}


def counts(*per_pixel: float, isa: str = "avx2", compiler: str = "c++ 12") -> dict[str, Any]:
    sizes = ("1x1", "2x2", "3x3")
    rows = [
        {"size": size, "ours_ms": 1.0, "isa": isa, "instructions_per_pixel": each}
        for size, each in zip(sizes, per_pixel, strict=False)
    ]
    return {"rows": rows, "instructions": {"isa": "avx2", "compiler": compiler}}


@pytest.mark.parametrize(
    ("now", "verdict", "code"),
    [((9.0, 8.0), SAME, 0), ((9.0, 8.5), SLOWER, 1), ((8.0, 7.0), FASTER, 0)],
)
def test_counts_of_instructions_decide(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    now: tuple[float, ...],
    verdict: str,
    code: int,
) -> None:
    old, new = counts(9.0, 8.0), counts(*now)
    worst = first(old, new)
    assert worst.ratio == max(b / a for a, b in zip((9.0, 8.0), now, strict=True))
    assert worst.verdict(0.05) == verdict
    assert main(["compare", write(tmp_path, "a", old), write(tmp_path, "b", new)]) == code
    assert "counted, not timed" in capsys.readouterr().out


def test_counts_of_another_machine_and_compiler_are_told() -> None:
    new = counts(9.0, isa="avx512", compiler="c++ 14")
    told = compare(counts(9.0), new, 0.95).warnings
    assert told[0] == "different instruction sets: avx2 and avx512"
    assert told[1].startswith("instructions of different compilers or sets: {'isa': 'avx2'")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            [{"refs": 1, "a_ms": 1.0}],
            [{"refs": 2, "a_ms": 1.0}],
            "only one of them has refs 1, refs 2",
        ),
        ([{"beam": 1, "a": 1.0}], [{"beam": 1, "a": 1.0}], "expected rows with times"),
        ([{"a_ms": 1.0}] * 2, [{"a_ms": 1.0}] * 2, "a name tells apart"),
        ([{"refs": 1, "a_ms": None}], [{"refs": 1, "a_ms": 1.0}], "expected rows with times"),
    ],
)
def test_rows_that_do_not_compare(old: list[Any], new: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare({"rows": old}, {"rows": new}, 0.95)


def test_different_benchmarks() -> None:
    with pytest.raises(InputError, match="of one benchmark, got latency and None"):
        compare(latency(1.0), {"rows": [{"refs": 1, "a_ms": 1.0}]}, 0.95)


@pytest.mark.parametrize("damage", [[], "12", [1.0, None], [1.0, float("nan")], [1.0, -1.0]])
def test_damaged_samples(damage: Any) -> None:
    broken = latency(1.0)
    broken["samples"]["search_ms"] = damage
    with pytest.raises(InputError, match="damaged"):
        compare(latency(1.0), broken, 0.95)


def test_samples_without_their_questions() -> None:
    broken = latency(1.0)
    broken["samples"]["question"] = ["a"]
    with pytest.raises(InputError, match="expected a question for each of the 200 samples"):
        compare(latency(1.0), broken, 0.95)


@pytest.mark.parametrize("text", ["", "{", "\xff", "[]", "{}", '{"rows": []}', '{"rows": [1]}'])
def test_damaged_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"a\.json"):
        read_figures(tmp_path / "a.json")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_figures(tmp_path / "none.json")


def test_another_engine_machine_and_version_are_told() -> None:
    other = {**MACHINE, "cpu": "B", "versions": {"numpy": "3"}}
    warnings = compare(latency(1.0), latency(1.0, engine="x", environment=other), 0.95).warnings
    assert warnings == (
        "different engines: tiny@1 and x",
        "different machines: cpu A and B",
        "different versions: numpy 2 and 3",
    )


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (1.3, 1), (0.7, 0)])
def test_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], factor: float, code: int
) -> None:
    files = [write(tmp_path, "a", latency(1.0)), write(tmp_path, "b", latency(factor, 1))]
    assert main(["compare", *files]) == code
    printed = capsys.readouterr()
    assert "paired by 200 questions" in printed.out
    assert "changes below 5 % do not count" in printed.out
    assert not printed.err


def test_command_without_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        write(tmp_path, n, {"rows": [{"refs": 1, "a_ms": t}]}) for n, t in (("a", 1), ("b", 9))
    ]
    assert main(["compare", *files]) == 0
    assert "noise cannot be judged" in capsys.readouterr().out


def test_command_with_a_bad_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "a", latency(1.0))
    assert main(["compare", file, "none.json"]) == 2
    assert "cannot read none.json" in capsys.readouterr().err
    assert command.EXIT_SLOWER == 1


times = st.lists(st.floats(0.1, 1e4), min_size=1, max_size=30)


@settings(max_examples=15)
@given(times, times)
def test_an_interval_holds_together(old: list[float], new: list[float]) -> None:
    ratio, low, high = interval_of_ratio(old, new, 0.95)
    assert 0 < low <= high
    assert min(new) / max(old) * 0.999 <= low
    assert high <= max(new) / min(old) * 1.001
    assert ratio == pytest.approx(np.median(new) / np.median(old))


@settings(max_examples=15)
@given(times, st.floats(0.1, 10))
def test_a_constant_factor_is_certain(old: list[float], factor: float) -> None:
    found = interval_of_paired_ratio(old, [factor * each for each in old], 0.95)
    assert found == pytest.approx((factor,) * 3)
