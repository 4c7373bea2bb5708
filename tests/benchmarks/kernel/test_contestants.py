"""The kernel benchmark: the same work for everyone, fair turns, wrong answers found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.kernel import contestants, tasks
from benchmarks.kernel.check import check
from benchmarks.kernel.contestants import copied_bytes, make_forms, threads_of_others
from benchmarks.kernel.forms import Form
from benchmarks.kernel.tasks import FRAMES, SIZES, STD, Task, make_tasks, picture
from benchmarks.kernel.timing import GOALS, Result, Row, measure, run_task
from benchmarks.options import BenchmarkError

CONTESTANTS = ["ours", "opencv", "blob", "pillow", "torch", "kornia", "copy"]
if not contestants.installed("kornia"):
    CONTESTANTS.remove("kornia")


def make_task(window: tuple[float, ...] = (3.37, 5.61, 283.37, 145.61), **changes: object) -> Task:
    frame = picture(160, 300, 0)
    task = Task("small", "part", frame, window, (54, 96))  # type: ignore[arg-type]
    return replace(task, **changes)  # type: ignore[arg-type]


def by_name(forms: list[Form]) -> dict[str, Form]:
    return {f"{form.contestant}: {form.name}": form for form in forms}


class TestTasks:
    def test_twelve_rows(self) -> None:
        made = list(make_tasks(0))
        assert len({task.title for task in made}) == len(made) == 12
        assert {task.size for task in made} == set(SIZES) == {(256, 448), (544, 960), (800, 1333)}
        assert FRAMES == {"1080p": (1920, 1080), "4K": (3840, 2160)}
        for task in made:
            width, height = FRAMES[task.frame_name]
            assert task.frame.shape == (height, width, 3)
            whole = task.window_name == "whole"
            assert task.crop.shape == (task.frame.shape if whole else (400, 400, 3))
            assert (task.window == task.whole_window) == whole  # the other is fractional

    def test_scale_is_that_of_the_letterbox(self) -> None:
        task = make_task(size=(100, 500))
        assert task.scale == 100 / 140
        assert task.letterbox.content_wh == (200, 100)
        assert task.content(np.zeros((3, 100, 500), np.float32)).shape == (3, 100, 200)

    def test_pictures_depend_on_the_seed_alone(self) -> None:
        np.testing.assert_array_equal(picture(90, 160, 3), picture(90, 160, 3))
        assert not np.array_equal(picture(90, 160, 3), picture(90, 160, 4))
        assert picture(90, 160, 3).std() > 40


class TestContestants:
    def test_all_are_there(self) -> None:
        forms = make_forms(make_task(), 1)
        assert list(dict.fromkeys(form.contestant for form in forms)) == CONTESTANTS
        assert len(by_name(forms)) == len(forms)

    @pytest.mark.parametrize(
        ("window", "size"),
        [
            ((3.37, 5.61, 283.37, 145.61), (54, 96)),  # smaller; OpenCV halves it first
            ((3.37, 5.61, 43.37, 45.61), (54, 96)),  # larger, bars left and right
            ((0.0, 0.0, 300.0, 160.0), (30, 40)),  # the whole frame, bars above and below
        ],
    )
    def test_all_make_the_same_picture(
        self, window: tuple[float, ...], size: tuple[int, int]
    ) -> None:
        task = make_task(window, size=size)
        for form in make_forms(task, 1):
            check(task, form, 1)

    def test_the_others_write_into_memory_of_their_own(self) -> None:
        for name, form in by_name(make_forms(make_task(), 1)).items():
            if form.tolerance and name != "blob: blobFromImage":  # which has no place for it
                assert np.shares_memory(form.run(), form.run()), name

    def test_they_read_the_frame_when_they_run(self) -> None:
        task = make_task()
        forms = make_forms(task, 1)
        before = [form.run().copy() for form in forms]
        task.frame[:] = 255 - task.frame
        for form, planes in zip(forms, before, strict=True):
            assert form.tolerance is None or not np.allclose(form.run(), planes), form.name
            check(task, form, 1)

    def test_bytes_that_are_copied(self) -> None:
        assert copied_bytes(make_task()) == (280 * 140 * 3 + 3 * 54 * 96 * 4) // 2

    def test_threads_are_given_back(self) -> None:
        torch = pytest.importorskip("torch")
        before = cv2.getNumThreads(), torch.get_num_threads()
        with threads_of_others(3):
            assert (cv2.getNumThreads(), torch.get_num_threads()) == (3, 3)
        assert (cv2.getNumThreads(), torch.get_num_threads()) == before

    def test_threads_reach_our_kernel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = []
        monkeypatch.setattr(
            contestants, "crop_resize", lambda *_, threads, **__: seen.append(threads)
        )
        make_forms(make_task(), 7)[0].run()
        assert seen == [7]


def spoiled(form: Form, spoil: Callable[[np.ndarray], np.ndarray]) -> Form:
    return replace(form, run=lambda: spoil(form.run()))


MISTAKES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "channels in the wrong order": lambda planes: planes[::-1],
    "not normalised": lambda planes: planes * STD,
    "moved by two pixels": lambda planes: np.roll(planes, 2, axis=2),
    "upside down": lambda planes: planes[:, ::-1],
    "brighter": lambda planes: planes + np.float32(5 / STD),
    "nothing": lambda planes: planes * 0,
    "not a number": lambda planes: planes * np.float32(np.nan),
    "another shape": lambda planes: planes[:, :-1],
    "another dtype": lambda planes: planes.astype(np.float64),
}


class TestCheck:
    @pytest.mark.parametrize("mistake", MISTAKES)
    def test_finds_mistakes(self, mistake: str) -> None:
        task = make_task()
        for form in make_forms(task, 1):
            if form.tolerance is not None:
                with pytest.raises(
                    BenchmarkError, match=rf"small part -> 54x96: {form.contestant}"
                ):
                    check(task, spoiled(form, MISTAKES[mistake]), 1)

    def test_torch_is_held_to_a_thousandth(self) -> None:
        pytest.importorskip("torch")
        task = make_task()
        form = by_name(make_forms(task, 1))["torch: float32"]

        def one_pixel(by: float) -> Form:
            def spoil(planes: np.ndarray) -> np.ndarray:
                planes[1, 20, 30] += by * 255 / STD
                return planes

            return spoiled(form, spoil)

        check(task, one_pixel(0.0009), 1)
        with pytest.raises(BenchmarkError, match=r"torch \(float32\): expected our picture"):
            check(task, one_pixel(0.0011), 1)

    def test_nobody_is_timed_on_a_wrong_kernel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = contestants.crop_resize

        def mirrored(*arguments: object, out: np.ndarray, **options: object) -> None:
            real(*arguments, out=out, **options)
            out[:] = out[..., ::-1].copy()

        monkeypatch.setattr(contestants, "crop_resize", mirrored)
        with pytest.raises(BenchmarkError, match="expected our picture"):
            run_task(make_task(), 1, 1, np.random.default_rng(0))


class TestTiming:
    def test_everyone_has_one_turn_a_round_in_a_drawn_order(self) -> None:
        turns: list[int] = []
        runs = [lambda k=k: turns.append(k) for k in range(5)]
        times = measure(runs, 8, np.random.default_rng(0), warmup=2, pause_s=0)
        rounds = [tuple(turns[k : k + 5]) for k in range(0, len(turns), 5)]
        assert len(rounds) == 10
        assert all(sorted(each) == list(range(5)) for each in rounds)
        assert len(set(rounds)) > 5
        assert len(times) == 5

    def test_warm_up_does_not_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = [0.0]
        costs = iter([9.0, 1.0, 5.0, 2.0])  # seconds; the first is the warm-up's

        def work() -> None:
            clock[0] += next(costs)

        monkeypatch.setattr("benchmarks.kernel.timing.time.perf_counter", lambda: clock[0])
        (times,) = measure([work], 3, np.random.default_rng(0), warmup=1, pause_s=0)
        assert times == (2000.0, 1000.0)

    def test_the_fastest_form_counts(self) -> None:
        result = run_task(make_task(), 1, 3, np.random.default_rng(0))
        assert list(result.forms) == CONTESTANTS
        for name, forms in result.forms.items():
            fastest = min(times.median_ms for times in forms.values())
            assert getattr(result.row, f"{name}_ms") == fastest > 0
        assert (result.row.device, result.row.size, result.scale) == ("cpu", "54x96", 96 / 280)

    def test_without_those_that_are_optional(self, monkeypatch: pytest.MonkeyPatch) -> None:
        absent = {name: f"no_{name}" for name in contestants.PACKAGES}
        monkeypatch.setattr(contestants, "PACKAGES", absent)
        with threads_of_others(1):
            row = run_task(make_task(), 1, 1, np.random.default_rng(0)).row
        assert (row.pillow_ms, row.torch_ms, row.kornia_ms) == (None, None, None)
        assert row.antialiased_ratio == row.opencv_ms / row.ours_ms


def make_result(scale: float, ours_ms: float, **others_ms: float | None) -> Result:
    times: dict[str, float | None] = {"opencv_ms": 40.0, "blob_ms": 10.0, "pillow_ms": 50.0}
    times |= {"torch_ms": 60.0, "kornia_ms": 30.0, "copy_ms": 1.0, "ours_ms": ours_ms} | others_ms
    row = Row("1080p", "whole", "256x448", "cpu", **times, isa="avx2", instructions_per_pixel=None)  # type: ignore[arg-type]
    return Result(row, scale, {})


AS_FAST, TWICE, KORNIA, BLOB, HALF_BLOB = range(5)


class TestGoals:
    @pytest.mark.parametrize(
        ("goal", "result", "held"),
        [
            (AS_FAST, make_result(0.3, 40.0), "1 of 1"),
            (AS_FAST, make_result(0.3, 40.1), "0 of 1"),
            (TWICE, make_result(0.3, 20.0), "1 of 1"),
            (TWICE, make_result(0.3, 20.1), "0 of 1"),
            (TWICE, make_result(0.3, 20.0, torch_ms=39.0), "0 of 1"),
            (TWICE, make_result(0.3, 20.0, torch_ms=None, pillow_ms=None), "1 of 1"),
            (KORNIA, make_result(1.0, 30.0), "1 of 1"),
            (KORNIA, make_result(1.0, 30.1), "0 of 1"),
            (BLOB, make_result(0.51, 10.0), "1 of 1"),
            (BLOB, make_result(0.51, 10.1), "0 of 1"),
            (HALF_BLOB, make_result(0.5, 20.0), "1 of 1"),
            (HALF_BLOB, make_result(0.5, 20.1), "0 of 1"),
        ],
    )
    def test_bounds(self, goal: int, result: Result, held: str) -> None:
        assert f": {held} rows (least: " in GOALS[goal].line([result])

    def test_names_the_worst_row(self) -> None:
        worst = make_result(0.3, 32.0)
        line = GOALS[TWICE].line([make_result(0.3, 8.0), worst])
        assert line.endswith("1 of 2 rows (least: 1.25x, 1080p whole -> 256x448).")

    def test_scales_that_do_not_occur(self) -> None:
        assert GOALS[BLOB].line([make_result(0.5, 1.0)]).endswith("no such row.")
        assert GOALS[HALF_BLOB].line([make_result(0.6, 1.0)]).endswith("no such row.")
        assert GOALS[KORNIA].line([make_result(0.9, 1.0)]).endswith("no such row.")
        assert GOALS[KORNIA].line([make_result(1.5, 1.0, kornia_ms=None)]).endswith("no such row.")


def test_rows_are_those_of_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FRAMES", {"tiny": (480, 420)})
    monkeypatch.setattr(tasks, "SIZES", ((30, 40),))
    assert [task.title for task in make_tasks(0)] == [
        "tiny whole -> 30x40",
        "tiny 400x400 -> 30x40",
    ]
