"""``python -m benchmarks scale``: arithmetic that can be done by hand, and the page that has it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.__main__ import main
from benchmarks.commands.scale import DATA, Fleet, Measured, Speed, page, read_measured
from benchmarks.report.markdown import BEGIN, END

DOCS = DATA.parent / "scale.md"


@pytest.fixture
def data(tmp_path):
    """A folder of figures that are easily reckoned with."""

    figures = {
        "batch": {
            "frames": 100,
            "rows": [
                {"by": "loop of locate", "seconds": 5.0, "cpu_ms": 50.0},
                {"by": "one process", "seconds": 5.0, "wall_s": 5.5, "cpu_ms": 50.0},
                {"by": "Ray, 1 actor", "seconds": 5.0, "wall_s": 15.0, "cpu_ms": 52.0},
                {"by": "Ray, 1 actor", "seconds": 6.0, "wall_s": 17.0, "cpu_ms": 54.0},
                {"by": "Ray, 2 actors", "seconds": 2.5, "wall_s": 14.5, "cpu_ms": 51.0},
            ],
            "bytes_a_row": 1000.0,
        },
        "batch-files": {
            "files": [
                {"files": 1000, "by": "one process", "again_s": 3.0},
                {"files": 1000, "by": "Ray, 2 actors", "cpu_ms_a_part": 5.0},
            ],
            "cluster": True,
            "asking": [{"refs": count, "cpu_ms": 50.0 * count} for count in (1, 2, 4)],
            "writing": {
                "frames": 100,
                "part_ms": 1.0,
                "manifest": [{"parts": 100_000, "seconds": 0.5}],
            },
            "reading": [{"frame": name, "ms": 10.0} for name in ("720p", "1080p", "4K")],
        },
        "batch-10000": {"files": [{"files": 10_000, "by": "one process", "again_s": 20.0}]},
        "latency": {"cold_start": {"list_peak_mb": 300.0}},
        "scaling": {
            "rows": [
                {"axis": "frame", "label": label, "relative": relative}
                for label, relative in (("720p", 1.0), ("1080p", 1.0), ("4K", 1.2))
            ]
            + [{"axis": "refs", "label": "1", "relative": 1.0}]
        },
    }
    for name, each in figures.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(each))
    return tmp_path


def test_what_is_read(data):
    assert read_measured(data) == Measured(
        ask_ms={1: 50.0, 2: 100.0, 4: 200.0},
        by_frame={"720p": 1.0, "1080p": 1.0, "4K": 1.2},
        read_ms={"720p": 10.0, "1080p": 10.0, "4K": 10.0},
        actors={
            0: Speed(20.0, 50.0),
            1: Speed(pytest.approx((20 + 100 / 6) / 2), 53.0),
            2: Speed(40.0, 51.0),
        },
        start_s=11.0,
        row_ms=0.01,
        part_ms=5.0,
        row_bytes=1000.0,
        manifest_s=5e-6,
        again_s=0.002,
        engine_mb=300.0,
    )


def test_a_frame_takes_its_searches_and_its_decoding(data):
    measured = read_measured(data)
    assert measured.frame_s(1, "1080p") == pytest.approx(0.06)
    assert measured.frame_s(3, "1080p") == pytest.approx(0.16)  # between two that were measured
    assert measured.frame_s(8, "1080p") == pytest.approx(0.41)  # twice the largest
    assert measured.frame_s(1, "4K") == pytest.approx(0.07)


def test_a_day(data):
    """36 million frames of 0.06 s are 600,000 core-hours a thousand: 25,000 cores for a day."""
    fleet = Fleet(vehicles=1_000, hours=1.0, rate_hz=10.0, refs=1, mbit_s=8.0)
    assert fleet.frames == 36e6
    text = page(fleet, read_measured(data))
    for row in (
        "| frames | 36 million |",
        "| answers (rows) | 36 million |",
        "| films | 3.60 TB |",
        "| Parquet | 0.04 TB |",
        "| core-hours | 600, 16.7 % of them decoding |",
        "| cores that end within the day | 25.0 |",
        "| GPU-hours, one expression a frame | 140 |",
        "| files of 128 frames | 281,000 |",
        "| a link of 10 Gbit/s | 12,500 frames/s | 750 actors | 300 actors |",
        "| the one process that writes | 20,400 frames/s | 1,220 actors | 489 actors |",
        "| 10,000 | 20,400 | 60.0 | computed, the process that writes is the limit |",
        "| 2 | 40.0 | 51.0 | measured |",
    ):
        assert row in text, row
    twice = page(replace(fleet, vehicles=2_000), read_measured(data))
    assert "| core-hours | 1,200, 16.7 % of them decoding |" in twice


def test_figures_that_are_missing_or_damaged(data, capsys):
    (data / "latency.json").write_text("{}")
    assert main(["scale", "--data", str(data)]) == 2
    assert "cannot compute from" in capsys.readouterr().err
    assert main(["scale", "--data", str(data / "none")]) == 2


def test_it_writes_between_the_markers(data, tmp_path, capsys):
    file = tmp_path / "scale.md"
    assert main(["scale", "--data", str(data), "--write", str(file)]) == 2
    file.write_text(f"# Scale\n\n{BEGIN}\nold\n{END}\n\nBelow.\n")
    assert main(["scale", "--data", str(data), "--write", str(file)]) == 0
    text = file.read_text()
    assert "old" not in text
    assert text.endswith("Below.\n")
    capsys.readouterr()
    assert main(["scale", "--data", str(data)]) == 0
    assert capsys.readouterr().out.strip() in text


def test_the_page_has_what_the_command_prints(capsys):
    assert main(["scale"]) == 0
    assert capsys.readouterr().out.strip() in DOCS.read_text(encoding="utf-8")
