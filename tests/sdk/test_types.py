"""What is accepted at run time is accepted by a type checker, README's and docs/' code first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

mypy = pytest.importorskip("mypy.api")

ROOT = Path(__file__).resolve().parents[2]

# What OpenCV gives, and NumPy's scalars, where options are numbers.
CALLS = """
import cv2
import numpy as np
from sdk import Grounder, Nv12, Start, Tracker, TrackPolicy
from sdk.replay.bundle import save_bundle

capture = cv2.VideoCapture(0)
read, frame = capture.read()
grounder = Grounder(threshold=np.float32(0.5), threads=np.int64(2))
g = grounder.locate(frame, "x", beam=np.int64(1), deadline_ms=np.float32(50))
again = grounder.locate(cv2.resize(frame, (64, 48)), "x", start=Start(g.xyxy))
several = grounder.locate(frame, ["x", "y"], deadline_ms=np.int64(50))
print(again.score, several[0].score, g.to_vision_msgs(stamp=(np.int64(1), np.uint32(2))))
cv2.imwrite("x.png", g.plot(frame))
g.save("x.jpg", frame)
save_bundle("x.zip", grounder, frame, g, beam=np.int64(1), deadline_ms=np.int64(50))
nv12 = Nv12(np.zeros((72, 64), np.uint8))
grounder.locate(nv12, "x").plot(nv12)
Tracker(grounder, ["x"]).update(nv12, 0.1)
Tracker(grounder, ["x"], policy=TrackPolicy()).update(frame, np.float64(0.1), deadline_ms=50)
with grounder.stream(0, "x", timeout_s=np.float32(5), reconnects=np.int64(0)) as stream:
    for each in stream:
        cv2.imshow("x", each.image)
"""


WRONG = """
from sdk import Grounder
Grounder().locate("a.jpg", 5, beam="2")
"""


def documented_code() -> str:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    first, *others = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(others) >= 2
    assert "cv2.imread" in first
    assert ".locate(" in first
    return "\n".join([first, 'ref = "the cyclist"', *others])


def test_programs_of_others(tmp_path):
    """One test, since mypy takes long: documented code, OpenCV's and NumPy's types, a mistake."""
    programs = {"documented": documented_code(), "calls": CALLS, "wrong": WRONG}
    for name, code in programs.items():
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    # Its client cannot stand beside what development needs.
    untyped = "[mypy-tritonclient.*]\nignore_missing_imports = true\n"
    (tmp_path / "none.ini").write_text(f"[mypy]\n{untyped}", encoding="utf-8")
    options = ["--strict", "--no-error-summary", "--follow-imports=silent"]
    options += [f"--config-file={tmp_path / 'none.ini'}"]
    options += [f"--cache-dir={ROOT / '.mypy_cache' / 'callers'}"]
    said, problems, _ = mypy.run([*options, *(str(tmp_path / f"{name}.py") for name in programs)])
    assert not problems
    found = {
        name: [line for line in said.splitlines() if f"{name}.py:" in line] for name in programs
    }
    assert found["documented"] == []
    assert found["calls"] == []
    assert "No overload variant" in found["wrong"][0]
