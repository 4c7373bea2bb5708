"""CUDA graphs over a FAKE driver library: the order of the calls, and errors."""

from __future__ import annotations

import ctypes

import pytest

from sdk.errors import EngineError
from sdk.runtime import cuda_graph
from sdk.runtime.cuda_graph import CudaGraph


class FakeLibrary:
    """Notes what is called; ``fails`` names a function that reports an error."""

    def __init__(self, fails: str = "") -> None:
        self.calls: list[str] = []
        self._fails = fails

    def __getattr__(self, name: str):
        def call(*arguments):
            if name == "cuGetErrorString":
                ctypes.cast(arguments[1], ctypes.POINTER(ctypes.c_char_p))[0] = b"capture invalid"
                return 0
            self.calls.append(name)
            return 901 if name == self._fails else 0

        return call


@pytest.fixture
def library(monkeypatch):
    def use(fails: str = "") -> FakeLibrary:
        fake = FakeLibrary(fails)
        monkeypatch.setattr(cuda_graph, "_driver", lambda: fake)
        return fake

    return use


def test_recorded_once_launched_often(library):
    fake = library()
    graph = CudaGraph(lambda: fake.calls.append("work"), 7)
    assert fake.calls == [
        "cuStreamBeginCapture_v2",
        "work",
        "cuStreamEndCapture",
        "cuGraphInstantiateWithFlags",
        "cuGraphDestroy",
    ]
    fake.calls.clear()
    for _ in range(3):
        graph.launch(7)
    graph.close()
    assert fake.calls == ["cuGraphLaunch"] * 3 + ["cuGraphExecDestroy"]


def test_capturing_ends_whatever_happens(library):
    fake = library()

    def fail():
        raise EngineError("no such layer")

    with pytest.raises(EngineError, match="no such layer"):
        CudaGraph(fail, 7)
    assert fake.calls == ["cuStreamBeginCapture_v2", "cuStreamEndCapture"]


@pytest.mark.parametrize(
    "function", ["cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags"]
)
def test_errors_are_told(library, function):
    fake = library(fails=function)
    with pytest.raises(EngineError, match=rf"{function}: capture invalid \(error 901\)"):
        CudaGraph(lambda: None, 7)
    assert ("cuGraphDestroy" in fake.calls) == (function == "cuGraphInstantiateWithFlags")


def test_every_function_is_declared():
    used = {"cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags"}
    used |= {"cuGraphLaunch", "cuGraphDestroy", "cuGraphExecDestroy", "cuGetErrorString"}
    assert set(cuda_graph._FUNCTIONS) == used
