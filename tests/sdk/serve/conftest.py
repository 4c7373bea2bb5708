"""The application over the small engine, as a client of HTTP sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sdk.frame import encode_image
from sdk.grounder import Grounder
from sdk.serve.app import make_app
from sdk.serve.limits import Limits

Served = Callable[..., TestClient]


@contextmanager
def running(
    opening: Callable[[], Grounder], limits: Limits, **changes: Any
) -> Iterator[TestClient]:
    with TestClient(make_app(opening, limits, **changes), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def served(_engine_master: Path) -> Iterator[Served]:
    """``served(opening=..., ready=True, **limits)``: a client of a server that has begun."""
    with ExitStack() as stack:

        def start(
            opening: Callable[[], Grounder] | None = None,
            ready: bool = True,
            failed: Callable[[Exception], None] = lambda _: None,
            **limits: Any,
        ) -> TestClient:
            opens = opening or partial(Grounder, _engine_master, threads=1)
            client = stack.enter_context(running(opens, Limits(**limits), failed=failed))
            if ready:
                until(lambda: client.get("/healthz").status_code == 200)
            return client

        yield start


@pytest.fixture(scope="module")
def client(_engine_master: Path) -> Iterator[TestClient]:
    """A client of a server that all tests of a module ask."""
    opening = partial(Grounder, _engine_master, threads=1)
    with running(opening, Limits()) as client:
        until(lambda: client.get("/healthz").status_code == 200)
        yield client


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for something that another thread does."""
    end_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.01)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """``wait_until(holds)``: until another thread has done it."""
    return until


@pytest.fixture
def picture(make_frame: Callable[..., Any]) -> bytes:
    """A PNG file with a red square."""
    return encode_image(make_frame(), ".png")
