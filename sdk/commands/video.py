"""``python -m sdk video SOURCE "REF" ...``: answers frame by frame, drawn and recorded."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.options import add_allow_unproven, add_engine, add_threads, add_threshold

if TYPE_CHECKING:
    from sdk.video.stream import Policy, Stream, StreamFrame

    Sink = Callable[[Stream, StreamFrame], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="video file, camera number, URL (rtsp://...), GStreamer pipeline, MCAP file, folder or"
        " pattern of images",
    )
    parser.add_argument("refs", metavar="REF", nargs="+", help='such as "the white van"')
    add_engine(parser)
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="write the frames with their answers: .mp4, ..."
    )
    parser.add_argument(
        "--jsonl", type=Path, metavar="FILE", help="write the answers, a JSON object a line"
    )
    parser.add_argument(
        "--mcap", type=Path, metavar="FILE", help="write the answers as JSON messages of an MCAP"
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="write frames, windows and boxes for a viewer: .mcap (Foxglove) or .rrd (Rerun)",
    )
    parser.add_argument(
        "--bundles",
        type=Path,
        metavar="DIR",
        help="keep up to 20 frames without an answer for replay",
    )
    parser.add_argument(
        "--policy",
        choices=("latest", "all"),
        help="answer the newest frame and drop older ones, or answer every frame (default: all of"
        " a recording, the latest of what is live)",
    )
    parser.add_argument("--deadline-ms", type=float, metavar="MS", help="time for one frame")
    parser.add_argument("--cold", action="store_true", help="search every frame from the whole")
    parser.add_argument("--topic", help="image topic of an MCAP file that has several")
    parser.add_argument(
        "--timeout-s", type=float, default=10.0, metavar="S", help="longest wait for a frame (10)"
    )
    add_threshold(parser)
    add_threads(parser)
    add_allow_unproven(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Answers until the source or a signal ends it, then prints a summary; 0 for either end."""
    from sdk.grounder import Grounder
    from sdk.video.addresses import public_address
    from sdk.video.outputs.summary import Summary
    from sdk.video.signals import stops_on_signal
    from sdk.video.sources.opening import is_live

    source: int | str = int(args.source) if args.source.isdecimal() else args.source
    policy: Policy = args.policy or ("latest" if is_live(source) else "all")
    name = public_address(args.source) if is_live(source) else args.source
    summary = Summary(name, args.refs, policy)
    with ExitStack() as stack:
        stack.enter_context(warnings_on_stderr())
        grounder = stack.enter_context(
            Grounder(args.engine, threshold=args.threshold, allow_unproven=args.allow_unproven)
        )
        stream = stack.enter_context(
            grounder.stream(
                source,
                args.refs,
                policy,
                deadline_ms=args.deadline_ms,
                warm=not args.cold,
                topic=args.topic,
                timeout_s=args.timeout_s,
                bundles=args.bundles,
            )
        )
        received = stack.enter_context(stops_on_signal(stream.stop))
        sinks = _sinks(args, stack)
        for frame in _with_progress(stream):
            summary.add(frame)
            for sink in sinks:
                sink(stream, frame)
    summary.end(stream.stats, received[0] if received else None)
    for path in _outputs(args):
        print(f"wrote {path}", file=sys.stderr)
    print(json.dumps(summary.to_dict()) if args.json else summary.text())
    return 0


def _outputs(args: argparse.Namespace) -> list[Path]:
    paths = (args.save, args.jsonl, args.mcap, args.log)
    return [path for path in paths if path is not None]


def _sinks(args: argparse.Namespace, stack: ExitStack) -> list[Sink]:
    """What is done with every frame; the files are finished when ``stack`` is left."""
    from sdk.video.outputs.files import check_apart
    from sdk.video.outputs.records import JsonLines, McapRecords

    check_apart(args.source, _outputs(args))
    sinks: list[Sink] = []
    if args.save is not None:
        from sdk.video.outputs.movie import MovieWriter
        from sdk.visual.overlay import draw_answers

        movie = stack.enter_context(closing(MovieWriter(args.save)))
        sinks.append(
            lambda stream, frame: movie.write(
                draw_answers(frame.image, frame.answers), frame.time_s, stream.fps
            )
        )
    if args.jsonl is not None:
        lines = stack.enter_context(closing(JsonLines(args.jsonl)))
        sinks.append(lambda _, frame: lines.write(frame))
    if args.mcap is not None:
        messages = stack.enter_context(closing(McapRecords(args.mcap)))
        sinks.append(lambda _, frame: messages.write(frame))
    if args.log is not None:
        from sdk.video.outputs.viewers import viewer_log

        log = stack.enter_context(closing(viewer_log(args.log)))
        sinks.append(lambda _, frame: log.write(frame))
    return sinks


def _with_progress(stream: Stream) -> Iterator[StreamFrame]:
    """The frames, with a bar on stderr that counts those that were dropped too."""
    from tqdm import tqdm

    with tqdm(desc="video", unit="frame", disable=None) as bar:
        for frame in stream:
            bar.total = stream.length
            found = sum(answer.found for answer in frame.answers)
            bar.set_postfix_str(
                f"{found}/{len(frame.answers)} found, {frame.age_ms:.0f} ms old", refresh=False
            )
            bar.update(frame.index + 1 - bar.n)
            yield frame


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Each warning once, in a line, when it occurs."""
    with warnings.catch_warnings():
        warnings.simplefilter("once", UserWarning)
        warnings.showwarning = lambda message, *_, **__: print(
            f"warning: {message}", file=sys.stderr
        )
        yield
