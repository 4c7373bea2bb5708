"""Puts a stream together: the source, the tracker, the bundles."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdk.checks import (
    Number,
    Whole,
    check_deadline,
    check_flag,
    check_path,
    check_timeout,
    check_whole,
)
from sdk.replay.recorder import Bundles
from sdk.tracking.tracker import Tracker
from sdk.video.sources.opening import as_source
from sdk.video.stream import Policy, Stream

if TYPE_CHECKING:
    from sdk.grounder import Grounder


def open_stream(
    grounder: Grounder,
    source: int | str | os.PathLike[str] | Iterable[Any],
    refs: str | list[str] | tuple[str, ...],
    policy: Policy,
    *,
    deadline_ms: Number | None,
    warm: bool,
    color: str,
    topic: str | None,
    timeout_s: Number | None,
    reconnects: Whole,
    bundles: str | Path | None,
    max_bundles: Whole,
) -> Stream:
    """As ``Grounder.stream`` says."""
    asked = grounder.check_refs(refs)
    limit_ms = check_deadline(deadline_ms)
    patience_s = check_timeout(timeout_s)
    most = check_whole(max_bundles, "max_bundles", 1)
    frames = as_source(source, topic=topic, timeout_s=patience_s)
    kept = None
    if bundles is not None:
        kept = Bundles(check_path(bundles, "a folder of bundles"), grounder, most, limit_ms)
    return Stream(
        Tracker(grounder, asked, color=color, warm=check_flag(warm, "warm")),
        frames,
        policy,
        deadline_ms=limit_ms,
        color=color,
        timeout_s=patience_s,
        reconnects=reconnects,
        check_refs=grounder.check_refs,
        on_frame=None if kept is None else kept.keep,
    )
