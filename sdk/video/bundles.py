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
    """Saves answers that were not found, or not complete, as ``FOLDER/INDEX-ANSWER.zip``.

    At most ``limit`` of them. A bundle that cannot be written causes a warning and is the last:
    what helps to look for faults must not end a drive.
    """

    def __init__(self, folder: Path, grounder: Grounder, limit: int) -> None:
        if limit < 1:
            raise InputError(f"expected room for at least 1 bundle, got {limit}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make {folder}: {error.strerror or error}") from error
        self._folder = folder
        self._grounder = grounder
        self._left = limit

    def keep(self, frame: StreamFrame) -> None:
        """Saves the answers of a frame that deserve it."""
        from sdk.replay import save_bundle

        for number, answer in enumerate(frame.answers):
            if self._left and not (answer.found and answer.complete):
                self._left -= 1
                path = self._folder / f"{frame.index:06d}-{number}.zip"
                try:
                    save_bundle(path, self._grounder, frame.image, answer)
                except (InputError, OSError) as error:
                    self._left = 0
                    warnings.warn(f"no more bundles: cannot write {path}: {error}", stacklevel=2)
