"""The words of every command, frozen: a flag that people type does not change unnoticed.

``python tests/test_flags.py`` writes the list anew, for a change that is meant.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from sdk import cli

LIST = Path(__file__).with_name("flags.txt")
RENEW = f"meant? python tests/{Path(__file__).name} writes tests/{LIST.name} anew"


def commands() -> Iterator[tuple[str, str, str]]:
    """What stands before the flags (``piza train tune``), the package, the command's name."""
    prefixes = dict.fromkeys(cli._TOP, "piza")
    prefixes |= {package: f"piza {group}" for group, package in cli._GROUPS.items()}
    for package, prefix in prefixes.items():
        for name in cli._table(package).COMMANDS:
            yield f"{prefix} {name}", package, name


def spelled(action: argparse.Action) -> str:
    """An argument as it is typed: all its spellings, and what may follow it."""
    words = [" ".join(action.option_strings) or str(action.metavar or action.dest)]
    if action.nargs is not None:
        words.append("(no value)" if action.nargs == 0 else f"(nargs {action.nargs})")
    if action.choices is not None:
        words.append("{" + ",".join(map(str, action.choices)) + "}")
    if action.option_strings and action.required:
        words.append("(required)")
    return " ".join(words)


def flags() -> list[str]:
    """One line an argument, of all commands: first those that are told by their order."""
    lines = []
    for typed, package, name in commands():
        parser = argparse.ArgumentParser(typed, add_help=False)
        cli._add_arguments(package, name, parser)
        placed = [spelled(each) for each in parser._actions if not each.option_strings]
        named = [spelled(each) for each in parser._actions if each.option_strings]
        lines += [f"{typed} {words}" for words in [*placed, *sorted(named)]] or [typed]
    return lines


def test_no_flag_changes_unnoticed() -> None:
    stored, found = LIST.read_text(encoding="utf-8").splitlines(), flags()
    gone = [f"- {line}" for line in stored if line not in found]
    new = [f"+ {line}" for line in found if line not in stored]
    assert stored == found, "\n".join([RENEW, *(gone + new or ["the order of arguments"])])


def test_every_spelling_is_told_apart() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("source", nargs="?", metavar="FOLDER")
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--fit", choices=("a", "b"))
    parser.add_argument("--json", action="store_true")
    assert [spelled(action) for action in parser._actions] == [
        "FOLDER (nargs ?)",
        "-o --out (required)",
        "--fit {a,b}",
        "--json (no value)",
    ]


if __name__ == "__main__":
    LIST.write_text("\n".join(flags()) + "\n", encoding="utf-8")
    print(f"wrote {LIST}")
