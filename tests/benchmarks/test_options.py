"""What the commands share: an open engine, and figures that say what they were measured on."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from benchmarks import options


def arguments(engine: Path, json_file: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.add_engine_arguments(parser)
    return parser.parse_args(["--engine", str(engine), "--json", str(json_file)])


def test_figures_say_what_they_were_measured_on(engine: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    with options.measurement(arguments(engine, file)) as measurement:
        assert measurement.grounder.manifest.name == "still"
    measurement.write({"rows": [1]})  # the grounder is closed
    figures = json.loads(file.read_text())
    assert list(figures) == ["rows", "engine", "environment"]
    assert figures["engine"].startswith("still@")
    assert measurement.header[-1] == f"engine    {figures['engine']}"
    assert measurement.load_ms > 0


def test_unknown_words_are_no_news(engine: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with options.measurement(arguments(engine, tmp_path / "a.json")) as measurement:
            measurement.grounder.locate(np.zeros((54, 96, 3), np.uint8), "the qwertyuiop")
        assert not told
        warnings.warn("afterwards", UserWarning, stacklevel=1)
        assert len(told) == 1


def test_one_that_fails_writes_nothing(engine: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    with pytest.raises(KeyboardInterrupt), options.measurement(arguments(engine, file)):
        raise KeyboardInterrupt
    assert not file.exists()
