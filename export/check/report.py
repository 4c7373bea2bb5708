"""Findings in words, and as JSON."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from export.check.checking import Finding

HEADINGS = ("network", "rule", "node", "what to do")
WIDTH = 100  # of a terminal that does not tell
LONGEST = 36  # of a name in the table


def table(found: Mapping[str, Sequence[Finding]]) -> list[str]:
    """A row a problem; nodes with the same problem share it. Every network has a line at least."""
    rows = [row for network, findings in found.items() for row in _rows(network, findings)]
    widths = [
        max(len(heading), *(len(row[column]) for row in rows))
        for column, heading in enumerate(HEADINGS[:-1])
    ]
    indent = sum(widths) + 2 * len(widths)
    room = max(shutil.get_terminal_size((WIDTH, 24)).columns - indent, 24)
    lines = []
    for row in (HEADINGS, *rows):
        start = "".join(f"{text:{width}}  " for text, width in zip(row, widths, strict=False))
        lines += textwrap.wrap(
            row[-1],
            indent + room,
            initial_indent=start,
            subsequent_indent=" " * indent,
            break_long_words=False,
        )
    return lines


def write_json(path: Path, found: Mapping[str, Sequence[Finding]]) -> None:
    """Writes ``{"findings": [{"rule", "network", "node", "advice"}]}``, in one step."""
    record = {"findings": [asdict(each) for findings in found.values() for each in findings]}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def _rows(network: str, findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    if not findings:
        return [(network, "-", "-", "nothing")]
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in findings:
        alike[each.rule, each.advice].append(each.node)
    return [(network, rule, _names(nodes), advice) for (rule, advice), nodes in alike.items()]


def _names(nodes: Sequence[str]) -> str:
    first = nodes[0] if len(nodes[0]) <= LONGEST else nodes[0][: LONGEST - 3] + "..."
    return first if len(nodes) == 1 else f"{first} +{len(nodes) - 1}"
