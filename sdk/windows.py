"""Windows that several expressions look at are encoded once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.cache import LruCache
from sdk.results import Candidates
from sdk.search import Session

_CACHED_WINDOWS = 16


class SharedWindows:
    """A session that encodes no window of a frame twice; the next frame clears its memory."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._frame: Any = None
        self._images: LruCache[Any] = LruCache(_CACHED_WINDOWS)
        self.upload = session.upload
        self.encode_text = session.encode_text

    def encode_image(self, frame: Any, window_xyxy: NDArray[np.float64]) -> Any:
        if frame is not self._frame:
            self._images.clear()
            self._frame = frame
        return self._images.get(
            window_xyxy.tobytes(), lambda: self._session.encode_image(frame, window_xyxy)
        )

    def ground(self, image: Any, text: Any, progress: float) -> Candidates:
        return self._session.ground(image, text, progress)
