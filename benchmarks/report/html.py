"""The report as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from html import escape
from pathlib import Path

from benchmarks.report.document import Document, Goal, Picture, Section, Table, Tile
from benchmarks.report.svg import color_rules

_STYLE = Path(__file__).with_name("page.css")
_VERDICTS = {True: ("met", "met"), False: ("missed", "not met"), None: ("open", "not measured")}


def page(document: Document) -> str:
    """The whole file; shown light or dark as the reader's system is."""
    links = "".join(f'<a href="#{s.name}">{escape(s.title)}</a>' for s in document.sections)
    body = [
        f"<header><h1>{escape(document.title)}</h1><p>{escape(document.date)}</p></header>",
        *(f'<p class="remark">{escape(each)}</p>' for each in document.remarks),
        f'<div class="tiles">{"".join(map(_tile, document.tiles))}</div>',
        f"<nav>{links}</nav>",
        '<section class="goals"><h2>Goals</h2>' + _goals(document.goals) + "</section>",
        *map(_section, document.sections),
        "<section><h2>Measured on</h2>" + _machine(document.machine) + "</section>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(document.title)}</title>\n<style>\n{color_rules()}\n"
        f"{_STYLE.read_text(encoding='utf-8')}</style></head>\n<body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def _tile(tile: Tile) -> str:
    return (
        f'<div class="tile"><span class="label">{escape(tile.label)}</span>'
        f'<span class="value">{escape(tile.value)}</span>'
        f'<span class="note">{escape(tile.note)}</span></div>'
    )


def _goals(goals: tuple[Goal, ...]) -> str:
    rows = []
    for goal in goals:
        kind, word = _VERDICTS[goal.met]
        measured = "" if goal.met is None else escape(goal.measured)
        rows.append(
            f"<tr><td>{escape(goal.what)}</td><td>{escape(goal.wanted)}</td><td>{measured}</td>"
            f'<td><span class="badge {kind}">{word}</span></td></tr>'
        )
    head = "<tr><th>goal</th><th>wanted</th><th>measured</th><th></th></tr>"
    return _scrolling(f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody>")


def _section(section: Section) -> str:
    return (
        f'<section id="{section.name}"><h2>{escape(section.title)}</h2>'
        + "".join(f"<p>{escape(each)}</p>" for each in section.text)
        + "".join(_picture(each, section.command) for each in section.pictures)
        + f'<div class="tables">{"".join(map(_table, section.tables))}</div>'
        + f'<p class="command"><code>{escape(section.command)}</code></p></section>'
    )


def _picture(picture: Picture, command: str) -> str:
    return (
        f"<figure>{picture.svg}<figcaption>{escape(picture.title)} ·"
        f" <code>{escape(command)}</code></figcaption></figure>"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = []
    for k, row in enumerate(table.rows):
        mark = ' class="strong"' if k == table.strong else ""
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        rows.append(f"<tr{mark}>{cells}</tr>")
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    filled = _scrolling(f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>")
    return f"<div>{filled}{note}</div>"


def _machine(rows: tuple[tuple[str, str], ...]) -> str:
    cells = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return f"<dl>{cells}</dl>"


def _scrolling(table: str) -> str:
    return f'<div class="scroll"><table>{table}</table></div>'
