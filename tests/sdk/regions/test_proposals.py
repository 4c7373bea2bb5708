"""What a detector proposes, checked."""

from __future__ import annotations

import numpy as np
import pytest

from sdk.errors import InputError
from sdk.regions.proposals import Proposals

BOXES = [[10, 20, 30, 40], [0, 0, 5, 5], [7, 7, 7, 9]]
SCORES, LABELS, NAMES = [0.9, 0.5, 0.1], [1, 0, 1], ("car", "bus")


def made(xyxy=BOXES, scores=SCORES, labels=LABELS, names=NAMES):
    return Proposals(xyxy, scores, labels, names)


def test_arrays_have_their_types():
    found = made()
    assert found.xyxy.dtype == found.scores.dtype == np.float32
    assert found.labels.dtype == np.int64
    assert found.xyxy.shape == (3, 4)
    assert len(found) == 3
    assert [found.label(k) for k in range(3)] == ["bus", "car", "bus"]


def test_take():
    some = made().take([0, 2])
    assert some.scores.tolist() == pytest.approx([0.9, 0.1])
    assert some.names == NAMES
    assert len(made().take([])) == 0
    assert len(made().take(np.array([True, False, False]))) == 1
    with pytest.raises(InputError, match="best score first"):
        made().take([2, 0])


def test_none_at_all():
    none = Proposals.empty(["car"])
    assert len(none) == 0
    assert none.xyxy.shape == (0, 4)
    assert none.names == ("car",)
    assert len(none.take([])) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xyxy": [[1, 2, 3]] * 3}, r"boxes of shape \(N, 4\), got \(3, 3\)"),
        ({"xyxy": [[1, 2, 0, 4]] * 3}, "x1 <= x2"),
        ({"xyxy": [[1, 2, np.nan, 4]] * 3}, "finite"),
        ({"xyxy": [["a"] * 4] * 3}, "boxes of numbers"),
        ({"scores": [0.9, 0.5]}, r"scores of shape \(3,\), got \(2,\)"),
        ({"scores": [1.1, 0.5, 0.1]}, r"0\.\.1"),
        ({"scores": [np.nan, 0.5, 0.1]}, r"0\.\.1"),
        ({"scores": [0.5, 0.9, 0.1]}, "best score first"),
        ({"labels": [0, 1, 2]}, "labels of 0 to 1.*2 classes, got 0 to 2"),
        ({"labels": [0, -1, 1]}, "labels of 0 to 1"),
        ({"labels": [0.0, 1.0, 1.0]}, "whole numbers"),
        ({"labels": [[0, 1, 0]]}, r"labels of shape \(3,\)"),
        ({"names": ()}, "0 classes"),
        ({"names": ("car", 7)}, "as texts"),
    ],
)
def test_everything_else_is_an_input_error(changes, message):
    with pytest.raises(InputError, match=message):
        made(**changes)
