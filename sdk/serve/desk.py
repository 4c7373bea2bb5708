"""The desk where questions are asked: so many places, and an engine that is opened behind it."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus

import imagesize
import numpy as np

from sdk.errors import EngineError, InputError
from sdk.frame import Frame, decode_image
from sdk.grounder import Grounder
from sdk.results.grounding import Grounding
from sdk.serve.limits import Limits
from sdk.serve.refused import RefusedError
from sdk.serve.upload import Question

# One search at a time is the grounder's own rule; a second thread decodes the next picture.
_THREADS = 2
# What cameras and browsers write; other decoders of OpenCV need not face strangers.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
_FIRST_FRAME = np.full((64, 64, 3), 114, np.uint8)  # a question nobody asks: engines start slowly
_FIRST_REF = "the car"

Told = Callable[[Exception | None], None]


class Desk:
    """Takes questions while there are places, and asks the engine one after another.

    Args:
        opening: opens the engine, which may take long; called in a thread of its own.
        limits: how many places there are, what a question may hold, how long it may take.
        told: called in that thread when the engine has answered for the first time, with None, or
            with the error for which it never will.
    """

    def __init__(self, opening: Callable[[], Grounder], limits: Limits, told: Told) -> None:
        self.limits, self.taken = limits, 0
        self._opening, self._told = opening, told
        self._grounder: Grounder | None = None
        self._fault: Exception | None = None  # of the opening, or of the last question
        self._threads = ThreadPoolExecutor(_THREADS, "desk")

    def open(self) -> None:
        """Begins to open the engine; returns at once."""
        self._threads.submit(self._open)

    def close(self) -> None:
        """Waits for what is being answered or opened, then frees the engine."""
        self._threads.shutdown()
        if self._grounder is not None:
            self._grounder.close()

    @property
    def health(self) -> dict[str, object]:
        """``status``: "ok", "loading" or "failing", with what there is to say about it."""
        if self._grounder is None and self._fault is None:
            return {"status": "loading"}
        if self._grounder is None or self._fault is not None:
            return {"status": "failing", "detail": str(self._fault)}
        manifest = self._grounder.manifest
        return {
            "status": "ok",
            "engine": manifest.label,
            "threshold": self._grounder.threshold,
        }

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for one question.

        Raises:
            RefusedError: the engine is not open yet (503), or all places are taken (429).
        """
        if self._grounder is None:
            detail = "the engine is loading" if self._fault is None else str(self._fault)
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry=True)
        if self.taken >= self.limits.requests:
            raise RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"all {self.limits.requests} places are taken: try again a little later",
                retry=True,
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def answer(self, question: Question, end_s: float) -> list[Grounding]:
        """Asks the engine, once it is this question's turn.

        Args:
            question: what is asked, of whoever has a place.
            end_s: when it must be over, by ``time.monotonic``.

        Raises:
            RefusedError: the picture or an expression cannot be used (413, 415, 422), there was no
                time left for it (503), or the engine failed (500).
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._answer, question, end_s)

    def _open(self) -> None:
        try:
            grounder = self._opening()
            grounder.locate(_FIRST_FRAME, _FIRST_REF)
        except Exception as error:  # whatever it is, who waits for the engine has to know
            self._fault = error
            self._told(error)
        else:
            self._grounder = grounder
            self._told(None)

    def _answer(self, question: Question, end_s: float) -> list[Grounding]:
        assert self._grounder is not None  # or there would be no place
        try:
            frame = self._frame(question)
            left_ms = (end_s - time.monotonic()) * 1e3
            if left_ms <= 0.0:
                raise RefusedError(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    f"it was not this request's turn within {self.limits.seconds:g} s",
                    retry=True,
                )
            wanted_ms = left_ms if question.deadline_ms is None else question.deadline_ms
            refs = [question.refs] if isinstance(question.refs, str) else list(question.refs)
            answers = self._grounder.locate(frame, refs, deadline_ms=min(wanted_ms, left_ms))
        except InputError as error:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        except EngineError as error:
            self._fault = error
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from error
        self._fault = None
        return answers

    def _frame(self, question: Question) -> Frame:
        """The picture, decoded; its size is read from its header first, since a file of a few
        kilobytes can ask for gigabytes of memory."""
        known = question.data.startswith(_SIGNATURES)
        width, height = imagesize.get(io.BytesIO(question.data)) if known else (0, 0)
        if width <= 0 or height <= 0:
            raise RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"expected a JPEG, PNG or WebP file in {question.name}"
                f" ({len(question.data)} bytes)",
            )
        if width * height > self.limits.pixels:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"expected a picture of at most {self.limits.megapixels:g} megapixels, got"
                f" {width}x{height} in {question.name}",
            )
        return decode_image(question.data, question.name)
