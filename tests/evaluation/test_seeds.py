"""Scenes of one use are those of no other."""

from __future__ import annotations

import argparse
import ast
import importlib
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.commands.latency import RUNS
from evaluation import seeds
from evaluation.seeds import TABLE, Seeds

ROOT = Path(__file__).resolve().parents[2]
ASKED = {  # command: its range, and the most of its options that each take a scene
    "accuracy": (seeds.ACCURACY, ("scenes",)),
    "latency": (seeds.ACCURACY, ("runs", "warmup")),
    "refs": (seeds.REFS, ("scenes",)),
    "deadline": (seeds.DEADLINE, ("scenes",)),
    "beam": (seeds.BEAM, ("scenes",)),
    "engines": (seeds.TIMES, ("questions", "warmup")),
    "scaling": (seeds.TIMES, ("questions",)),
    "calibration": (seeds.RELIABILITY, ("scenes",)),
    "peers": (seeds.PEERS, ("scenes",)),
    "proposals": (seeds.PROPOSALS, ("scenes",)),
}


def test_ranges_do_not_meet() -> None:
    assert all(0 <= each.first < each.end for each in TABLE)
    for one, following in pairwise(TABLE):
        assert one.end <= following.first, (one, following)


def test_the_table_has_every_range() -> None:
    named = [each for each in vars(seeds).values() if isinstance(each, Seeds)]
    assert sorted(named, key=lambda each: each.first) == list(TABLE)
    assert seeds.ACCURACY.first <= seeds.DEMO < seeds.ACCURACY.end
    assert seeds.METHODS_TRAINING in range(seeds.TRAINING.first, seeds.TRAINING.end)


def test_no_seed_is_written_elsewhere() -> None:
    known = {each.first for each in TABLE} - {0}
    for package in ("benchmarks", "evaluation", "export", "sdk", "train"):
        for path in (ROOT / package).rglob("*.py"):
            if path != Path(seeds.__file__):
                tree = ast.parse(path.read_text(encoding="utf-8"))
                constants = [each for each in ast.walk(tree) if isinstance(each, ast.Constant)]
                assert not known & {each.value for each in constants if type(each.value) is int}


@pytest.mark.parametrize("name", ASKED)
def test_benchmarks_ask_about_scenes_of_their_own(name: str) -> None:
    own, counted = ASKED[name]
    parser = argparse.ArgumentParser()
    importlib.import_module(f"benchmarks.commands.{name}").add_arguments(parser)
    args = parser.parse_args(["an.engine"] if name in ("engines", "proposals") else [])
    assert args.seed == own.first
    given = {"runs": RUNS} | {k: v for k, v in vars(args).items() if v is not None}
    assert sum(given[each] for each in counted) <= len(own)


def test_every_run_of_the_methods_is_asked_about_scenes_of_its_own() -> None:
    from benchmarks.commands.methods import Budget
    from sdk.errors import InputError

    assert Budget(seed=4).test_scenes <= 1000
    with pytest.raises(InputError, match="below 5"):
        Budget(seed=5)
