"""The application: what each address answers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from sdk.grounder import Grounder
from sdk.serve import openapi
from sdk.serve.desk import Desk
from sdk.serve.limits import Limits
from sdk.serve.metrics import MEDIA_TYPE, Metrics
from sdk.serve.refused import RETRY_AFTER_S, RefusedError
from sdk.serve.upload import JSON, read_question

STATIC = Path(__file__).with_name("static")
# The page needs nothing of anybody else, and nothing that is written into it.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:;"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def make_app(
    opening: Callable[[], Grounder],
    limits: Limits,
    failed: Callable[[Exception], None] = lambda _: None,
) -> FastAPI:
    """The application over one engine.

    Args:
        opening: opens the engine; called when the application starts, which answers meanwhile.
        limits: what it takes.
        failed: called, in another thread, when the engine cannot be opened.

    Returns:
        An application of ASGI.
    """

    def told(fault: Exception | None) -> None:
        if fault is None:
            metrics.opened(str(desk.health["engine"]))
        else:
            failed(fault)

    desk = Desk(opening, limits, told)
    metrics = Metrics(lambda: desk.taken)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        desk.open()
        yield
        desk.close()

    app = FastAPI(
        title="piza-edge",
        summary="Find the object that a sentence describes, however small.",
        lifespan=lifespan,
        docs_url=None,  # these pages of FastAPI load scripts of others from the network
        redoc_url=None,
    )

    @app.post("/locate", responses=openapi.responses(), openapi_extra=openapi.question(limits))
    async def locate(request: Request) -> Response:
        """Find what one expression names in a picture, or what each of several names."""
        begin_s = time.monotonic()
        with desk.place():
            question = await read_question(request, limits)
            answers = await desk.answer(question, begin_s + limits.seconds)
        metrics.answered(answers, time.monotonic() - begin_s)
        metrics.responded(HTTPStatus.OK)
        texts = [answer.to_json() for answer in answers]
        one = isinstance(question.refs, str)
        return Response(texts[0] if one else f"[{', '.join(texts)}]", media_type=JSON)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        """Whether questions are answered, and by which engine; 503 while it loads or fails."""
        health = desk.health
        if health["status"] == "ok":
            return JSONResponse(health)
        later = {"Retry-After": str(RETRY_AFTER_S)}
        return JSONResponse(health, HTTPStatus.SERVICE_UNAVAILABLE, later)

    @app.get("/metrics")
    async def figures() -> Response:
        """Counts and times, in the text format of Prometheus."""
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers=_PAGE_HEADERS)

    app.mount("/static", StaticFiles(directory=STATIC))

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> JSONResponse:
        metrics.responded(error.status)
        return JSONResponse(error.body, error.status, error.headers, media_type=openapi.PROBLEM)

    @app.exception_handler(Exception)
    async def broken(request: Request, _: Exception) -> JSONResponse:  # it is logged besides
        said = "the server has a fault, which its log tells of"
        return await refused(request, RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, said))

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, summary=app.summary, version=app.version, routes=app.routes
            )
            schema.setdefault("components", {}).setdefault("schemas", {}).update(
                openapi.components()
            )
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
    return app
