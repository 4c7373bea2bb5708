"""Places, loading, failures, figures: what a server says of itself."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from fastapi import Request
from prometheus_client.parser import text_string_to_metric_families

from sdk.errors import EngineError
from sdk.grounder import Grounder
from sdk.serve.app import STATIC
from sdk.serve.desk import Desk
from sdk.serve.limits import Limits
from sdk.serve.refused import RefusedError
from sdk.serve.upload import Question, read_question

pytestmark = pytest.mark.filterwarnings("ignore:the engine does not know")


class Held(Grounder):
    """Answers when it is let, and fails when it is told to."""

    fault: Exception | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.let = threading.Event()
        self.let.set()

    def locate(self, *arguments: Any, **options: Any) -> Any:
        assert self.let.wait(60)
        if self.fault is not None:
            raise self.fault
        return super().locate(*arguments, **options)


def figures(client) -> dict[tuple[str, ...], float]:
    """The samples of /metrics by their names and labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    return {(each.name, *each.labels.values()): each.value for each in samples}


def ask(client, picture, ref="the red square"):
    return client.post("/locate", files={"file": ("a.png", picture)}, data={"ref": ref})


def test_answers_while_it_loads(served, wait_until, engine, picture):
    loaded = threading.Event()

    def slowly() -> Grounder:
        assert loaded.wait(60)
        return Grounder(engine, threads=1)

    client = served(slowly, ready=False)
    health = client.get("/healthz")
    assert (health.status_code, health.json()) == (503, {"status": "loading"})
    answer = ask(client, picture)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"] == "the engine is loading"
    loaded.set()
    wait_until(lambda: client.get("/healthz").status_code == 200)
    health = client.get("/healthz").json()
    assert re.fullmatch(r"squares@[0-9a-f]+", health.pop("engine"))
    assert health == {"status": "ok", "threshold": 0.5}
    assert ask(client, picture).json()["found"]


def test_an_engine_that_does_not_open(served, wait_until, tmp_path, picture):
    told: list[Exception] = []
    client = served(partial(Grounder, tmp_path / "none"), ready=False, failed=told.append)
    wait_until(lambda: bool(told))
    assert isinstance(told[0], EngineError)
    health = client.get("/healthz")
    assert (health.status_code, health.json()["status"]) == (503, "failing")
    assert "none" in health.json()["detail"]
    assert ask(client, picture).status_code == 503


def test_one_more_than_there_are_places(served, wait_until, engine, picture):
    grounder = Held(engine, threads=1)
    client = served(lambda: grounder, requests=3)
    grounder.let.clear()
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(ask, client, picture) for _ in range(3)]
        wait_until(lambda: figures(client)["piza_requests_in_progress",] == 3)
        answer = ask(client, picture)
        grounder.let.set()
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert "all 3 places are taken" in answer.json()["detail"]
        assert [each.result().status_code for each in waiting] == [200] * 3
    assert ask(client, picture).status_code == 200
    counted = figures(client)
    assert counted["piza_requests_total", "200"] == 4
    assert counted["piza_requests_total", "429"] == 1


def test_an_engine_that_fails_and_recovers(served, engine, picture):
    grounder = Held(engine, threads=1)
    client = served(lambda: grounder)
    grounder.fault = EngineError("the GPU is gone")
    answer = ask(client, picture)
    assert (answer.status_code, answer.json()["detail"]) == (500, "the GPU is gone")
    assert client.get("/healthz").json() == {"status": "failing", "detail": "the GPU is gone"}
    grounder.fault = None
    assert ask(client, picture).status_code == 200
    assert client.get("/healthz").status_code == 200
    grounder.fault = ZeroDivisionError()  # a fault of ours: the server goes on all the same
    assert ask(client, picture).json()["detail"].startswith("the server has a fault")
    grounder.fault = None
    assert ask(client, picture).status_code == 200
    counted = figures(client)
    assert counted["piza_requests_in_progress",] == 0
    assert counted["piza_requests_total", "500"] == counted["piza_requests_total", "200"] == 2


def test_no_time_left(engine, picture):
    opened = threading.Event()
    opening = partial(Grounder, engine, threads=1)
    desk = Desk(opening, Limits(seconds=7), lambda _: opened.set())
    desk.open()
    assert opened.wait(60)
    question = Question(picture, "a.png", "the red square", None)
    (answer,) = asyncio.run(desk.answer(question, time.monotonic() + 60))
    assert answer.found
    with pytest.raises(RefusedError, match="not this request's turn within 7 s") as refused:
        asyncio.run(desk.answer(question, time.monotonic() - 0.001))
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    desk.close()


@pytest.mark.parametrize(
    ("message", "status", "detail"),
    [(None, 408, "within 0.05 s"), ({"type": "http.disconnect"}, 400, "ended before its end")],
)
def test_bodies_that_do_not_come(message, status, detail):
    async def receive() -> dict[str, Any]:
        if message is None:
            await asyncio.sleep(60)
        return message

    async def read() -> None:
        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "headers": headers, "path": "/locate"}
        await read_question(Request(scope, receive), Limits(seconds=0.05))

    with pytest.raises(RefusedError, match=detail) as refused:
        asyncio.run(read())
    assert refused.value.status == status


def test_figures(served, picture):
    client = served()
    for ref in ("the red square", "the green square", "the red square"):
        ask(client, picture, ref)
    ask(client, b"x")
    counted = figures(client)
    assert counted["piza_answers_total", "found"] == 2
    assert counted["piza_answers_total", "not_found"] == 1
    assert counted["piza_requests_total", "200"] == counted["piza_request_seconds_count",] == 3
    assert counted["piza_requests_total", "415"] == 1
    assert 0 < counted["piza_stage_seconds_total", "image"] < counted["piza_request_seconds_sum",]
    assert counted["process_resident_memory_bytes",] > 1e7
    (engine,) = [labels for name, *labels in counted if name == "piza_engine_info"]
    assert engine[0].startswith("squares@")


def test_openapi_says_how_to_ask(client):
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/locate"]["post"]
    assert set(operation["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    statuses = {"200", "400", "408", "413", "415", "422", "429", "500", "503"}
    assert set(operation["responses"]) == statuses
    named = re.findall(r'"#/components/schemas/(\w+)"', client.get("/openapi.json").text)
    assert {"grounding", "problem", "box", "zoom"} <= set(named)
    assert set(named) <= set(document["components"]["schemas"])


def test_the_page_needs_nobody_else(client):
    page = client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.text.startswith("<!doctype html>")
    for path in STATIC.glob("*.*"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//.*| // .*", "", text, flags=re.MULTILINE), path.name
        assert client.get(f"/static/{path.name}").text
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on\w+=", page.text)
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/docs").status_code == 404
