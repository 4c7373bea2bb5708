"""``python -m sdk batch``: the same rows as a loop, whatever the source, whatever goes wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from functools import partialmethod
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from sdk.frame import write_image


def test_the_rows_of_a_loop_to_the_bit(batch, rows, loop, make_film, tmp_path, capsys):
    films = [make_film(5, f"logs/{name}.mp4") for name in "abc"] + [make_film(9, "logs/in/d.mp4")]
    assert batch(tmp_path / "logs", "--frames-per-part", 4, "--json") == 0
    assert rows() == loop(*films)
    summary = json.loads(capsys.readouterr().out)
    assert (summary["files"], summary["frames"], summary["rows"]) == (4, 24, 48)
    assert summary["complete"]
    assert summary["errors"] == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        "_manifest.json",
        *(f"part-00000{k}-00000{n}{'-last' * n}.parquet" for k in range(3) for n in range(2)),
        "part-000003-000000.parquet",
        "part-000003-000001.parquet",
        "part-000003-000002-last.parquet",
    ]
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert manifest["complete"]
    assert [part["name"] for part in manifest["parts"]] == names[1:]
    assert sum(part["rows"] for part in manifest["parts"]) == 48


def test_bad_files_are_rows(batch, rows, make_film, make_frame, tmp_path, capsys):
    good = make_film(2, "logs/good.mp4")
    write_image(tmp_path / "logs" / "good.png", make_frame((320, 240)))
    for name in ("bad.mp4", "bad.png", "bad.mcap"):
        (tmp_path / "logs" / name).write_bytes(b"damaged")
    assert batch(tmp_path / "logs") == 0
    found = rows()
    bad = [row for row in found if row["error"] is not None]
    assert [Path(row["source"]).name for row in bad] == ["bad.mcap", "bad.mp4", "bad.png"]
    assert all(row["frame"] is row["ref"] is row["score"] is None for row in bad)
    assert all(str(tmp_path / "logs" / "bad.m") in row["error"] for row in bad[:2])
    assert len(found) == 3 + 2 * 2 + 2
    (image,) = {
        (row["frame"], row["time_s"]) for row in found if row["source"].endswith("d.png")
    } - {(None, None)}
    assert image == (0, None)
    assert good.exists()
    assert "3 errors" in capsys.readouterr().out


def test_every_kind_of_source(batch, rows, loop, make_film, tmp_path):
    films = [make_film(2, f"logs/{name}.mp4") for name in "ab"]
    expected = loop(*films)
    table = tmp_path / "paths.parquet"
    pq.write_table(pa.table({"video": [str(film) for film in films]}), table)
    for number, (source, *options) in enumerate(
        [
            (films[0].parent,),
            (f"file://{films[0].parent}",),
            (films[0].parent / "*.mp4",),
            (table, "--column", "video"),
        ]
    ):
        out = tmp_path / f"out{number}"
        assert batch(source, *options, out=out) == 0
        assert rows(out) == expected, source


def test_addresses_of_fsspec(batch, loop, make_film):
    """In memory, where OpenCV finds nothing by itself."""
    film = make_film(3)
    memory = MemoryFileSystem()
    memory.pipe({"/in/a.mp4": film.read_bytes(), "/in/b.mp4": b"damaged"})
    try:
        assert batch("memory://in", "--frames-per-part", 2, out="memory://out") == 0
        parts = [pq.read_table(memory.open(name)) for name in sorted(memory.glob("/out/*.parquet"))]
        found = pa.concat_tables(parts).to_pylist()
    finally:
        memory.rm("/in", recursive=True)
        memory.rm("/out", recursive=True)
    assert [row["score"] for row in found[:-1]] == [row["score"] for row in loop(film)]
    assert {row["source"] for row in found} == {"memory:///in/a.mp4", "memory:///in/b.mp4"}
    assert "memory:///in/b.mp4" in found[-1]["error"]


class Killed(BaseException):
    """Ends every change of the disk from the ``moment``-th on, as a kill does: half of a file may
    be there, and nothing of what would follow. Each write has three moments: in it, before it gets
    its name, and after."""

    def __init__(self, moment: int, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.left = moment
        opened, moved = LocalFileSystem.open, LocalFileSystem.mv

        def half_open(system, path, mode="rb", **options):
            file = opened(system, path, mode, **options)
            if "w" in mode and self.comes():
                with file:
                    file.write(b"PAR1 and so on")
                raise self
            return file

        def half_moved(system, *paths):
            if self.comes():
                raise self
            moved(system, *paths)
            if self.comes():
                raise self

        patch.setattr(LocalFileSystem, "open", half_open)
        patch.setattr(LocalFileSystem, "mv", half_moved)

    def comes(self) -> bool:
        self.left -= 1
        return self.left <= 0


def test_nothing_is_lost_or_doubled_whenever_it_is_killed(
    batch, rows, loop, make_film, tmp_path, monkeypatch
):
    expected = loop(make_film(3, "logs/a.mp4"), make_film(2, "logs/b.mp4"))
    options = (tmp_path / "logs", "--frames-per-part", 2, "--resume")
    for moment in range(1, 100):
        out = tmp_path / f"out{moment}"
        with monkeypatch.context() as patch:
            killed = Killed(moment, patch)
            code = batch(*options, out=out)
        assert batch(*options, out=out) == 0
        assert rows(out) == expected, moment
        assert len(list(out.iterdir())) == 4, moment
        if killed.left > 0:
            break
        assert code != 0
    assert moment == 3 * 5 + 1  # the manifest, three parts, the manifest again


def test_a_process_killed_five_times(batch, rows, loop, make_film, tmp_path, monkeypatch):
    """With the real signal; where it meets the process is the machine's doing."""
    from sdk.fleet.output import Output

    films = [make_film(50, f"logs/{name}.mp4") for name in "abcd"]
    expected = loop(*films)
    options = (tmp_path / "logs", "--frames-per-part", 2, "--resume")
    out, add = tmp_path / "out", Output.add

    def there() -> int:
        return len(list(out.glob("part-*")))

    def added(output, most, part):
        add(output, part)
        while there() >= most:  # a slow killer, too, finds it at work
            time.sleep(1)

    for count in (1, 12, 24, 36, 48):  # parts to wait for: every run writes, and none ends
        if not (child := os.fork()):
            monkeypatch.setattr(Output, "add", partialmethod(added, count + 20))
            os._exit(batch(*options))
        until = time.monotonic() + 300
        while there() < count and time.monotonic() < until:
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in out.glob("part-*")}
    assert 48 <= len(before) < 100
    assert batch(*options) == 0
    after = {path: path.stat().st_mtime_ns for path in out.glob("part-*")}
    assert before.items() <= after.items()
    assert len(after) == 100
    assert rows() == expected
    print(
        f"killed after {len(before)} of 100 parts at the latest: {len(expected)} rows, as the loop"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(
    batch, rows, loop, make_film, tmp_path, monkeypatch, capsys, number
):
    from sdk.fleet.output import Output

    expected = loop(make_film(6))
    add = Output.add

    def signalled(output, part):
        add(output, part)
        os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(Output, "add", signalled)
        assert batch(tmp_path / "logs", "--frames-per-part", 2) == 128 + number
    assert f"stopped by {number.name}: --resume goes on" in capsys.readouterr().err
    assert len(rows()) == 4
    assert not json.loads((tmp_path / "out" / "_manifest.json").read_text())["complete"]
    assert batch(tmp_path / "logs", "--frames-per-part", 2, "--resume") == 0
    assert rows() == expected


def test_files_that_have_come_since_are_added(batch, rows, loop, make_film, tmp_path):
    films = [make_film(2, "logs/b.mp4")]
    assert batch(tmp_path / "logs") == 0
    films.append(make_film(2, "logs/a.mp4"))
    assert batch(tmp_path / "logs", "--resume") == 0
    assert rows() == loop(*films)
    assert batch(tmp_path / "logs", "--resume") == 0
    assert rows() == loop(*films)


def test_what_is_not_gone_on_with(batch, make_film, refs, tmp_path, capsys):
    film = make_film(1)
    assert batch(film) == 0

    def refused(message, *options, source=film, out=tmp_path / "out"):
        assert batch(source, *options, out=out) == 2
        assert message in capsys.readouterr().err

    refused("holds a batch already: --resume")
    refused("another threshold: 0.5 then, 0.25 now", "--resume", "--threshold", 0.25)
    refused("another frames_per_part", "--resume", "--frames-per-part", 3)
    refused("another source", "--resume", source=film.parent)
    refs.write_text("the blue square\n")
    refused("another refs: ['the red square'", "--resume")
    refused("expected an empty folder, found a.mp4", out=film.parent)
    refused("cannot write", out=film)
    (tmp_path / "out" / "_manifest.json").write_text("{}")
    refused("cannot go on with", "--resume")


def test_sources_and_refs_that_are_none(batch, make_film, refs, tmp_path, capsys):
    film = make_film(1)
    (tmp_path / "empty").mkdir()
    table = tmp_path / "paths.parquet"
    pq.write_table(pa.table({"video": [str(film)], "path": [None]}), table)

    def refused(message, source=film, *options):
        assert batch(source, *options) == 2
        assert message in capsys.readouterr().err

    refused("found none", tmp_path / "absent")
    refused("found none", tmp_path / "*.mkv")
    refused("images, videos or bags", tmp_path / "empty")
    refused("a path in every row", table)
    refused("expected a column 'x' of paths", table, "--column", "x")
    table.write_bytes(b"no table")
    refused("as Parquet", table)
    refused("expected a path or an address", "nonsense://bucket/a.mp4")
    refs.write_text("\n \n")
    refused("expected an expression")
    refs.write_bytes(b"\xff\xfe")
    refused("UTF-8")
    refs.unlink()
    refused("cannot read")
    assert not (tmp_path / "out").exists()


def test_without_the_extra(batch, make_film, monkeypatch, capsys):
    film = make_film(1)
    for name in ("ray", "pyarrow", "fsspec.core"):
        monkeypatch.setitem(sys.modules, name, None)
        assert batch(film, *(("--actors", 1) if name == "ray" else ())) == 3
        assert (
            f"the [fleet] extra, which brings {name.partition('.')[0]}" in capsys.readouterr().err
        )
