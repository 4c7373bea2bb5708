"""Instructions that our kernel takes for a task, by callgrind: repeatable, whatever else runs.

The kernel is compiled for one instruction set with the compiler at hand and run in a program of its
own, one thread. Callgrind knows no AVX-512: there is AVX2, and the plain loops.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.callgrind import check_valgrind, collected
from benchmarks.kernel.tasks import Task
from benchmarks.options import BenchmarkError

# As CMakeLists.txt compiles the loops.
FLAGS: dict[str, tuple[str, ...]] = {"avx2": ("-mavx2", "-mfma", "-mf16c"), "baseline": ()}
COUNTED = "avx2"  # what rows are counted with
_ROOT = Path(__file__).parents[2]
_SOURCES = _ROOT / "cpp_ext" / "src"


def compiler() -> str:
    """The C++ compiler, which is $CXX or c++; raises BenchmarkError without one."""
    name = os.environ.get("CXX", "c++")
    if shutil.which(name) is None:
        raise BenchmarkError(f"a C++ compiler is needed to count instructions: {name} is not found")
    return name


def compiler_version() -> str:
    """The first line of what it says of itself."""
    said = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=True)
    return said.stdout.partition("\n")[0]


@contextmanager
def compiled(isa: str) -> Iterator[Path]:
    """The program ``one_call`` with the loops of that instruction set, for a ``with`` statement.

    Raises:
        BenchmarkError: there is no valgrind, no compiler, or no source to compile.
    """
    check_valgrind()
    if not _SOURCES.is_dir():
        raise BenchmarkError(f"the kernel's source is needed, and {_SOURCES} is not there")
    with TemporaryDirectory(prefix="piza-instructions-") as folder:
        loops, program = Path(folder, "loops.o"), Path(folder, "one_call")
        # Alone, and by the name of the loops that need no choice.
        flags = (*FLAGS[isa], "-DPIZA_LOOPS=loops_baseline", "-c")
        _compile(*flags, _SOURCES / "crop_resize_loops.cpp", "-o", loops)
        others = [_SOURCES / name for name in ("crop_resize_cpu.cpp", "dispatch.cpp")]
        _compile(
            *others, Path(__file__).with_name("one_call.cpp"), loops, "-pthread", "-o", program
        )
        yield program


def _compile(*words: str | Path) -> None:
    command = [compiler(), "-std=c++17", "-O3", f"-I{_SOURCES}", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchmarkError(f"the kernel does not compile: {done.stderr.strip()[-2000:]}")


def count(program: Path, task: Task) -> int:
    """Instructions of one call: ``program`` is ``compiled``'s, run under callgrind."""
    height, width = task.frame.shape[:2]
    numbers = (str(number) for number in (width, height, *task.window, *task.size))
    return collected(str(program), *numbers, options=("--toggle-collect=counted",))


def per_pixel(task: Task, instructions: int) -> float:
    """For each pixel of the picture that is made; bars are not counted."""
    width, height = task.letterbox.content_wh
    return round(instructions / (width * height), 3)
