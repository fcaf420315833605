"""A page of this program's own Markdown (headings, paragraphs, lists, tables, pictures) as one HTML file."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

_STYLE = """body{font:16px/1.5 sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0;font-size:.9rem}td,th{border:1px solid #ccc;padding:.3rem .6rem}
td{vertical-align:top}th{background:#f3f3f3;text-align:left}img{max-width:100%}code{background:#f3f3f3}"""


def as_page(markdown: str) -> str:
    """Return the page; pictures are linked by the names that the Markdown gives them."""
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", markdown.strip())]
    body = "\n".join(line for block in blocks for line in _block(block))
    heading = re.search(r"^# (.+)$", markdown, re.MULTILINE)
    title = html.escape(heading.group(1)) if heading else "napari-all"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _block(lines: Sequence[str]) -> Iterator[str]:
    first = lines[0]
    heading, picture = re.match(r"(#+) (.*)", first), re.fullmatch(r"!\[(.*)\]\((.*)\)", first)
    if heading:
        level = len(heading.group(1))
        yield f"<h{level}>{_words(heading.group(2))}</h{level}>"
        if lines[1:]:
            yield from _block(lines[1:])
    elif picture:
        yield f'<p><img src="{html.escape(picture.group(2))}" alt="{html.escape(picture.group(1))}"></p>'
    elif first.startswith("|"):
        yield from _table(lines)
    elif first.startswith("- "):
        yield f"<ul>{''.join(f'<li>{_words(line[2:])}</li>' for line in lines)}</ul>"
    else:
        yield f"<p>{_words(' '.join(lines))}</p>"


def _table(lines: Sequence[str]) -> Iterator[str]:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    yield "<table>"
    yield f"<tr>{''.join(f'<th>{_words(cell)}</th>' for cell in rows[0])}</tr>"
    for row in rows[2:]:
        yield f"<tr>{''.join(f'<td>{_words(cell)}</td>' for cell in row)}</tr>"
    yield "</table>"


def _words(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
