"""CUDA graphs, which pycuda does not know, through the driver's own C functions.

A network of a thousand kernels costs the host a thousand launches; as a graph it costs one. Names
and numbers: CUDA Driver API, "Stream Management" and "Graph Management" (CUDA 11.4 and later).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from sdk.errors import EngineError

CAPTURE_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may go on allocating
_FUNCTIONS: dict[str, list[Any]] = {  # each returns a CUresult, 0 for success
    "cuStreamBeginCapture_v2": [ctypes.c_void_p, ctypes.c_int],
    "cuStreamEndCapture": [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)],
    "cuGraphInstantiateWithFlags": [
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.c_void_p,
        ctypes.c_ulonglong,
    ],
    "cuGraphLaunch": [ctypes.c_void_p, ctypes.c_void_p],
    "cuGraphDestroy": [ctypes.c_void_p],
    "cuGraphExecDestroy": [ctypes.c_void_p],
    "cuGetErrorString": [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)],
}


class CudaGraph:
    """What ``enqueue()`` puts into ``stream`` (a handle), recorded once, launched as one.

    The context of the stream has to be current whenever this is used. Whatever ``enqueue`` is
    going to need on its first call (memory, modules) it must have got before, in a call of its
    own. Addresses are part of the recording. Raises EngineError when CUDA reports an error.
    """

    def __init__(self, enqueue: Callable[[], None], stream: int) -> None:
        graph, self._executable = ctypes.c_void_p(), ctypes.c_void_p()
        _call("cuStreamBeginCapture_v2", stream, CAPTURE_THREAD_LOCAL)
        try:
            enqueue()
        finally:  # a stream that goes on capturing could not be used for anything else
            _call("cuStreamEndCapture", stream, ctypes.byref(graph))
        try:
            _call("cuGraphInstantiateWithFlags", ctypes.byref(self._executable), graph, 0)
        finally:
            _call("cuGraphDestroy", graph)

    def launch(self, stream: int) -> None:
        """Puts the recording into a stream."""
        _call("cuGraphLaunch", self._executable, stream)

    def close(self) -> None:
        """Frees the recording."""
        _call("cuGraphExecDestroy", self._executable)


@cache
def _driver() -> ctypes.CDLL:
    library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    for name, arguments in _FUNCTIONS.items():
        getattr(library, name).argtypes = arguments
    return library


def _call(name: str, *arguments: Any) -> None:
    code = getattr(_driver(), name)(*arguments)
    if code:
        text = ctypes.c_char_p()
        _driver().cuGetErrorString(code, ctypes.byref(text))
        reason = (text.value or b"an error without a name").decode()
        raise EngineError(f"CUDA failed in {name}: {reason} (error {code})")
