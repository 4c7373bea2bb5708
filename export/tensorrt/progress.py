"""How far a builder has got, shown on standard error."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from train.progress import Progress


def monitor(trt: Any, title: str) -> Any:
    """An ``IProgressMonitor`` that shows the phases of a build. Builders call it from threads of
    their own, where an exception would end the process."""

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._lock = threading.Lock()
            self._phases: dict[str, _Phase] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            with self._lock, contextlib.suppress(Exception):
                self._phases[phase_name] = _shown(
                    f"{title}: {phase_name}", num_steps, parent_phase is None, len(self._phases)
                )

        def step_complete(self, phase_name: str, step: int) -> bool:
            with self._lock, contextlib.suppress(Exception):
                self._phases[phase_name].step()
            return True

        def phase_finish(self, phase_name: str) -> None:
            with self._lock, contextlib.suppress(Exception):
                self._phases.pop(phase_name).end()

    return Monitor()


@dataclass(frozen=True)
class _Phase:
    """What is called at each step of a phase, and at its end."""

    step: Callable[[], object]
    end: Callable[[], object]


def _shown(title: str, steps: int, outermost: bool, position: int) -> _Phase:
    """A bar on a terminal; elsewhere lines, of the many inner phases only after a long time."""
    if sys.stderr.isatty():
        bar = tqdm(total=steps, desc=title, leave=outermost, position=position)
        return _Phase(bar.update, bar.close)
    progress = Progress(title, steps)
    if not outermost:
        return _Phase(progress.step, lambda: None)
    shown = contextlib.ExitStack()
    shown.enter_context(progress)
    return _Phase(progress.step, shown.close)
