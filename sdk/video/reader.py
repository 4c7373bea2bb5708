"""The thread that decodes: it fills a mailbox from a source."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from sdk.video.frame_queue import MAX_REST_S, FrameQueue
from sdk.video.sources.source import CapturedFrame, Source


class Reader:
    """Reads one opening of a source in a thread of its own.

    The thread is a daemon: nothing can interrupt a read that blocks in a driver, so after
    ``close`` such a reader is left alone, and frees its source when the read returns.
    """

    def __init__(self, source: Source, mailbox: FrameQueue, *, paced: bool) -> None:
        self.mailbox = mailbox
        self._thread = threading.Thread(
            target=_fill, args=(source, mailbox, paced), name=f"frames of {source.name}"
        )
        self._thread.daemon = True
        self._thread.start()

    def close(self, patience_s: float = 1.0) -> bool:
        """Stops the reading; True when the thread ended within ``patience_s``."""
        self.mailbox.close()
        self.mailbox.discard()
        if self._thread is not threading.current_thread():  # a collector may run in any thread
            self._thread.join(patience_s)
        return not self._thread.is_alive()


def _fill(source: Source, mailbox: FrameQueue, paced: bool) -> None:
    """Puts shots until there are no more or nobody wants them; errors travel to the consumer."""
    try:
        with closing(source.shots()) as shots:
            for shot in _in_time(shots, mailbox, source) if paced else shots:
                if not mailbox.put(shot):
                    return
    except BaseException as error:
        mailbox.finish(error)
    else:
        mailbox.finish(None)


def _in_time(
    shots: Iterator[CapturedFrame], mailbox: FrameQueue, source: Source
) -> Iterator[CapturedFrame]:
    """Holds each shot of a recording back until a camera would have given it."""
    start_s = time.monotonic()  # the moment at which the recording's time was ``begin_s``
    begin_s: float | None = None
    for shot in shots:
        if not source.paced or shot.time_s is None:
            yield shot
            continue
        if begin_s is None:
            start_s, begin_s = time.monotonic(), shot.time_s
        early_s = start_s + (shot.time_s - begin_s) - time.monotonic()
        if early_s > 0:
            mailbox.rest(early_s)
        if early_s > MAX_REST_S or shot.time_s < begin_s:  # a gap, or a clock that was set back
            start_s, begin_s = time.monotonic(), shot.time_s
        yield replace(shot, arrived_s=time.monotonic())
