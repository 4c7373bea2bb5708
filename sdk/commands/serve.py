"""``python -m sdk serve``: an engine behind HTTP, with a page to try it."""

from __future__ import annotations

import argparse
import math
import signal
import socket
import sys
import warnings

from sdk.errors import InputError
from sdk.options import (
    add_allow_unproven,
    add_engine,
    add_threads,
    add_threshold,
    not_negative,
    positive,
    positive_float,
)

SIGNALLED = 128  # plus the number of the signal: the exit code, as shells expect it
_LAST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (127.0.0.1: this machine alone)"
    )
    parser.add_argument(
        "--port", type=not_negative, default=8000, help="to listen at (8000); 0 takes a free one"
    )
    add_engine(parser)
    parser.add_argument(
        "--places",
        type=positive,
        default=8,
        metavar="N",
        help="requests at once, waiting ones included; one more is told to come later (8)",
    )
    parser.add_argument(
        "--max-mb", type=positive_float, default=16.0, metavar="MB", help="size of a request (16)"
    )
    parser.add_argument(
        "--max-megapixels",
        type=positive_float,
        default=40.0,
        metavar="N",
        help="size of a picture (40; 8K has 33)",
    )
    parser.add_argument(
        "--timeout-s",
        type=positive_float,
        default=10.0,
        metavar="S",
        help="longest time from a request to its answer (10)",
    )
    add_threshold(parser)
    add_threads(parser)
    add_allow_unproven(parser)


def run(args: argparse.Namespace) -> int:
    """Answers until a signal comes; 128 and its number then."""
    import uvicorn

    from sdk.grounder import Grounder
    from sdk.serve.app import make_app
    from sdk.serve.limits import Limits
    from sdk.video.signals import stops_on_signal

    def opened() -> Grounder:
        return Grounder(args.engine, threshold=args.threshold, allow_unproven=args.allow_unproven)

    failures: list[Exception] = []

    def failed(fault: Exception) -> None:
        failures.append(fault)
        server.should_exit = True

    limits = Limits(
        requests=args.places,
        megabytes=args.max_mb,
        megapixels=args.max_megapixels,
        seconds=args.timeout_s,
    )
    config = uvicorn.Config(
        make_app(opened, limits, failed),
        log_config=None,  # errors on stderr; what was asked is counted, not written
        access_log=False,
        timeout_graceful_shutdown=math.ceil(args.timeout_s),
    )
    server = uvicorn.Server(config)
    with (
        _listening(args.host, args.port) as listener,
        stops_on_signal(lambda: None) as received,
        warnings.catch_warnings(),
    ):
        # Words that an engine does not know stand in its answers, and are no news of the server's.
        warnings.simplefilter("ignore", UserWarning)
        host = f"[{args.host}]" if ":" in args.host else args.host
        print(f"http://{host}:{listener.getsockname()[1]} (Ctrl-C stops)", flush=True)
        server.run(sockets=[listener])
    if failures:
        raise failures[0]
    if not received:
        return 0
    print(f"stopped by {received[0]}", file=sys.stderr)
    return SIGNALLED + signal.Signals[received[0]]


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there."""
    if port > _LAST_PORT:
        raise InputError(f"expected a port of at most {_LAST_PORT}, got {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = error.strerror or error
        raise InputError(
            f"cannot listen at {host}, port {port}: {why}; --host, --port name another"
        ) from error
