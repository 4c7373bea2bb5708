"""How far away an object can be: the arithmetic, the honesty, the command."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sdk import EngineError, InputError
from sdk.__main__ import main
from sdk.commands.budget import (
    FEW,
    Size,
    distance_m,
    focal_from_hfov,
    pixel_budget,
    read_sizes,
    size_px,
    wilson_interval,
)
from sdk.engine.folder import write_manifest

BY_SIZE = [
    {"from_px": 10, "to_px": 20, "n": 100, "acc50": 0.5},
    {"from_px": 20, "to_px": 40, "n": 100, "acc50": 0.8},
    {"from_px": 40, "to_px": 80, "n": 100, "acc50": 0.9},
    {"from_px": 80, "to_px": 90, "n": 5, "acc50": 1.0},
]
SIZES = read_sizes({"by_size": BY_SIZE}, "an engine")

positive = st.floats(1e-3, 1e6)


def test_a_pinhole_by_hand():
    assert size_px(1000, 2, 2, 50) == pytest.approx(40)
    assert size_px(1000, 4, 1, 50) == pytest.approx(40)
    assert distance_m(1000, 2, 2, 40) == pytest.approx(50)
    assert focal_from_hfov(90, 1920) == pytest.approx(960)


@given(focal=positive, height=positive, width=positive, distance=positive)
def test_distance_and_size_undo_each_other(focal, height, width, distance):
    side = size_px(focal, height, width, distance)
    assert distance_m(focal, height, width, side) == pytest.approx(distance)


@given(hfov=st.floats(0.1, 179.9), width=st.floats(1, 1e5))
def test_the_edge_of_the_frame_is_half_the_field_of_view(hfov, width):
    half = math.degrees(math.atan(width / 2 / focal_from_hfov(hfov, width)))
    assert half == pytest.approx(hfov / 2)


def test_sizes_become_distances():
    budget = pixel_budget(SIZES, 1000, 2, 2, 0.8)
    assert [(row.near_m, row.far_m) for row in budget.rows] == [
        (100, 200),
        (50, 100),
        (25, 50),
        (pytest.approx(2000 / 90), 25),
    ]
    assert [row.enough for row in budget.rows] == [False, True, True, False]
    assert [row.few for row in budget.rows] == [False, False, False, True]
    assert budget.ranges_m == ((25, 100),)
    assert budget.farthest_m == 100


def test_no_size_is_good_enough():
    budget = pixel_budget(SIZES, 1000, 2, 2, 0.95)
    assert budget.ranges_m == ()
    assert budget.farthest_m is None


def test_ranges_end_where_accuracy_or_measurement_does():
    sizes = [
        Size(10, 20, 100, 0.9),
        Size(20, 30, 100, 0.5),  # not enough
        Size(30, 40, 100, 0.9),
        Size(50, 60, 100, 0.9),  # 40 to 50 was not measured
    ]
    budget = pixel_budget(sizes, 600, 1, 1, 0.8)
    assert budget.ranges_m == ((30, 60), (15, 20), (10, 12))


def test_nothing_reaches_to_infinity():
    budget = pixel_budget([Size(0, 10, 100, 0.9), Size(10, 20, 100, 0.9)], 1000, 1, 1, 0.8)
    assert budget.rows[0].far_m is None
    assert budget.farthest_m == 100
    assert budget.ranges_m == ((50, 100),)


@given(
    share=st.floats(0, 1),
    n=st.integers(1, 10**6),
)
def test_the_interval_holds_the_share(share, n):
    low, high = wilson_interval(share, n)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    assert high - low <= 1.96 / math.sqrt(n) + 1e-9


def test_the_interval_by_hand():
    """10 of 10: 1 / (1 + z^2 / n) of Wilson's formula at the upper end of the shares."""
    low, high = wilson_interval(1.0, 10)
    assert low == pytest.approx(1 / (1 + 1.96**2 / 10))
    assert high == 1.0
    assert wilson_interval(0.0, 0) == (0.0, 1.0)


@given(
    edges=st.lists(st.integers(0, 500), min_size=2, max_size=9, unique=True),
    accuracy=st.floats(0, 1),
    data=st.data(),
)
def test_ranges_say_nothing_that_was_not_measured(edges, accuracy, data):
    edges.sort()
    counts = st.integers(0, 2 * FEW)
    sizes = [
        Size(low, high, data.draw(counts), data.draw(st.floats(0, 1)))
        for low, high in itertools.pairwise(edges)
    ]
    assume(edges[-1] > edges[0])
    budget = pixel_budget(sizes, 800, 1.5, 1.5, accuracy)
    nearest, farthest = budget.rows[-1].near_m, budget.rows[0].far_m or math.inf
    for near, far in budget.ranges_m:
        assert nearest <= near <= far <= farthest
    if budget.farthest_m is not None:
        side = size_px(800, 1.5, 1.5, budget.farthest_m)
        held = [s for s in sizes if s.from_px - 1e-6 <= side <= s.to_px + 1e-6]
        assert any(s.acc50 >= accuracy and s.n >= FEW for s in held)


@pytest.mark.parametrize("calibration", [{}, {"by_size": []}, {"by_size": None}])
def test_engines_that_do_not_know(calibration):
    with pytest.raises(EngineError, match=r"the engine x does not say .* train calibrate"):
        read_sizes(calibration, "the engine x")


@pytest.mark.parametrize(
    "by_size",
    [
        "many",
        {"a": 1},
        [1],
        [{"from_px": 1, "to_px": 2, "n": 3}],
        [{"from_px": 2, "to_px": 2, "n": 3, "acc50": 0.5}],
        [{"from_px": -1, "to_px": 2, "n": 3, "acc50": 0.5}],
        [{"from_px": 1, "to_px": math.inf, "n": 3, "acc50": 0.5}],
        [{"from_px": 1, "to_px": 2, "n": 3.5, "acc50": 0.5}],
        [{"from_px": 1, "to_px": 2, "n": 3, "acc50": 1.5}],
        [BY_SIZE[0], {**BY_SIZE[1], "from_px": 15}],
    ],
)
def test_measurements_that_make_no_sense(by_size):
    with pytest.raises(EngineError, match="the engine x"):
        read_sizes({"by_size": by_size}, "the engine x")


def test_sizes_come_in_any_order():
    assert read_sizes({"by_size": BY_SIZE[::-1]}, "x") == SIZES


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_lengths_are_positive(wrong):
    for lengths in ((wrong, 1, 1), (1, wrong, 1), (1, 1, wrong)):
        with pytest.raises(InputError, match="above 0"):
            pixel_budget(SIZES, *lengths, 0.8)
    with pytest.raises(InputError, match=r"0 and 180|above 0"):
        focal_from_hfov(60, wrong)
    if wrong <= 0 or math.isnan(wrong):
        with pytest.raises(InputError, match="0 and 180"):
            focal_from_hfov(wrong, 1920)


@pytest.fixture
def measured(engine, make_manifest):
    write_manifest(engine, make_manifest(calibration={"threshold": 0.5, "by_size": BY_SIZE}))
    return ["--engine", str(engine)]


def test_the_table(measured, capsys):
    assert main(["budget", "--focal-px", "1000", "--height-m", "2", *measured]) == 0
    out = capsys.readouterr().out
    assert "Acc50 of at least 0.8: 25.0 to 100.0 m" in out
    assert "as wide as high" in out
    assert "few samples: not counted" in out
    ask = ["budget", "--focal-px", "1000", "--height-m", "2", "--width-m", "1", *measured]
    assert main([*ask, "--accuracy", "0.99"]) == 0
    out = capsys.readouterr().out
    assert "at no distance that was measured" in out
    assert "as wide as high" not in out


@pytest.mark.parametrize("acc50", [0.7953, 0.7996, 0.79999999, 0.8, 0.80004])
def test_no_figure_contradicts_its_verdict(engine, make_manifest, capsys, acc50):
    by_size = [{"from_px": 10, "to_px": 20, "n": 100, "acc50": acc50}]
    write_manifest(engine, make_manifest(calibration={"threshold": 0.5, "by_size": by_size}))
    ask = ["budget", "--focal-px", "1000", "--height-m", "2", "--engine", str(engine)]
    assert main([*ask, "--accuracy", "0.8"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "10 to 20" in line)
    shown = float(line.split()[7])
    assert (shown >= 0.8) == (acc50 >= 0.8) == line.endswith("enough")


def test_json_and_a_field_of_view(measured, capsys):
    ask = ["budget", "--hfov-deg", "90", "--image-width", "2000", "--height-m", "2", "--json"]
    assert main([*ask, *measured]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["focal_px"] == pytest.approx(1000)
    assert report["farthest_m"] == pytest.approx(100)
    assert report["rows"][0]["size"] == {"from_px": 10, "to_px": 20, "n": 100, "acc50": 0.5}


def test_exit_codes(engine, measured, make_manifest, capsys):
    ask = ["budget", "--height-m", "2", *measured]
    assert main([*ask, "--focal-px", "-1"]) == 2
    assert main([*ask, "--hfov-deg", "90"]) == 2
    assert main([*ask, "--focal-px", "1000", "--image-width", "1920"]) == 2
    assert main([*ask, "--focal-px", "1000", "--accuracy", "80"]) == 2
    with pytest.raises(SystemExit) as exit_info:
        main(ask)
    assert exit_info.value.code == 2
    write_manifest(engine, make_manifest())
    assert main([*ask, "--focal-px", "1000"]) == 3
    assert "train calibrate" in capsys.readouterr().err
