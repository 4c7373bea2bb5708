"""A program that ends while its threads are at work ends as programs do."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

HEAD = """
import atexit, os, sys, threading, time
import numpy as np
from sdk import Grounder

grounder = Grounder(sys.argv[1], threads=2)
frame = np.full((480, 640, 3), 114, np.uint8)
frame[100:128, 400:430] = (1, 1, 227)
begun = threading.Event()
refs = ["the red square", "the blue square"]
"""


def run(engine, body: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(body), str(engine)],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("threads", [1, 4])
def test_daemon_threads_in_locate(engine, threads):
    """Several times: where in its call a thread is at the exit is chance."""
    body = f"""
    def work():
        while True:
            grounder.locate(frame, refs[:{threads} % 3])
            begun.set()

    for _ in range({threads}):
        threading.Thread(target=work, daemon=True).start()
    begun.wait(60)
    """
    for _ in range(3):
        done = run(engine, body)
        assert (done.returncode, done.stderr) == (0, "")


def test_daemon_threads_that_open_engines(engine):
    done = run(
        engine,
        """
        def work():
            while True:
                Grounder(sys.argv[1], threads=1).close()
                begun.set()

        for _ in range(2):
            threading.Thread(target=work, daemon=True).start()
        begun.wait(60)
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_exit_waits_for_the_call(engine):
    """A slow call in a daemon thread is over before the interpreter is."""
    done = run(
        engine,
        """
        runtime = grounder._turns.get()
        encode = runtime.look

        def slow(*arguments):
            begun.set()
            time.sleep(0.5)
            found = encode(*arguments)
            os.write(1, b"encoded ")
            return found

        runtime.look = slow
        threading.Thread(target=grounder.locate, args=(frame, "red"), daemon=True).start()
        begun.wait(60)
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "encoded" in done.stdout


def test_handlers_of_the_exit_may_still_ask(engine):
    """One that was registered before ours runs after it."""
    late = "import atexit\natexit.register(lambda: print(grounder.locate(frame, 'red').found))\n"
    done = subprocess.run(
        [sys.executable, "-c", late + HEAD, str(engine)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "True", "")


def test_a_thread_goes_on_after_the_main_one(engine):
    """Python's pools take nothing from then on; several expressions want one."""
    done = run(
        engine,
        """
        def work():
            threading.main_thread().join()
            time.sleep(0.2)
            print(*[answer.found for answer in grounder.locate(frame, refs)])

        threading.Thread(target=work).start()
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["True", "False"]


def test_a_daemon_thread_that_waits_on_a_stream(engine):
    """Nothing is said of a source that gave no frame: nobody waits for one any more."""
    done = run(
        engine,
        """
        def frames():
            yield frame
            time.sleep(60)
            yield frame

        def work():
            for _ in grounder.stream(frames(), "red", "all", timeout_s=10):
                begun.set()
            os.write(1, b"ended ")

        threading.Thread(target=work, daemon=True).start()
        begun.wait(60)
        time.sleep(0.2)
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "ended" in done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_in_the_middle_of_a_call(engine):
    """The child has none of its parent's threads, and its exit waits for none of them."""
    done = run(
        engine,
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        runtime = grounder._turns.get()
        encode = runtime.look

        def slow(*arguments):
            begun.set()
            time.sleep(0.5)
            return encode(*arguments)

        runtime.look = slow
        thread = threading.Thread(target=grounder.locate, args=(frame, "red"))
        thread.start()
        begun.wait(60)
        child = os.fork()
        if child == 0:
            atexit._run_exitfuncs()  # and no more: ONNX Runtime waits for threads of its own
            os._exit(7)
        thread.join(60)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "7", "")
