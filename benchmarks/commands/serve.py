"""``python -m benchmarks serve``: many clients at once against ``piza serve``, for a while.

The server is ``python -m sdk serve`` in a process of its own. Each client asks, reads its answer
and asks again, over one connection; one that is turned away comes back when it is told to.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import options
from benchmarks.asking import percentiles
from benchmarks.options import BenchmarkError
from evaluation.environment import describe, header
from evaluation.questions import make_cases
from evaluation.seeds import TIMES
from evaluation.tables import JsonFile, table
from sdk.frame import encode_image
from sdk.options import add_engine, positive, positive_float

BY_DESIGN = (429, 503)  # no place, or no time: the client is told when to come back
_JSON = {"Content-Type": "application/json"}
_LOAD_S, _ANSWER_S = 120.0, 60.0  # longest waits: for the engine, for a response
_TOLERANCE = 1e-3  # of a score, and of pixels: answers are told in so many digits

Answer = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--clients", type=positive, default=16, help="at once (16)")
    parser.add_argument("--seconds", type=positive_float, default=60.0, help="for so long (60)")
    parser.add_argument("--places", type=positive, default=8, help="of the server (8)")
    parser.add_argument("--scenes", type=positive, default=8, help="that are asked about (8)")
    options.add_seed(parser, TIMES)
    add_engine(parser)
    options.add_opening(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print tables, write the JSON."""
    file, environment = JsonFile(args.json), describe()
    questions = bodies(args.scenes, args.seed)
    command = ["--places", str(args.places), *(["--allow-unproven"] * args.allow_unproven)]
    if args.engine is not None:
        command += ["--engine", str(args.engine)]
    if args.threads is not None:
        command += ["--threads", str(args.threads)]
    with server(command) as (address, engine):
        alone = [ask(address, body) for body in questions]
        load = Load(address, questions, [answer for _, answer, _ in alone])
        load.run(args.clients, args.seconds)
    figures = {
        "benchmark": "serve",
        "engine": engine,
        "environment": environment,
        **{name: getattr(args, name) for name in ("clients", "places", "scenes", "seed")},
        **load.figures(),
    }
    print("\n".join([*header(environment), f"engine    {engine}", "", told(figures)]))
    file.write(figures)
    return 0


def bodies(scenes: int, seed: int) -> list[bytes]:
    """One question a scene, as the body of a request: a JPEG and its expression.

    Args:
        scenes: how many.
        seed: of the first.
    """
    return [
        json.dumps(
            {
                "image": base64.b64encode(encode_image(case.frame(), ".jpg")).decode(),
                "ref": case.ref,
            }
        ).encode()
        for case in make_cases(scenes, seed)
    ]


@contextmanager
def server(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A server and its engine, once it answers; it is ended by a signal.

    Args:
        arguments: of ``piza serve``, but for its port.

    Raises:
        BenchmarkError: it did not come to answer.
    """
    command = [sys.executable, "-P", "-m", "sdk", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            address = line.removeprefix("http://").partition(" ")[0]
            end_s = time.monotonic() + _LOAD_S
            health: Answer = {}
            while health.get("status") != "ok":
                if process.poll() is not None or time.monotonic() > end_s:
                    raise BenchmarkError(f"{' '.join(command)} did not come to answer: {health}")
                time.sleep(0.05)
                health = json.loads(get(address, "/healthz")) if address else {}
            yield address, health["engine"]
        finally:
            process.terminate()


def get(address: str, path: str) -> bytes:
    """What is at an address of the server; nothing while nobody listens."""
    connection = http.client.HTTPConnection(address, timeout=_ANSWER_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except OSError:
        return b"{}"
    finally:
        connection.close()


def memory_mb(address: str) -> float:
    """What the server's process holds at the moment, as it tells itself."""
    for line in get(address, "/metrics").decode().splitlines():
        name, _, value = line.partition(" ")
        if name == "process_resident_memory_bytes":
            return float(value) / 1e6
    return float("nan")


def ask(address: str, body: bytes) -> tuple[int, Answer, float]:
    """One question over a connection of its own; see ``Client.ask``."""
    client = Client(address)
    try:
        return client.ask(body)
    finally:
        client.connection.close()


class Client:
    """One connection to the server, which is kept open as long as the server does."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=_ANSWER_S)
        self.later_s = 0.0  # as the last response has it

    def ask(self, body: bytes) -> tuple[int, Answer, float]:
        """The status, what it says, and milliseconds from the request to the end of the response.

        Raises:
            OSError, http.client.HTTPException: there was no response.
        """
        begin = time.perf_counter()
        self.connection.request("POST", "/locate", body, _JSON)
        response = self.connection.getresponse()
        said = json.loads(response.read())
        self.later_s = float(response.getheader("Retry-After", "0"))
        return response.status, said, (time.perf_counter() - begin) * 1e3


@dataclass(frozen=True)
class Response:
    """One response of the load. ``status``: of HTTP, or the name of an error where there was none.
    ``ms``: what it took. ``same``: the answer is the one that was given without a load."""

    status: int | str
    ms: float
    same: bool


class Load:
    """Clients at work.

    Args:
        address: of the server.
        questions: bodies of requests, asked in turns.
        expected: the answers to them.
    """

    def __init__(
        self, address: str, questions: Sequence[bytes], expected: Sequence[Answer]
    ) -> None:
        self._address, self._questions, self._expected = address, questions, expected
        self._responses: list[Response] = []
        self._memory_mb: list[float] = []
        self._seconds = 0.0

    def run(self, clients: int, seconds: float) -> None:
        """Works for so long, and looks at the server's memory once a second."""
        begin = time.monotonic()
        end_s = begin + seconds
        threads = [
            threading.Thread(target=self._work, args=(number, end_s)) for number in range(clients)
        ]
        for thread in threads:
            thread.start()
        while time.monotonic() < end_s:
            self._memory_mb.append(memory_mb(self._address))
            time.sleep(min(1.0, max(end_s - time.monotonic(), 0.0)))
        for thread in threads:
            thread.join()
        self._seconds = time.monotonic() - begin
        self._memory_mb.append(memory_mb(self._address))

    def _work(self, number: int, end_s: float) -> None:
        client = Client(self._address)
        turn = number
        while time.monotonic() < end_s:
            k = turn % len(self._questions)
            try:
                status, said, ms = client.ask(self._questions[k])
            except (OSError, http.client.HTTPException) as error:
                self._responses.append(Response(type(error).__name__, 0.0, False))
                client.connection.close()  # the next request opens another
                continue
            same = status == 200 and _same(said, self._expected[k])
            self._responses.append(Response(status, ms, same))
            if status in BY_DESIGN:
                time.sleep(client.later_s)
            else:
                turn += 1
        client.connection.close()

    def figures(self) -> dict[str, Any]:
        """Counts, times of the answers, and the memory of the first and the last of the time."""
        answered = [each for each in self._responses if each.status == 200]
        refused = [each.ms for each in self._responses if each.status in BY_DESIGN]
        if not answered:
            raise BenchmarkError("no question was answered: give it more --seconds")
        statuses = Counter(str(each.status) for each in self._responses)
        quarter = max(len(self._memory_mb) // 4, 1)
        return {
            "seconds": self._seconds,
            "statuses": dict(sorted(statuses.items())),
            "errors": len(self._responses) - len(answered) - len(refused),
            "changed": sum(not each.same for each in answered),
            "answers_a_second": len(answered) / self._seconds,
            "answered_ms": percentiles([each.ms for each in answered]),
            "refused_ms": percentiles(refused) if refused else None,
            "memory_mb": {
                "start": self._memory_mb[0],
                "first_quarter": float(np.mean(self._memory_mb[:quarter])),
                "last_quarter": float(np.mean(self._memory_mb[-quarter:])),
                "end": self._memory_mb[-1],
                "most": max(self._memory_mb),
            },
        }


def _same(a: Answer, b: Answer) -> bool:
    if a["found"] != b["found"] or (a["xyxy"] is None) != (b["xyxy"] is None):
        return False
    numbers = [[each["score"], *(each["xyxy"] or ())] for each in (a, b)]
    return bool(np.allclose(*numbers, rtol=0.0, atol=_TOLERANCE))


def told(figures: dict[str, Any]) -> str:
    """The figures, for a terminal."""
    rows = [
        (name, *(f"{figures[key][f'{rank}_ms']:.1f}" for rank in ("p50", "p90", "p99", "max")))
        for name, key in (("answered", "answered_ms"), ("turned away", "refused_ms"))
        if figures[key] is not None
    ]
    memory = figures["memory_mb"]
    statuses = ", ".join(f"{count} x {status}" for status, count in figures["statuses"].items())
    return "\n".join(
        [
            table(("requests", "p50 ms", "p90 ms", "p99 ms", "max ms"), rows),
            "",
            f"{figures['clients']} clients for {figures['seconds']:.0f} s, {figures['places']}"
            f" places: {figures['answers_a_second']:.1f} answers a second",
            f"responses  {statuses}",
            f"errors     {figures['errors']} besides {' and '.join(map(str, BY_DESIGN))};"
            f" {figures['changed']} answers other than without a load",
            f"memory     {memory['start']:.0f} MB at the start, {memory['end']:.0f} MB at the end;"
            f" first quarter {memory['first_quarter']:.0f} MB, last"
            f" {memory['last_quarter']:.0f} MB, at most {memory['most']:.0f} MB",
        ]
    )
