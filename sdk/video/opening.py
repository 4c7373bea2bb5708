"""Puts a stream together: the source, the tracker, the bundles."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdk.checks import check_deadline
from sdk.tracking import Tracker
from sdk.video.bundles import Bundles
from sdk.video.sources import as_source
from sdk.video.stream import Policy, Stream

if TYPE_CHECKING:
    from sdk.grounder import Grounder


def open_stream(
    grounder: Grounder,
    source: int | str | os.PathLike[str] | Iterable[Any],
    refs: str | list[str] | tuple[str, ...],
    policy: Policy,
    *,
    deadline_ms: float | None,
    warm: bool,
    color: str,
    topic: str | None,
    timeout_s: float | None,
    reconnects: int,
    bundles: str | Path | None,
    max_bundles: int,
) -> Stream:
    """As ``Grounder.stream`` says."""
    asked = grounder.check_refs(refs)
    limit_ms = check_deadline(deadline_ms)
    frames = as_source(source, topic=topic, timeout_s=timeout_s)
    kept = None if bundles is None else Bundles(Path(bundles), grounder, max_bundles, limit_ms)
    return Stream(
        Tracker(grounder, asked, color=color, warm=warm),
        frames,
        policy,
        deadline_ms=limit_ms,
        color=color,
        timeout_s=timeout_s,
        reconnects=reconnects,
        check_refs=grounder.check_refs,
        on_frame=None if kept is None else kept.keep,
    )
