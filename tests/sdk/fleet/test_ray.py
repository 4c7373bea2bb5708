"""Ray's actors give the same rows; ``-s`` prints what the pool costs. Skipped without Ray."""

from __future__ import annotations

import json
import os
import sys

import pytest

pytest.importorskip("ray")

import ray

from sdk.fleet.pools import RayPool
from sdk.fleet.work import File, Question, Shard
from sdk.fleet.worker import Worker


def test_the_same_rows_from_actors(batch, rows, make_film, tmp_path, capsys):
    for name in "abcd":
        make_film(50, f"logs/{name}.mp4")
    seconds = {}
    for actors in (0, 1, 2):
        out = tmp_path / f"out{actors}"
        options = ("--actors", actors) if actors else ("--threads", 1)
        assert batch(tmp_path / "logs", *options, "--json", out=out) == 0
        seconds[actors] = json.loads(capsys.readouterr().out.splitlines()[-1])["seconds"]
        assert rows(out) == rows(tmp_path / "out0")
    print(f"200 frames, seconds by number of actors (0: no Ray): {seconds}")


class Dying(Worker):
    """Its process dies of some files."""

    def parts(self, shard):
        if "deadly" in shard.files[0].name:
            os._exit(1)
        yield from super().parts(shard)


def test_a_file_that_actors_die_of_is_a_row(make_film, engine, monkeypatch):
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr("sdk.fleet.pools.Worker", Dying)
    names = [make_film(1, f"logs/{name}.mp4") for name in ("a", "deadly", "z")]
    shards = [Shard(n, (File(str(each), str(each)),)) for n, each in enumerate(names)]
    pool = RayPool(Question(("the red square",), str(engine), threads=1), 1)
    try:
        parts = {part.shard: part.rows.to_pylist() for part in pool.parts(shards)}
    finally:
        pool.close()
    assert [len(parts[n]) for n in range(3)] == [1, 1, 1]
    assert "died 2 times" in parts[1][0]["error"]
    assert parts[0][0]["found"]
    assert parts[2][0]["found"]


def test_more_actors_than_there_are_cores(batch, make_film, capsys):
    assert batch(make_film(1), "--actors", 1000) == 2
    assert "expected 1000 CPUs for 1000 actors" in capsys.readouterr().err
