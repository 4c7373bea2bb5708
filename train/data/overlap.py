"""Photographs that two sets of annotations share, whatever their names are."""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from train.data.boxes import BoxSet
from train.data.entries import AnnotationSet


def shared_images(ours: Iterable[Path], theirs: Iterable[Path]) -> list[Path]:
    """Those of ``theirs`` that are among ``ours``: the same file, or a copy of it.

    Only files of equal length are read and compared. What cannot be read is shared by nobody.
    """
    own = {path.resolve() for path in ours}
    by_length: dict[int, list[Path]] = defaultdict(list)
    for path in own:
        with suppress(OSError):
            by_length[path.stat().st_size].append(path)
    hashes: dict[int, set[str]] = {}

    def is_shared(path: Path) -> bool:
        if path.resolve() in own:
            return True
        try:
            length = path.stat().st_size
            if length not in by_length:
                return False
            if length not in hashes:
                hashes[length] = {_sha256(other) for other in by_length[length]}
            return _sha256(path) in hashes[length]
        except OSError:
            return False

    return [path for path in dict.fromkeys(theirs) if is_shared(path)]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def warn_of_shared(
    trained: tuple[Path, AnnotationSet | BoxSet],
    checked: tuple[Path, AnnotationSet | BoxSet],
    file: Path,
) -> None:
    """Says on stderr when checks are about photographs that are trained on.

    Args:
        trained: the folder of images and what is known of them.
        checked: likewise.
        file: that the checks were read from.
    """
    ours, theirs = (
        [folder / name for name in known.images] for folder, known in (trained, checked)
    )
    if shared := shared_images(ours, theirs):
        print(
            f"warning: {len(shared)} of the {len(theirs)} photographs of {file} are trained on"
            f" ({shared[0].name}, ...): what the checks say is too good",
            file=sys.stderr,
        )
