"""What is asked in a benchmark."""

from __future__ import annotations

import pytest

from evaluation.questions import make_cases, make_workload, shuffled
from evaluation.scenes import expressions


def test_a_case_is_one_true_expression_of_its_scene() -> None:
    for case in make_cases(5, 900000):
        made = {e.ref: e for e in expressions(case.scene, case.scene.seed)}[case.ref]
        assert case.target_xyxy == case.scene.objects[made.target].xyxy
        assert case.needs_relation == made.needs_relation
        assert case.absent_ref != case.ref


def test_a_case_in_either_grammar() -> None:
    [plain], [rich] = make_cases(1, 900000), make_cases(1, 900000, "rich")
    assert (plain.ref, plain.absent_ref) != (rich.ref, rich.absent_ref)
    made = {e.ref: e for e in expressions(rich.scene, rich.scene.seed, grammar="rich")}[rich.ref]
    assert rich.target_xyxy == rich.scene.objects[made.target].xyxy


def test_the_same_seed_gives_the_same_cases() -> None:
    first, second = make_cases(4, 900010), make_cases(2, 900012)
    assert first[2:] == second
    assert len({case.ref for case in first}) == 4


def test_frames_are_pictures_of_the_scene() -> None:
    frame = make_cases(1, 900000)[0].frame()
    assert frame.shape == (1080, 1920, 3)
    assert frame.dtype == "uint8"


@pytest.mark.parametrize("count", [2, 3, 10, 101])
def test_shuffled_leaves_nothing_in_its_place(count: int) -> None:
    refs = [f"the object {k}" for k in range(count)]
    others = shuffled(refs, 5)
    assert sorted(others) == sorted(refs)
    assert all(a != b for a, b in zip(refs, others, strict=True))
    assert others == shuffled(refs, 5)
    assert count < 10 or others != shuffled(refs, 6)


def test_shuffled_of_one_or_none() -> None:
    assert shuffled([], 1) == []
    assert shuffled(["the only one"], 1) == ["the only one"]


def test_a_workload_asks_nothing_twice() -> None:
    workload = make_workload(41, 900000)
    refs = [ref for _, ref in workload.questions]
    assert len(refs) == len(set(refs)) == 41
    assert workload.frame_wh == (1920, 1080)
    assert 1 < len(workload.frames) < 41
    assert {k for k, _ in workload.questions} == set(range(len(workload.frames)))
    assert workload.questions[0][0] != workload.questions[1][0]
