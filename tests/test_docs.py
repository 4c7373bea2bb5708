"""What README and docs/ point at is there: links, commands, flags, files; README stays short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.report.markdown import BEGIN, END
from sdk import cli

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = (README, ROOT / "assets" / "piza-tiny" / "README.md", *sorted((ROOT / "docs").glob("*.md")))
MOST_WORDS = 1500
FLAGS = (ROOT / "tests" / "flags.txt").read_text(encoding="utf-8").splitlines()

LINK = re.compile(r"\]\(([^)\s]+)\)")
TEST = re.compile(r"\btests/[\w/.+-]*\w")
COMMAND = re.compile(
    r"(?:(piza) |python -m (sdk|export|train|benchmarks) )([a-z][\w|-]*)([^`\n#]*)"
)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in headings}


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pages
def test_named_tests_exist(page: Path) -> None:
    for path in TEST.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), path


def prefixes(piza: str, package: str, names: str, options: str) -> list[str]:
    """What begins the lines of a command in the list of flags; of ``a|b`` one for each."""
    groups = {package: f"piza {group} " for group, package in cli._GROUPS.items()}
    if piza and names in cli._GROUPS:
        return [f"piza {names} {options.split()[0]}"]
    return [groups.get(package, "piza ") + name for name in names.split("|")]


@pages
def test_commands_and_their_flags_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for found in COMMAND.findall(text):
        for typed in prefixes(*found):
            lines = [line.split(" ") for line in FLAGS if f"{line} ".startswith(f"{typed} ")]
            assert lines or typed.endswith("NAME"), typed
            for flag in re.findall(r"(?<=\s)--?[a-z][\w-]*", re.sub(r'"[^"]*"', "", found[3])):
                assert any(flag in words for words in lines), f"{typed} {flag}"


def test_the_readme_is_short_and_has_a_place_for_the_table() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.split()) < MOST_WORDS
    assert text.count(BEGIN) == text.count(END) == 1
