"""Keeps replay bundles of the frames of a stream that went wrong."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.errors import InputError
from sdk.video.stream import StreamFrame

if TYPE_CHECKING:
    from sdk.grounder import Grounder


class Bundles:
    """Saves frames with an answer that was not found, or not complete, as ``FOLDER/INDEX.zip``.

    At most ``limit`` of them, each with all answers of its frame. A bundle that cannot be written
    causes a warning and is the last: what helps to look for faults must not end a drive.
    """

    def __init__(
        self, folder: Path, grounder: Grounder, limit: int, deadline_ms: float | None
    ) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make {folder}: {error.strerror or error}") from error
        self._folder = folder
        self._grounder = grounder
        self._left = limit
        self._deadline_ms = deadline_ms

    def keep(self, frame: StreamFrame) -> None:
        """Saves the frame if it deserves it."""
        from sdk.replay.bundle import save_bundle

        if not self._left or all(answer.found and answer.complete for answer in frame.answers):
            return
        self._left -= 1
        path = self._folder / f"{frame.index:06d}.zip"
        try:
            save_bundle(
                path, self._grounder, frame.image, frame.answers, deadline_ms=self._deadline_ms
            )
        except InputError as error:
            self._left = 0
            warnings.warn(f"no more bundles are kept: {error}", stacklevel=4)
