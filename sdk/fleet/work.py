"""What a batch is made of: what is asked, the files, the shards of work and the parts they give.

A shard is the work of one actor: one recording, or up to a part's worth of images. Its frames are
cut into parts by their number alone, so that the same shard gives the same parts whenever and
wherever it is done; that is all that resuming builds on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Question:
    """What is asked of every frame, and of which engine.

    Attributes:
        refs: the expressions.
        engine: the engine folder, as ``Grounder`` takes it; None: the default.
        threshold: score from which an object counts as found; None: the engine's own.
        allow_unproven: as ``Grounder`` takes it.
        threads: CPU threads of one engine; None: as ``Grounder`` decides.
        topic: the image topic of MCAP files that have several.
        frames_per_part: frames whose answers become one Parquet file.
    """

    refs: tuple[str, ...]
    engine: str | None = None
    threshold: float | None = None
    allow_unproven: bool = False
    threads: int | None = None
    topic: str | None = None
    frames_per_part: int = 128


@dataclass(frozen=True)
class File:
    """A file to read.

    Attributes:
        name: what rows and messages call it, without passwords.
        address: what opens it: a path, or an address of fsspec.
    """

    name: str
    address: str


@dataclass(frozen=True)
class Shard:
    """Files that one actor reads, in order.

    Attributes:
        number: among all shards of the batch.
        files: one recording, or some images.
        done: numbers of the parts that are written already.
    """

    number: int
    files: tuple[File, ...]
    done: frozenset[int] = field(default=frozenset())


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of ``frames_per_part`` frames of a shard.

    Attributes:
        shard: the shard's number.
        number: among the shard's parts, from 0.
        last: the shard has no more.
        frames: frames (or files that could not be read) in it.
        rows: in the columns of ``sdk.fleet.rows``.
    """

    shard: int
    number: int
    last: bool
    frames: int
    rows: pyarrow.Table
