"""The picture of sampled zoom trajectories."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.geometry import contains
from sdk.visual.panels import FOUND, REJECTED, STEPS
from train.__main__ import main
from train.data.trajectory_picture import (
    CONTINUE,
    END,
    MOST_STEPS,
    Subject,
    sample_trajectory,
    trajectories_picture,
)

BOXES = np.array([[300.0, 200.0, 320.0, 230.0], [40.0, 60.0, 60.0, 90.0]])


@given(
    st.tuples(st.integers(2, 5000), st.integers(2, 4000)),
    st.tuples(*[st.floats(0, 1, width=32)] * 4),
    st.integers(0, 1000),
)
def test_trajectories_end_at_the_target(frame_wh, places, seed) -> None:
    size = np.maximum(1, np.array(frame_wh) * places[:2])
    start = (np.array(frame_wh) - size) * places[2:]
    target = np.concatenate([start, start + size])
    steps = sample_trajectory(target, frame_wh, np.random.default_rng(seed))
    assert 1 <= len(steps) <= MOST_STEPS
    np.testing.assert_array_equal(steps[0].window, [0, 0, *frame_wh])
    for step in steps:
        assert contains(step.window, target, 1e-6)
        assert contains(step.window, step.wanted, 1e-6)
    assert [step.label for step in steps[:-1]] == [CONTINUE] * (len(steps) - 1)
    assert steps[-1].label == END
    np.testing.assert_array_equal(steps[-1].wanted, target)


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((picture == colour).all(axis=-1).any())


def test_picture() -> None:
    frame = np.full((400, 640, 3), 90, np.uint8)
    subject = Subject(frame, BOXES, 0, "the red car")
    picture = trajectories_picture([subject, subject], 0)
    assert all(has(picture, colour) for colour in (FOUND, REJECTED, *STEPS[:2]))
    np.testing.assert_array_equal(picture, trajectories_picture([subject, subject], 0))
    assert not np.array_equal(picture, trajectories_picture([subject, subject], 1))
    assert len(trajectories_picture([subject], 0)) < len(picture)


@pytest.mark.parametrize("wh", [(640, 40), (40, 640), (3, 3)])
def test_frames_of_every_shape(wh: tuple[int, int]) -> None:
    """An object alone in it: there is no window that misses it."""
    frame = np.full((wh[1], wh[0], 3), 90, np.uint8)
    subject = Subject(frame, np.array([[1.0, 1.0, 3.0, 2.0]]), 0, "x" * 300)
    assert trajectories_picture([subject], 0).shape[2] == 3


def test_nothing_to_draw() -> None:
    assert trajectories_picture([], 0).shape[2] == 3


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_command(tmp_path: Path, suffix: str, capsys) -> None:
    path = tmp_path / f"picture.{suffix}"
    assert main(["trajectories", "-o", str(path), "--count", "1", "--seed", "5"]) == 0
    assert cv2.imread(str(path)).shape[1] > 1000
    assert "1 trajectories in" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options", [[], ["-o", "x.png", "--count", "0"], ["-o", "x", "--seed", "-1"]]
)
def test_bad_options(options: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["trajectories", *options])
    assert stopped.value.code == 2


def test_a_picture_that_cannot_be_written(tmp_path: Path, capsys) -> None:
    assert main(["trajectories", "-o", str(tmp_path / "x.txt"), "--count", "1"]) == 2
    assert "expected an image suffix" in capsys.readouterr().err
