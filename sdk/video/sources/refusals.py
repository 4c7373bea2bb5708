"""Why an address gives no video: its server is asked once more, and what it says is told.

OpenCV says of every address that does not open only that it did not. RTSP is that of RFC 2326,
its description of what is offered that of RFC 8866.
"""

from __future__ import annotations

import base64
import http.client
import socket
import urllib.request
from contextlib import closing
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit

_RTSP_PORT = 554
_MOST_BYTES = 1 << 16  # of a description
_MOST_LETTERS = 80
_PATIENCE_S = 5.0


def refusal(address: str, timeout_s: float | None) -> str | None:
    """What speaks against a video from an address that did not open; None where that is unknown.

    Args:
        address: an URL; only those of RTSP and HTTP are asked.
        timeout_s: patience with the server, of which five seconds at most are taken.

    Returns:
        A clause such as ``"the server has nothing there (404 Not Found)"``, without the address.
    """
    ask = {"rtsp": _rtsp_refusal, "http": _http_refusal, "https": _http_refusal}
    patience_s = _PATIENCE_S if timeout_s is None else min(timeout_s, _PATIENCE_S)
    try:
        url = urlsplit(address)
        if url.scheme not in ask or not url.hostname:
            return None
        return ask[url.scheme](url, patience_s)
    except OSError as error:
        cause = error.reason if isinstance(error, URLError) else error
        return f"nobody answers there ({getattr(cause, 'strerror', None) or cause})"
    except (ValueError, http.client.HTTPException):  # no address, or it speaks another language
        return None


def _http_refusal(url: SplitResult, patience_s: float) -> str | None:
    """Gets the head of the answer."""
    passwords = _passwords(url)
    opener = urllib.request.build_opener(
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
    )
    try:
        with opener.open(_bare(url), timeout=patience_s) as answer:
            kind = answer.headers.get_content_type()
    except HTTPError as error:
        return _said(error.code, str(error.reason), url)
    return f"the server gives {_plain(kind)} there" if kind.startswith("text/") else None


def _rtsp_refusal(url: SplitResult, patience_s: float) -> str | None:
    """Asks what is offered, with the password where one is wanted."""
    where = (url.hostname or "", url.port or _RTSP_PORT)
    with closing(socket.create_connection(where, patience_s)) as server:
        code, reason, headers, offered = _describe(server, url, 1, None)
        if code == 401 and url.username is not None:
            challenges = headers.get_all("WWW-Authenticate", [])
            code, reason, headers, offered = _describe(server, url, 2, _proof(url, challenges))
    if code != 200:
        return _said(code, reason, url)
    media = [line.split(" ")[0] for line in offered.splitlines() if line.startswith("m=")]
    if "m=video" in media:
        return None
    names = " and ".join(sorted({each.removeprefix("m=") for each in media}))
    return f"the server offers {_plain(names) or 'nothing'} there, no video"


def _describe(
    server: socket.socket, url: SplitResult, number: int, proof: str | None
) -> tuple[int, str, http.client.HTTPMessage, str]:
    """One DESCRIBE: status, its reason, the headers, the description."""
    lines = [f"DESCRIBE {_bare(url)} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp"]
    lines += [f"Authorization: {proof}"] if proof else []
    server.sendall("\r\n".join([*lines, "", ""]).encode())
    with server.makefile("rb") as answer:
        _, code, *reason = answer.readline(_MOST_BYTES).decode("latin-1").split(None, 2)
        headers = http.client.parse_headers(answer)
        length = min(int(headers.get("Content-Length", 0)), _MOST_BYTES)
        return int(code), "".join(reason).strip(), headers, answer.read(length).decode("latin-1")


def _proof(url: SplitResult, challenges: list[str]) -> str | None:
    """The value of ``Authorization`` that answers what the server asks for."""
    passwords = _passwords(url)
    for challenge in challenges:
        scheme, _, rest = challenge.partition(" ")
        asked = urllib.request.parse_keqv_list(urllib.request.parse_http_list(rest))
        if scheme.lower() == "digest":
            request: Any = SimpleNamespace(
                get_method=lambda: "DESCRIBE", selector=_bare(url), full_url=_bare(url), data=None
            )
            digest = urllib.request.HTTPDigestAuthHandler(passwords)
            try:
                return f"Digest {digest.get_authorization(request, asked)}"
            except URLError as error:  # of a kind that the library does not know
                raise ValueError(str(error.reason)) from error
        if scheme.lower() == "basic":
            user, password = passwords.find_user_password(asked.get("realm", ""), _bare(url))
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return None


def _passwords(url: SplitResult) -> urllib.request.HTTPPasswordMgr:
    """What the address states, for whoever asks."""
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if url.username is not None:
        user, password = unquote(url.username), unquote(url.password or "")
        passwords.add_password(None, _bare(url), user, password)
    return passwords


def _bare(url: SplitResult) -> str:
    """The address without user and password."""
    return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()


def _said(code: int, reason: str, url: SplitResult) -> str:
    """What a status other than success means."""
    if code == 401 and url.username is None:
        return "the server asks for a user and a password (SCHEME://USER:PASSWORD@...)"
    if code == 401:
        return "the server does not accept the user and the password of the address"
    if code == 404:
        return "the server has nothing there (404 Not Found)"
    return f"the server answers {code} {_plain(reason)}".rstrip()


def _plain(said: str) -> str:
    """Words of a server as they may stand in a message: none that steer a terminal, not many."""
    return "".join(filter(str.isprintable, said))[:_MOST_LETTERS]
