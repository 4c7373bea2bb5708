"""``piza train near-misses`` with the bundled engine, on two scenes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sdk.geometry import iou
from train.__main__ import main
from train.commands.near_misses import error_of
from train.data.near_misses import read_near_misses

ENGINE = Path(__file__).resolve().parents[3] / "assets" / "piza-tiny" / "engine"


def test_what_an_engine_misses(tmp_path: Path, capsys) -> None:
    """The file is the same in one go, and of a run that was killed in the middle of a line."""
    few = ["--scenes-dir", str(tmp_path / "scenes"), "--rounds", "1", "--threads", "1"]
    few += ["--least-error", "0.02"]

    def ask(name: str, scenes: int, *more: str) -> int:
        out = ["--scenes", str(scenes), "-o", str(tmp_path / name)]
        return main(["near-misses", str(ENGINE), *few, *out, *more])

    assert ask("whole", 2) == 0
    assert "sentences about 2 scenes" in capsys.readouterr().out
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "part").write_bytes(whole[: whole.index(b"\n", whole.index(b"\n") + 1) + 40])
    assert ask("part", 2) == 0
    assert (tmp_path / "part").read_bytes() == whole
    assert ask("part", 2, "--seed", "1") == 2
    assert "it was made with seed 0 (now 1)" in capsys.readouterr().err
    (tmp_path / "other").write_text("nothing of ours\n")
    assert ask("other", 2) == 2
    assert (tmp_path / "other").read_text() == "nothing of ours\n"

    known = read_near_misses(tmp_path / "whole")
    assert known.about["engine"].startswith("piza-tiny@")
    for each in known.asked:
        assert 0 < len(each.misses) <= each.sentences
        refs = [miss.ask.ref for miss in each.misses]
        assert len(set(refs)) == len(refs)
        for miss in each.misses:
            assert 0.02 <= miss.error <= 1
            assert miss.progress > 0  # the last look is a closer one


def test_scenes_beyond_those_to_train_on(tmp_path: Path, capsys) -> None:
    out = tmp_path / "near.jsonl"
    assert main(["near-misses", str(ENGINE), "--scenes", "600001", "-o", str(out)]) == 2
    assert "at most 600000 scenes" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("xyxy", "target", "error"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 9), 0.25),
        ((0, 0, 10, 10), (0, 0, 10, 4), 1.0),
        ((0, 0, 10, 10), None, 0.75),
        (None, (0, 0, 10, 4), 1.0),
        (None, None, 0.75),
    ],
)
def test_how_far_from_sure_and_right(xyxy, target, error: float) -> None:
    box = None if xyxy is None else np.array(xyxy, np.float32)
    assert box is None or target is None or (iou(box, target) >= 0.5) == (error < 1)
    assert error_of(SimpleNamespace(xyxy=box, score=0.75), target) == error
