"""One engine that answers shards: what an actor is, and the single process too."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

from sdk.errors import InputError, PizaError
from sdk.fleet.inputs import BAG
from sdk.fleet.places import on_this_machine, suffix_of
from sdk.fleet.rows import Row, answer_row, error_row, table
from sdk.fleet.work import File, Part, Question, Shard
from sdk.frame import Frame, read_image
from sdk.grounder import Grounder
from sdk.video.sources.images import SUFFIXES
from sdk.video.sources.opening import as_source
from sdk.video.sources.source import CapturedFrame

UNREADABLE = "the frame cannot be decoded"


@dataclass(frozen=True, eq=False)
class _Shot:
    """A frame of a file or, without one, what was wrong with it or with the whole file."""

    source: str
    number: int | None
    time_s: float | None = None
    image: Frame | None = None
    error: str | None = None


class Worker:
    """An engine, opened at the first call, and what is asked of it.

    Args:
        question: the engine and the expressions.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._stopped = threading.Event()

    @cached_property
    def _grounder(self) -> Grounder:
        return Grounder(
            self._question.engine,
            threshold=self._question.threshold,
            allow_unproven=self._question.allow_unproven,
            threads=self._question.threads,
        )

    def engine(self) -> tuple[str, float]:
        """The engine, ``NAME@FINGERPRINT``, and its threshold.

        Raises:
            EngineError: as ``Grounder`` does.
            InputError: an expression or an option cannot be used.
        """
        self._grounder.check_refs(self._question.refs)
        manifest = self._grounder.manifest
        return manifest.label, self._grounder.threshold

    def parts(self, shard: Shard) -> Iterator[Part]:
        """The parts of a shard that are not done, in order; fewer once it was stopped.

        Raises:
            PizaError: what is not a file's fault: the engine fails, a package is missing.
        """
        size = self._question.frames_per_part
        with closing(_shots(shard.files, self._question.topic)) as shots:
            numbered = enumerate(shots)
            rows: list[Row] = []
            coming = next(numbered, None)
            while coming is not None and not self._stopped.is_set():
                place, shot = coming
                number = place // size
                if number not in shard.done:
                    rows += self._rows(shot)
                coming = next(numbered, None)
                if coming is not None and coming[0] // size == number:
                    continue
                if number not in shard.done:
                    last = coming is None
                    yield Part(shard.number, number, last, place % size + 1, table(rows))
                rows = []

    def stop(self) -> None:
        """Ends ``parts`` after the frame in progress; safe in a signal handler."""
        self._stopped.set()

    def close(self) -> None:
        """Frees the networks, if they were opened."""
        if "_grounder" in vars(self):
            self._grounder.close()

    def _rows(self, shot: _Shot) -> list[Row]:
        if shot.image is None or shot.number is None:
            return [error_row(shot.source, shot.number, shot.time_s, shot.error or UNREADABLE)]
        try:
            answers = self._grounder.locate(shot.image, self._question.refs)
        except InputError as error:
            return [error_row(shot.source, shot.number, shot.time_s, str(error))]
        return [answer_row(shot.source, shot.number, shot.time_s, answer) for answer in answers]


def _shots(files: tuple[File, ...], topic: str | None) -> Generator[_Shot, None, None]:
    for file in files:
        yield from _shots_of(file, topic)


def _shots_of(file: File, topic: str | None) -> Iterator[_Shot]:
    """Every frame of a file, and what it broke off with, if it did: at least one shot.

    Raises PizaError for what is not the file's fault, such as a package that is missing.
    """
    where, count = "", 0
    try:
        with on_this_machine(file.address) as path:
            where = str(path)
            for shot in _captured(where, topic):
                yield _Shot(file.name, count, shot.time_s, shot.image)
                count += 1
        if not count:
            yield _Shot(file.name, None, error="it has no frame")
    except Exception as error:  # libraries raise whatever a damaged file leads to
        if isinstance(error, PizaError) and not isinstance(error, InputError):
            raise
        said = str(error) or type(error).__name__
        yield _Shot(file.name, None, error=said.replace(where, file.name) if where else said)


def _captured(path: str, topic: str | None) -> Iterator[CapturedFrame]:
    if suffix_of(path) in SUFFIXES:
        yield CapturedFrame(read_image(path))
        return
    source = as_source(path, topic=topic if suffix_of(path) == BAG else None)
    with closing(source.shots()) as shots:
        yield from shots
