"""Addresses of cameras as everybody may read them: without what opens the camera.

What is not known to be harmless counts as secret: a hidden channel number costs a look at the
configuration, a password in a log costs the camera. A secret that is a part of the path, as in
``rtmp://host/live/STREAM-KEY``, looks like any other path and is not hidden.
"""

from __future__ import annotations

import re

HIDDEN = "***"

# From the scheme, or the beginning of a word, to its last @: passwords may hold any other sign,
# and where the text is nothing but an address, spaces too.
_WHOLE_USER_INFO = re.compile(r"\A(\s*[a-z][a-z0-9+.-]*://?).*@", re.IGNORECASE | re.DOTALL)
_USER_INFO = re.compile(
    r"""([a-z][a-z0-9+.-]*://? | //)[^\s"']*@ | [^\s"'/=]*:[^\s"']*@""", re.IGNORECASE | re.VERBOSE
)
# A name that tells of a secret, and its value: in quotes, or to the next name or part of the path.
_SECRET = re.compile(
    r"""
    ([\w:.-]*(?:pass|pw\b|pwd|psw|token|secret|key(?!-?int|frame)|auth|cred|cookie|header|session|sig|
      user|login|account|proxy)[\w.-]*?\s*(?:=|%3D)\s*(?:\([\w/-]+\)\s*)?)
    (?:\\?"(?:\\.|[^"\\])*\\?"|'[^']*'|(?:(?!_[a-z]+=)[^\s&;/?\#"'])+)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_QUERY = re.compile(r"""(?<=[?&;\#])([^=&;\#\s"']*)(=?)([^&;\#\s"']*)""")
# fmt: off
_HARMLESS = {
    "audio", "bitrate", "buffer_size", "cam", "camera", "channel", "codec", "compression",
    "fifo_size", "format", "fps", "framerate", "height", "index", "lang", "latency",
    "localaddr", "media", "mode", "multicast", "overrun_nonfatal", "page", "pkt_size",
    "profile", "proto", "quality", "resolution", "stream", "streamtype", "subtype", "timeout",
    "track", "transport", "transportmode", "ttl", "type", "unicast", "video", "videocodec",
    "width"
}
# fmt: on


def public_address(text: str) -> str:
    """An address, a pipeline or a message with one, its secrets replaced by ``***``.

    Hidden are user and password before an ``@``; every value in the query of a URL but those of
    names known to be harmless, such as ``channel``; and anywhere the values of names that tell of
    a secret, such as ``user-pw`` or ``token``.
    """
    if "!" not in text:
        text = _WHOLE_USER_INFO.sub(rf"\g<1>{HIDDEN}@", text)
    text = _USER_INFO.sub(lambda found: f"{found[1] or ''}{HIDDEN}@", text)
    text = _SECRET.sub(lambda found: found[1] + HIDDEN, text)
    return re.sub(r"""(?<=://)[^\s"']*[?\#][^\s"']*""", lambda url: _without_query(url[0]), text)


def _without_query(address: str) -> str:
    """An address without what its query says, but for harmless names."""

    def hide(part: re.Match[str]) -> str:
        name, equals = part[1], part[2]
        if name.lower() in _HARMLESS or (not equals and not name):
            return part[0]
        return f"{name}={HIDDEN}" if equals else HIDDEN

    at = min(place for sign in "?#" if (place := address.find(sign)) >= 0)
    return address[:at] + _QUERY.sub(hide, address[at:])
