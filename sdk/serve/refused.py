"""What a request is told that gets no answer."""

from __future__ import annotations

from http import HTTPStatus

RETRY_AFTER_S = 1  # a place is free sooner than that, as a rule; the header has whole seconds


class RefusedError(Exception):
    """No answer, and why.

    Attributes:
        status: of HTTP.
        detail: what was expected, what was found, what to do.
        retry: the same request may be answered a little later.
    """

    def __init__(self, status: HTTPStatus, detail: str, *, retry: bool = False) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry = status, detail, retry

    @property
    def headers(self) -> dict[str, str]:
        """Of the response: when to come back, where that helps."""
        return {"Retry-After": str(RETRY_AFTER_S)} if self.retry else {}

    @property
    def body(self) -> dict[str, object]:
        """Of the response, as RFC 9457 has it ("problem details")."""
        return {"title": self.status.phrase, "status": int(self.status), "detail": self.detail}
