"""How much is taken from whom, and for how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one server takes.

    Attributes:
        requests: at once, those that are read, that wait and that are being answered; one more is
            turned away before its picture is read.
        megabytes: of a request's body.
        megapixels: of a picture, which a small file can have many of; told by its header.
        seconds: from the arrival of a request to its answer. A search gets what is left of them as
            its deadline.
        refs: expressions of one request.
    """

    requests: int = 8
    megabytes: float = 16.0
    megapixels: float = 40.0
    seconds: float = 10.0
    refs: int = 16

    @property
    def body_bytes(self) -> int:
        """``megabytes`` as bytes."""
        return int(self.megabytes * 1e6)

    @property
    def pixels(self) -> int:
        """``megapixels`` as pixels."""
        return int(self.megapixels * 1e6)
