"""How many CPU cores this process may use, and how many threads it takes.

A container with a quota of one core still shows every core of its machine. Whoever starts a thread
for each gets all of them put to sleep together when the quota is spent, several times slower than
one thread alone. So the smaller counts: the cores that the process may run on, and the quota of
its control groups, of version 1 or 2, its own and those around it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sdk.errors import InputError

ENVIRONMENT = "PIZA_THREADS"
MAX_THREADS = 256


@dataclass(frozen=True)
class Cores:
    """What limits this process.

    Attributes:
        affinity: cores that it may run on.
        quota: time that its control groups grant, in cores (1.5 of them, say); None: no limit.
    """

    affinity: int
    quota: float | None = None

    @property
    def usable(self) -> int:
        """Threads that can run at once, at least 1; a share of a core counts as one."""
        return self.affinity if self.quota is None else min(self.affinity, math.ceil(self.quota))

    def __str__(self) -> str:
        quota = "no CPU quota" if self.quota is None else f"a CPU quota of {self.quota:g}"
        return f"{self.usable} usable cores ({self.affinity} by affinity, {quota})"


def read_cores(root: Path = Path("/")) -> Cores:
    """The limits of this process; ``root`` is where ``proc`` and ``sys`` lie."""
    return Cores(_affinity(), min(_quotas(root), default=None))


def usable_cores() -> int:
    """CPU cores that this process may use, at least 1."""
    return read_cores().usable


def default_threads() -> int:
    """Threads where a call names no number: ``wanted_threads``, or one for each usable core."""
    return wanted_threads() or usable_cores()


def wanted_threads() -> int | None:
    """``$PIZA_THREADS``, None where it is not set.

    Raises:
        InputError: it is not a number of threads.
    """
    said = os.environ.get(ENVIRONMENT, "").strip()
    return read_threads(said, f"${ENVIRONMENT}") if said else None


def read_threads(text: str, what: str) -> int:
    """A number of threads from its text, 1 to 256; InputError, which names ``what``, for another.

    More threads than any machine has cores would take minutes to start.
    """
    if not text.isdecimal() or not 1 <= int(text) <= MAX_THREADS:
        raise InputError(f"expected {what}, a number of 1 to {MAX_THREADS}, got {text!r:.80}")
    return int(text)


@contextmanager
def threads_wanted(threads: int | None) -> Iterator[None]:
    """``$PIZA_THREADS`` for the body of a ``with`` statement; None leaves it as it is."""
    before = os.environ.get(ENVIRONMENT)
    if threads is not None:
        os.environ[ENVIRONMENT] = str(threads)
    try:
        yield
    finally:
        if before is not None:
            os.environ[ENVIRONMENT] = before
        elif threads is not None:
            del os.environ[ENVIRONMENT]


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """The quota in cores of every control group that this process is in and can see."""
    for folder in _control_groups(root):
        if said := _words(folder / "cpu.max"):  # version 2: "max 100000", "150000 100000"
            yield from _share(*said[:2])
        quota, period = (
            _words(folder / name) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        )
        if quota and period:  # version 1: a quota of -1 is none
            yield from _share(quota[0], period[0])


def _share(quota: str, period: str = "100000") -> Iterator[float]:
    if quota.isdecimal() and period.isdecimal() and int(quota) > 0 and int(period) > 0:
        yield int(quota) / int(period)


def _control_groups(root: Path) -> Iterator[Path]:
    """Folders of this process's CPU control groups, each with those around it."""
    paths = dict(_own_paths(root))
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, system = line.partition(" - ")
        words, about = mount.split(), system.split()
        if len(words) < 5 or len(about) < 3 or about[0] not in ("cgroup", "cgroup2"):
            continue
        name = "" if about[0] == "cgroup2" else "cpu"
        if name not in paths or (name and name not in about[2].split(",")):
            continue
        top = root / _unescaped(words[4]).lstrip("/")
        inner = _below(paths[name], _unescaped(words[3]))
        yield from (top / each for each in (inner, *inner.parents))


def _own_paths(root: Path) -> Iterator[tuple[str, str]]:
    """The group that this process is in, by controller: "cpu", or "" for version 2."""
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield "", path
        elif "cpu" in controllers.split(","):
            yield "cpu", path


def _below(path: str, mounted: str) -> PurePosixPath:
    """A group's path as seen from the mount, which may show no more than a part of all groups.

    In a container that sees its own group as the top, the path is that of the host: then what is
    mounted is the group itself.
    """
    whole, part = PurePosixPath(path), PurePosixPath(mounted)
    inside = whole.is_relative_to(part) and ".." not in whole.parts
    return whole.relative_to(part) if inside else PurePosixPath()


def _unescaped(path: str) -> str:
    """A path of mountinfo, in which blanks are octal."""
    for code in ("040", "011", "012", "134"):
        path = path.replace(f"\\{code}", chr(int(code, 8)))
    return path


def _words(path: Path) -> list[str]:
    return [word for line in _lines(path) for word in line.split()]


def _lines(path: Path) -> list[str]:
    """The lines of a file of the kernel's; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
