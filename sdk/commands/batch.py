"""``python -m sdk batch SOURCE --refs FILE -o OUT``: every frame of many files, into Parquet."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdk.errors import InputError
from sdk.options import add_allow_unproven, add_engine, add_threads, add_threshold, positive

if TYPE_CHECKING:
    from sdk.fleet.output import Output
    from sdk.fleet.work import Part, Question

SIGNALLED = 128  # plus the number of the signal: the exit code, as shells expect it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="folder (with those in it), pattern, video, MCAP file, image, or Parquet file of"
        " paths; a path or an address that fsspec knows (s3://...)",
    )
    parser.add_argument(
        "--refs",
        required=True,
        metavar="FILE",
        help="the expressions: one a line, a JSON list, or the column ref of a CSV",
    )
    parser.add_argument(
        "-o", "--out", required=True, metavar="OUT", help="folder of Parquet files to write"
    )
    add_engine(parser)
    parser.add_argument(
        "--actors",
        type=positive,
        metavar="N",
        help="engines side by side, on Ray: here or on the cluster of $RAY_ADDRESS (default: one,"
        " in this process, without Ray)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with what an earlier run left in OUT, and with files that have come since",
    )
    parser.add_argument(
        "--column", default="path", help="of a Parquet file, the one with the paths (path)"
    )
    parser.add_argument("--topic", help="image topic of MCAP files that have several")
    parser.add_argument(
        "--frames-per-part",
        type=positive,
        default=128,
        metavar="N",
        help="frames of a Parquet file: what a kill costs at most, for each engine (128)",
    )
    add_threshold(parser)
    add_threads(parser)
    add_allow_unproven(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Answers until all is done or a signal comes; 0, also when files could not be read, or
    128 and the signal's number."""
    from sdk.commands.video import warnings_on_stderr
    from sdk.fleet.inputs import files_of
    from sdk.fleet.output import open_output
    from sdk.fleet.places import place, shown
    from sdk.fleet.pools import LocalPool, RayPool
    from sdk.fleet.refs import read_refs
    from sdk.fleet.work import Question
    from sdk.video.signals import stops_on_signal

    files = files_of(args.source, args.column)
    question = Question(
        refs=read_refs(args.refs),
        engine=None if args.engine is None else str(args.engine.absolute()),
        threshold=args.threshold,
        allow_unproven=args.allow_unproven,
        threads=args.threads,
        topic=args.topic,
        frames_per_part=args.frames_per_part,
    )
    with ExitStack() as stack:
        stack.enter_context(warnings_on_stderr())
        pool = stack.enter_context(
            closing(RayPool(question, args.actors) if args.actors else LocalPool(question))
        )
        source = shown(place(args.source)[1])
        task = _task(question, source, *pool.engine())
        output = open_output(args.out, task, files, question.frames_per_part, resume=args.resume)
        received = stack.enter_context(stops_on_signal(pool.stop))
        summary = Summary(files=len(files))
        began_s = time.monotonic()
        try:
            for part in _with_progress(pool.parts(output.left()), output):
                output.add(part)
                summary.add(part)
        finally:
            output.tell()
        summary.seconds = time.monotonic() - began_s
    print(summary.to_json(output) if args.json else summary.text(output))
    if left := output.left():
        if not received:
            raise InputError(
                f"{left[0].files[0].name} is not what it was when {args.out} was begun: name"
                " another folder"
            )
        print(f"stopped by {received[0]}: --resume goes on", file=sys.stderr)
        return SIGNALLED + signal.Signals[received[0]]
    return 0


def _task(question: Question, source: str, engine: str, threshold: float) -> dict[str, object]:
    """What every row depends on: a run that goes on with another must have the same."""
    return {
        "source": source,
        "engine": engine,
        "threshold": threshold,
        "refs": list(question.refs),
        "topic": question.topic,
        "frames_per_part": question.frames_per_part,
    }


@dataclass
class Summary:
    """What this run did."""

    files: int
    frames: int = 0
    errors: int = 0
    seconds: float = 0.0

    def add(self, part: Part) -> None:
        """Counts a part."""
        column = part.rows.column("error")
        self.frames += part.frames
        self.errors += len(column) - column.null_count

    def to_json(self, output: Output) -> str:
        """For programs."""
        return json.dumps(
            {
                "out": output.address,
                "files": self.files,
                "frames": self.frames,
                "errors": self.errors,
                "seconds": round(self.seconds, 3),
                "rows": sum(part.rows for part in output.written),
                "parts": len(output.written),
                "complete": not output.left(),
            }
        )

    def text(self, output: Output) -> str:
        """For people."""
        rate = f", {self.frames / self.seconds:.1f} frames a second" if self.seconds else ""
        rows = sum(part.rows for part in output.written)
        return (
            f"{self.frames} frames in {self.seconds:.1f} s{rate}, {self.errors} errors\n"
            f"{output.address}: {rows} rows in {len(output.written)} files, of {self.files} sources"
        )


def _with_progress(parts: Iterator[Part], output: Output) -> Iterator[Part]:
    """The parts, with a bar on stderr of their frames and of the shards that are done."""
    from tqdm import tqdm

    total = len(output.shards)
    done = total - len(output.left())
    with tqdm(desc="batch", unit="frame", disable=None) as bar:
        for part in parts:
            yield part
            done += part.last
            bar.set_postfix_str(f"{done}/{total} recordings", refresh=False)
            bar.update(part.frames)
