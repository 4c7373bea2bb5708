"""The pool of actors over a stand-in for Ray; ``test_ray.py`` has the real one."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest

from sdk.errors import EngineError
from sdk.fleet.pools import ATTEMPTS, RayPool
from sdk.fleet.work import Question
from sdk.fleet.worker import Worker


@pytest.fixture
def ray(monkeypatch, fake_ray):
    """A Ray of two CPUs."""
    monkeypatch.setitem(sys.modules, "ray", fake_ray)
    yield fake_ray
    assert not fake_ray.running


def test_actors_give_the_rows_of_a_loop(ray, batch, rows, loop, make_film, tmp_path):
    films = [make_film(5, f"logs/{name}.mp4") for name in "abc"]
    assert batch(tmp_path / "logs", "--actors", 2, "--frames-per-part", 2) == 0
    assert rows() == loop(*films)
    assert ray.actors == 2


def test_a_ray_of_its_own_or_the_cluster_that_is_named(ray, batch, make_film, monkeypatch):
    """By itself Ray would go to the cluster it was at last, which may be gone."""
    film = make_film(1)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert batch(film, "--actors", 1) == 0
    assert ray.options["address"] == "local"
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")
    assert batch(film, "--actors", 1, "--resume") == 0
    assert ray.options == {}


def test_a_ray_that_does_not_start(ray, batch, make_film, monkeypatch, capsys):
    def failing(**_):
        raise RuntimeError("The node timed out.\nIts logs say more.")

    monkeypatch.setattr(ray, "init", failing)
    assert batch(make_film(1), "--actors", 1) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: Ray did not start: The node timed out.; it gives up")


def test_they_need_cores_and_engines(ray, batch, make_film, engine, capsys):
    film = make_film(1)
    assert batch(film, "--actors", 3) == 2
    assert "expected 3 CPUs for 3 actors, found 2 in Ray's cluster" in capsys.readouterr().err
    assert batch(film, "--actors", 1, "--threads", 4) == 2
    (engine / "ground.onnx").write_bytes(b"damaged")
    assert batch(film, "--actors", 1) == 3
    assert "ground.onnx was altered" in capsys.readouterr().err


def test_different_engines_are_refused(ray, engine, monkeypatch):
    names = iter("ab")
    monkeypatch.setattr(Worker, "engine", lambda worker: (f"{next(names)}@0", 0.5))
    pool = RayPool(Question(("the red square",), str(engine)), 2)
    with pytest.raises(EngineError, match="same engine on every node of the cluster, found a@0 an"):
        pool.engine()
    pool.close()


def test_an_actor_that_dies_of_its_engine(ray, batch, make_film, monkeypatch, capsys):
    def dying(worker):
        raise ray.Death

    monkeypatch.setattr(Worker, "engine", dying)
    assert batch(make_film(1), "--actors", 1) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: an actor died while it opened its engine: The actor died")


@pytest.mark.parametrize("deaths", [1, ATTEMPTS])
def test_a_shard_that_actors_die_of(
    ray, batch, rows, loop, make_film, tmp_path, monkeypatch, deaths
):
    """It is tried again from where it was, and then given up: a row."""
    films = [make_film(5, f"logs/{name}.mp4") for name in "abc"]
    answered, left = Worker.parts, [deaths]

    def dying(worker, shard):
        for part in answered(worker, shard):
            if part.shard == 1 and part.number == 1 and left[0]:
                left[0] -= 1
                raise ray.Death
            yield part

    monkeypatch.setattr(Worker, "parts", dying)
    assert batch(tmp_path / "logs", "--actors", 2, "--frames-per-part", 2) == 0
    found, expected = rows(), loop(*films)
    assert ray.actors == 2 + deaths
    if deaths == 1:
        assert found == expected
        return
    bad = [row for row in found if row["error"] is not None]
    assert [row["source"] for row in bad] == [str(films[1])]
    assert f"died {ATTEMPTS} times: The actor died unexpectedly." in bad[0]["error"]
    lost = [row for row in expected if row["source"] == str(films[1]) and row["frame"] >= 2]
    assert [row for row in found if row["error"] is None] == [
        row for row in expected if row not in lost
    ]


def test_an_engine_that_fails_ends_it(ray, batch, make_film, monkeypatch, capsys):
    def failing(worker, shard):
        raise EngineError("the networks failed")
        yield

    monkeypatch.setattr(Worker, "parts", failing)
    assert batch(make_film(1), "--actors", 1) == 3
    assert capsys.readouterr().err.startswith("error: the networks failed")


def test_a_signal_ends_it(ray, batch, rows, loop, make_film, tmp_path, monkeypatch):
    from sdk.fleet.output import Output

    film, add = make_film(6), Output.add

    def signalled(output, part):
        add(output, part)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Output, "add", signalled)
        assert batch(film, "--actors", 1, "--frames-per-part", 2) == 128 + signal.SIGINT
    assert len(rows()) == 4
    assert not json.loads((tmp_path / "out" / "_manifest.json").read_text())["complete"]
    assert batch(film, "--frames-per-part", 2, "--resume") == 0  # without Ray
    assert rows() == loop(film)
