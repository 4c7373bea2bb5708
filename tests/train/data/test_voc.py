"""VOC's layout: what its lists and XML files say, in pixels that are counted from 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdk.errors import InputError
from train.data.boxes import read_boxes

OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult>
<bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"""


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """The folder of a year with two images, of which one is listed."""
    for name in ("Annotations", "ImageSets/Main"):
        (tmp_path / name).mkdir(parents=True)
    write(tmp_path, "000001", [("sofa", 0, (1, 1, 60, 40)), ("cow", 1, (5, 5, 9, 9))])
    write(tmp_path, "000002", [("bird", 0, (1, 1, 2, 2))])
    (tmp_path / "ImageSets/Main/trainval.txt").write_text("000001  1\n\n")
    return tmp_path


def write(folder: Path, name: str, objects: list[tuple]) -> None:
    said = "".join(
        OBJECT.format(*box, name=kind, difficult=difficult) for kind, difficult, box in objects
    )
    (folder / "Annotations" / f"{name}.xml").write_text(
        f"<annotation><filename>{name}.jpg</filename><size><width>60</width><height>40</height>"
        f"</size>{said}</annotation>"
    )


def test_boxes_of_the_listed_images(voc) -> None:
    known = read_boxes(voc / "ImageSets/Main/trainval.txt")
    ((name, (box,)),) = known.images.items()
    assert (name, box.category, box.xyxy) == ("000001.jpg", "sofa", (0.0, 0.0, 60.0, 40.0))
    assert known.categories == ("cow", "sofa")
    (problem,) = known.problems
    assert problem.reason.startswith("difficult")


def test_entries_that_cannot_be_used_are_counted(voc) -> None:
    write(
        voc,
        "000001",
        [("cow", 0, (1, 1, 9, 9)), ("cow", 0, ("a", 1, 9, 9)), ("cow", 0, (70, 1, 90, 9))],
    )
    known = read_boxes(voc / "ImageSets/Main/trainval.txt")
    assert known.count == 1
    assert len(known.problems) == 2


def test_files_that_are_missing_or_damaged(voc) -> None:
    listed = voc / "ImageSets/Main/trainval.txt"
    (voc / "Annotations/000001.xml").write_text("<annotation>")
    with pytest.raises(InputError, match=r"expected VOC's XML in .*000001.xml"):
        read_boxes(listed)
    listed.write_text("000003\n")
    with pytest.raises(InputError, match=r"cannot read .*000003.xml"):
        read_boxes(listed)
