"""The folder of answers: parts, each written whole or not at all, and a manifest of the batch.

A part counts once it has its name: it is written under another and renamed. Its name says which
frames of which shard it is of, so that what is done can be read from the folder after a kill at
any moment, and writing a part twice gives one file. Readers of Parquet folders leave out what
begins with an underscore: the manifest, and what was being written.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sdk.errors import InputError
from sdk.extras import extras_named
from sdk.fleet.inputs import shards_of
from sdk.fleet.places import place, shown
from sdk.fleet.work import File, Part, Shard

MANIFEST, WRITING = "_manifest.json", "_writing-"
FORMAT = 1
# Between two times that the manifest's list of parts is renewed; of a long list, which takes its
# time, so much that it takes at most a fiftieth of all.
EVERY_S, MOST_OF_TIME = 10.0, 0.02
_PART = re.compile(r"part-(\d{6,})-(\d{6,})(-last)?\.parquet")


@dataclass(frozen=True)
class Written:
    """A part that is there."""

    shard: int
    number: int
    last: bool
    rows: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"part-{self.shard:06d}-{self.number:06d}{'-last' * self.last}.parquet"


@dataclass
class Output:
    """A folder that a batch is written into; see ``open_output``.

    Attributes:
        shards: the files of every shard, by its number.
        written: the parts that are there.
    """

    address: str
    task: dict[str, Any]
    shards: list[tuple[File, ...]]
    written: list[Written] = field(default_factory=list)
    _told_s: float = 0.0
    _telling_s: float = 0.0

    def left(self) -> list[Shard]:
        """The shards that are not done, each with the parts that it has."""
        done: dict[int, set[int]] = {}
        ends = {each.shard: each.number for each in self.written if each.last}
        for each in self.written:
            done.setdefault(each.shard, set()).add(each.number)
        return [
            Shard(number, files, frozenset(done.get(number, ())))
            for number, files in enumerate(self.shards)
            if number not in ends or len(done[number]) <= ends[number]
        ]

    def add(self, part: Part) -> None:
        """Writes a part; its rows are there as a whole or, after an error or a kill, not at all."""
        with extras_named():
            import pyarrow.parquet as pq
        written = Written(part.shard, part.number, part.last, part.rows.num_rows)
        with _replaced(self.address, written.name) as file:
            pq.write_table(part.rows, file, compression="zstd")
        self.written.append(written)
        if time.monotonic() - self._told_s > max(EVERY_S, self._telling_s / MOST_OF_TIME):
            self.tell()

    def tell(self) -> None:
        """Writes the manifest: what is asked of which files, and the parts that are there."""
        begin_s = time.monotonic()
        left = self.left()
        values = {
            "format": FORMAT,
            "task": self.task,
            "complete": not left,
            "shards": [[file.name for file in files] for files in self.shards],
            "parts": [
                {"name": each.name, "rows": each.rows}
                for each in sorted(self.written, key=lambda each: each.name)
            ],
        }
        text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
        with _replaced(self.address, MANIFEST) as file:
            file.write(text.encode())
        self._told_s = time.monotonic()
        self._telling_s = self._told_s - begin_s


def open_output(
    address: str, task: dict[str, Any], files: Sequence[File], most: int, *, resume: bool
) -> Output:
    """Begins a batch in a folder, or finds what an earlier run left in it.

    Args:
        address: the folder, which fsspec knows; it is made where there is none.
        task: what the rows depend on: the engine, the expressions. An earlier run must have had
            the same.
        files: what there is to read. Those that an earlier run did not know are added to its own.
        most: images of a shard.
        resume: go on with an earlier run, if there is one.

    Returns:
        The folder, its manifest written.

    Raises:
        InputError: the folder holds an earlier run and ``resume`` is False, or that run was asked
            something else, or it holds other files, or it cannot be read or written.
        MissingRuntimeError: pyarrow is not installed.
    """
    with extras_named():  # before there is a folder
        import pyarrow.parquet  # noqa: F401
    filesystem, path = place(address)
    try:
        filesystem.makedirs(path, exist_ok=True)
        there = _names_in(filesystem, path)
    except OSError as error:
        raise InputError(f"cannot write {shown(address)}: {error.strerror or error}") from error
    names = {each for each in there if not each.startswith(WRITING)}
    if not names:
        output = Output(address, task, list(shards_of(files, most)))
    elif MANIFEST not in names:
        raise InputError(f"expected an empty folder, found {sorted(names)[0]} in {shown(address)}")
    elif not resume:
        raise InputError(
            f"{shown(address)} holds a batch already: --resume goes on with it, another folder"
            " begins anew"
        )
    else:
        output = _gone_on_with(address, task, files, most)
        output.written = sorted(_whole_parts(filesystem, path, names), key=lambda part: part.name)
    for name in there - names:  # what a kill left behind
        filesystem.rm_file(f"{path}/{name}")
    output.tell()
    return output


def _names_in(filesystem: Any, path: str) -> set[str]:
    try:
        listed = filesystem.ls(path, detail=False)
    except FileNotFoundError:  # a store of objects has no empty folders
        return set()
    return {each.rpartition("/")[2] for each in listed}


def _gone_on_with(address: str, task: dict[str, Any], files: Sequence[File], most: int) -> Output:
    """The earlier run's shards as they were, and those of files that have come since."""
    filesystem, path = place(address)
    try:
        data = json.loads(filesystem.cat_file(f"{path}/{MANIFEST}").decode("utf-8"))
        before, shards = dict(data["task"]), [tuple(map(str, each)) for each in data["shards"]]
        number = data["format"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"cannot go on with {shown(address)}: its {MANIFEST}: {error}") from error
    if number != FORMAT:
        raise InputError(f"expected {MANIFEST} of format {FORMAT}, found {number}")
    for key in {**task, **before}:
        if task.get(key) != before.get(key):
            raise InputError(
                f"{shown(address)} was begun with another {key}: {before.get(key)!r:.120} then,"
                f" {task.get(key)!r:.120} now; name another folder"
            )
    known = {file.name: file for file in files}
    old = [tuple(known.pop(name, File(name, name)) for name in names) for names in shards]
    return Output(address, task, [*old, *shards_of(list(known.values()), most)])


def _whole_parts(filesystem: Any, path: str, names: set[str]) -> Iterator[Written]:
    """The parts among the names; one that a crash of the machine left damaged is taken away."""
    with extras_named():
        import pyarrow as pa
        import pyarrow.parquet as pq
    for name in names:
        if not (found := _PART.fullmatch(name)):
            continue
        try:
            with filesystem.open(f"{path}/{name}", "rb") as file:
                rows = pq.read_metadata(file).num_rows
        except pa.ArrowInvalid:
            filesystem.rm_file(f"{path}/{name}")
        else:
            yield Written(int(found[1]), int(found[2]), found[3] is not None, rows)


@contextmanager
def _replaced(address: str, name: str) -> Iterator[Any]:
    """A file to write, which gets its name when it is whole."""
    filesystem, path = place(address)
    beside = f"{path}/{WRITING}{name}"
    try:
        with filesystem.open(beside, "wb") as file:
            yield file
        filesystem.mv(beside, f"{path}/{name}")
    except OSError as error:
        raise InputError(f"cannot write {shown(address)}: {error.strerror or error}") from error
