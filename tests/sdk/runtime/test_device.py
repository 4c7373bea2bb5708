"""The device loop over a fake GPU, with ONNX Runtime's CPU provider as its executor.

What is real: the loop, its buffers, ONNX Runtime and its I/O binding. What is not: the GPU.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from sdk import Grounder
from sdk.engine.folder import read_manifest, write_manifest
from sdk.engine.manifest import ImageInput, TextInput
from sdk.errors import EngineError
from sdk.families import family, open_networks
from sdk.nv12 import Nv12
from sdk.runtime.device import DeviceRuntime
from sdk.runtime.onnxruntime_cuda import BoundExecutor
from sdk.runtime.runtime import AT_ONCE
from sdk.text import Tokenizer
from sdk.turns import Turns
from sdk.zoom.answering import Networks
from sdk.zoom.search import GroundInput

CPU = "CPUExecutionProvider"
SQUARE = ImageInput((96, 96), (114.0,) * 3, (127.0,) * 3)


class LazyExecutor(BoundExecutor):
    """Runs when the stream gets there, as a GPU would."""

    def __init__(self, gpu, path: Path) -> None:
        super().__init__(onnxruntime, path, CPU, {}, "cpu")
        self._gpu, self.runs, self.closed = gpu, 0, False

    def run(self, stream: int) -> None:
        self.runs += 1
        self._gpu.enqueue(stream, lambda: BoundExecutor.run(self, stream))

    def close(self) -> None:
        self._gpu.current()
        super().close()
        self.closed = True


def over_device(engine: Path, executor: Callable[..., LazyExecutor]) -> DeviceRuntime:
    manifest = read_manifest(engine)
    return DeviceRuntime(family(manifest).networks(manifest), manifest.inputs, executor)


@pytest.fixture
def open_device(fake_cuda, engine) -> Callable[[], DeviceRuntime]:
    """Opens the small engine on the fake GPU; ``.executors`` are those of the last call."""

    def opened() -> DeviceRuntime:
        opened.executors = executors = {}

        def executor(name, device):
            executors[name] = LazyExecutor(fake_cuda, engine / f"{name}.onnx")
            return executors[name]

        return over_device(engine, executor)

    return opened


@pytest.fixture
def on_device(engine, open_device, monkeypatch) -> Grounder:
    """A grounder whose runtime is the device loop."""
    monkeypatch.setattr("sdk.grounder.open_networks", lambda *_: open_device())
    return Grounder(engine)


def frames(make_frame):
    yield make_frame((640, 480), {"red": (400, 100, 430, 128)}), "the red square"
    yield make_frame((640, 480), {"blue": (10, 300, 50, 340)}), "blue"
    yield make_frame((333, 217), {"green": (33, 50, 60, 90)}), "the green square"
    yield make_frame((640, 480), {"red": (20, 20, 60, 60)}), "the green square"  # absent
    yield make_frame((900, 300), {"red": (600, 100, 640, 120)})[::-1, ::-1], "red"  # a view


def test_it_answers_as_the_cpu_does(engine, on_device, make_frame):
    with Grounder(engine) as reference:
        # The fixture gave both the device loop; this one is the CPU's.
        reference._turns.close()
        runtime = open_networks(engine, reference.manifest)
        reference._turns = Turns("the reference", runtime, lambda: None)
        for frame, ref in frames(make_frame):
            for color in ("bgr", "rgb"):
                given = frame if color == "bgr" else frame[:, :, ::-1]
                ours = on_device.locate(given, ref, color)
                theirs = reference.locate(given, ref, color)
                assert ours.found == theirs.found
                assert len(ours.zooms) == len(theirs.zooms) > 0
                for a, b in zip(ours.zooms, theirs.zooms, strict=True):
                    np.testing.assert_allclose(a.window_xyxy, b.window_xyxy, atol=1e-3)
                    np.testing.assert_allclose(a.candidates_xyxy, b.candidates_xyxy, atol=1e-3)
                    np.testing.assert_allclose(a.candidates_scores, b.candidates_scores, atol=1e-5)
    on_device.close()


def test_several_expressions_share_windows(on_device, open_device, make_frame):
    frame = make_frame((640, 480), {"red": (400, 100, 430, 128), "blue": (10, 300, 50, 340)})
    alone = [on_device.locate(frame, ref) for ref in ("red", "blue")]
    before = open_device.executors["image"].runs
    together = on_device.locate(frame, ["red", "blue", "red"])
    windows = {zoom.window_xyxy.tobytes() for answer in together for zoom in answer.zooms}
    assert open_device.executors["image"].runs - before == len(windows)
    for a, b in zip(together, [*alone, alone[0]], strict=True):
        np.testing.assert_array_equal(a.xyxy, b.xyxy)
    on_device.close()


def test_old_windows_and_texts_can_be_used_again(open_device, engine, make_frame, tokenizer):
    """In any order: what the ground network reads is what it was given."""
    session = Networks(open_device())
    frame = make_frame((640, 480), {"red": (400, 100, 430, 128), "blue": (10, 300, 50, 340)})
    windows = [np.array(w, float) for w in ((0, 0, 640, 480), (0, 240, 320, 480))]
    uploaded = session.runtime.upload(frame)
    images = session.encode_images(uploaded, np.stack(windows))
    texts = [session.encode_text(tokenizer.encode(ref)) for ref in ("red", "blue")]
    reference = Networks(open_networks(engine, read_manifest(engine)))
    plain = reference.runtime.upload(frame)
    for i, j in ((0, 0), (1, 1), (0, 1), (1, 0), (0, 0)):
        (ours,) = session.ground([GroundInput(images[i], texts[j], 0.5)])
        (image,) = reference.encode_images(plain, windows[i][None])
        text = reference.encode_text(tokenizer.encode(("red", "blue")[j]))
        (theirs,) = reference.ground([GroundInput(image, text, 0.5)])
        np.testing.assert_allclose(ours.boxes_unit, theirs.boxes_unit, atol=1e-5)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
    session.runtime.close()


def test_the_frame_may_change_after_its_upload(open_device, make_frame, tokenizer):
    session = Networks(open_device())
    text = session.encode_text(tokenizer.encode("red"))

    def ask(uploaded):
        (image,) = session.encode_images(uploaded, np.array([[0, 0, 640, 480]], float))
        return session.ground([GroundInput(image, text, 0.0)])[0]

    frame, other = make_frame(), make_frame(squares={"red": (10, 10, 60, 60)})
    expected = ask(session.runtime.upload(frame))
    first = session.runtime.upload(frame)
    frame[...] = 0
    second = session.runtime.upload(other)  # through the same pinned memory
    np.testing.assert_array_equal(ask(first).boxes_unit, expected.boxes_unit)
    moved = ask(second)
    assert (moved.boxes_unit[0] != expected.boxes_unit[0]).any()
    session.runtime.close()


def test_only_records_come_back(fake_cuda, on_device, make_frame):
    """A round sends the places of its windows and the progress of its looks up, and boxes and
    scores come down for each look; the features move on the device."""
    on_device.locate(make_frame(), "red")
    fake_cuda.copies.clear()
    frame = make_frame(squares={"red": (10, 10, 60, 60)})
    on_device.locate(frame, "red")
    up = [size for direction, size in fake_cuda.copies if direction == "up"]
    down = [size for direction, size in fake_cuda.copies if direction == "down"]
    assert up[0] == frame.nbytes
    assert set(up[1:]) == {16, 4}
    assert up.count(16) <= up.count(4) == len(down)
    assert set(down) == {512}  # 2 boxes and 2 scores, each padded to 256 bytes
    on_device.close()


def test_memory_is_used_again(fake_cuda, on_device, make_frame):
    for _ in range(2):
        on_device.locate(make_frame(), "red")
    before = fake_cuda.allocations
    for left in range(0, 600, 40):
        on_device.locate(make_frame(squares={"red": (left, 100, left + 30, 130)}), "red")
    gc.collect()
    assert fake_cuda.allocations == before
    for width in (100, 200, 300, 400):  # another size takes the place of the one before
        on_device.locate(make_frame((width, 100), {"red": (10, 10, 30, 30)}), "red")
    sizes = [len(block) for block in fake_cuda.live.values()]
    assert [size for size in sizes if size in (30000, 60000, 90000, 120000)] == [120000]
    on_device.close()


def test_close_frees_everything(fake_cuda, on_device, open_device, make_frame):
    on_device.locate(make_frame(), ["red", "blue"])
    assert fake_cuda.live
    on_device.close()
    assert not fake_cuda.live
    assert not fake_cuda.pinned
    assert all(executor.closed for executor in open_device.executors.values())
    on_device.close()  # again, in vain
    with pytest.raises(EngineError, match="is closed"):
        on_device.locate(make_frame(), "red")


def test_threads(on_device, make_frame):
    """The context is pushed in whichever thread calls; features die in any of them."""
    expected = {ref: on_device.locate(make_frame(), ref).score for ref in ("red", "blue")}
    wrong: list[object] = []

    def ask(ref: str) -> None:
        for _ in range(5):
            answer = on_device.locate(make_frame(), ref)
            if answer.score != expected[ref]:
                wrong.append(answer)

    threads = [threading.Thread(target=ask, args=(ref,)) for ref in ("red", "blue") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    on_device.close()


def test_several_on_one_gpu(fake_cuda, open_device, make_frame, tokenizer):
    first, second = (Networks(open_device()) for _ in range(2))
    assert len(fake_cuda.streams) == 2
    first.runtime.close()
    text = second.encode_text(tokenizer.encode("red"))
    uploaded = second.runtime.upload(make_frame())
    (image,) = second.encode_images(uploaded, np.array([[0, 0, 640, 480]], float))
    assert second.ground([GroundInput(image, text, 0.0)])[0].scores[0] > 0.5
    second.runtime.close()
    assert not fake_cuda.live


def test_out_of_memory(fake_cuda, open_device):
    fake_cuda.total = 1000
    with pytest.raises(EngineError, match=r"out of memory on Fake GPU.*close other grounders"):
        open_device()
    assert not fake_cuda.live
    assert not fake_cuda.pinned


def test_an_executor_that_fails_leaves_nothing(fake_cuda, engine):
    def fail(name, device):
        if name == "ground":
            raise EngineError("no such network")
        return LazyExecutor(fake_cuda, engine / f"{name}.onnx")

    with pytest.raises(EngineError, match="no such network"):
        over_device(engine, fail)
    assert not fake_cuda.live


def test_without_the_kernel(fake_cuda, open_device, monkeypatch):
    fake_cuda.install(monkeypatch, kernel=False)
    with pytest.raises(EngineError, match=r"CUDA crop kernel cannot run.*install the CUDA toolkit"):
        open_device()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": TextInput(13)}, r"input_ids is \[1, 13\], the network \[1, 12\]"),
        ({"inputs": {"pixels": SQUARE}}, r"pixels is \[1, 3, 96, 96\]"),
    ],
)
def test_networks_that_do_not_fit_the_manifest(open_device, engine, make_manifest, change, message):
    write_manifest(engine, make_manifest(**change))
    with pytest.raises(EngineError, match=message):
        open_device()


def test_a_network_by_itself(open_device, engine, tokenizer: Tokenizer):
    both = open_device(), open_networks(engine, read_manifest(engine))
    ours, theirs = (lambda name, feeds, on=on: on.fetch(name, [feeds])[0] for on in both)
    tokens = tokenizer.encode("the red square near blue")
    feeds = {
        "input_ids": tokens.ids[None],
        "segment_ids": tokens.segments[None],
        "position_ids": tokens.positions[None],
    }
    pixels = np.random.default_rng(0).normal(size=(1, 3, 96, 128)).astype(np.float32)
    text, image = ours("text", feeds), ours("image", {"pixels": pixels})
    ground = {**text, **image, **feeds, "progress": np.array([0.3], np.float32)}
    del ground["input_ids"]
    for name, given, outputs in (("text", feeds, text), ("image", {"pixels": pixels}, image)):
        for key, values in theirs(name, given).items():
            np.testing.assert_allclose(outputs[key], values, atol=1e-6)
    boxes = [run("ground", ground)["boxes"] for run in (ours, theirs)]
    np.testing.assert_allclose(*boxes, atol=1e-6)
    both[0].close()


def test_what_a_network_sees_comes_to_the_host(open_device, engine, make_frame):
    """More windows than a wait allows, in their order, as on the CPU."""
    ours, theirs = open_device(), open_networks(engine, read_manifest(engine))
    frame = make_frame((640, 480), {"red": (400, 100, 430, 128), "blue": (10, 300, 50, 340)})
    corners = np.random.default_rng(0).uniform(0, 300, (AT_ONCE + 3, 2))
    windows = np.concatenate([corners, corners + 120], axis=1)
    seen = [on.see("image", on.upload(frame), windows) for on in (ours, theirs)]
    assert len(seen[0]) == len(seen[1]) == len(windows)
    for a, b in zip(*seen, strict=True):
        np.testing.assert_allclose(a["image_features"], b["image_features"], atol=1e-4)
    assert ours.clock.runs["image"] == len(windows)
    ours.close()


def test_a_frame_of_nv12_goes_up_as_it_is(open_device, engine, make_frame):
    pixels = make_frame((640, 480))
    nv12 = Nv12(np.random.default_rng(0).integers(0, 256, (720, 640), dtype=np.uint8))
    device, host = open_device(), open_networks(engine, read_manifest(engine))
    windows = np.array([[0.0, 0.0, 640.0, 480.0], [100.5, 50.0, 300.0, 200.0]])
    for frame in (nv12, pixels, nv12):  # the memory for frames fits one kind at a time
        seen = [each.see("image", each.upload(frame), windows) for each in (device, host)]
        for a, b in zip(*seen, strict=True):
            np.testing.assert_allclose(a["image_features"], b["image_features"], atol=1e-4)
    device.close()


def test_crops_and_sentences_go_up_from_the_host(fake_cuda, make_two_stage):
    """A two-stage engine: crops by the batch, tokens, and windows of the frame beside them."""
    rows = [(x, 100, x + 60, 160, 0.9, 0) for x in range(0, 600, 100)]
    folder = make_two_stage(rows, ["clip"])
    frame = np.full((480, 640, 3), 120, np.uint8)
    frame[100:160, 300:360] = (220, 20, 20)
    runtime = over_device(
        folder, lambda name, device: LazyExecutor(fake_cuda, folder / f"{name}.onnx")
    )
    with (
        Grounder(folder) as reference,
        Grounder.over(runtime, folder, reference.manifest) as on_device,
    ):
        for ref in ("the blue car", "the red car", "the blue car"):
            ours, theirs = on_device.locate(frame, ref), reference.locate(frame, ref)
            assert ours.xyxy.tolist() == theirs.xyxy.tolist()
            assert ours.score == pytest.approx(theirs.score, abs=1e-5)
            assert [each.label for each in ours.considered] == ["car"] * len(rows)
