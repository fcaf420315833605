"""Replace what a script writes into a page that people write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_all.files import write_bytes


def replace_marked(page: Path, name: str, lines: Sequence[str]) -> None:
    """Replace the lines between the marks `<!-- {name} -->` and `<!-- end {name} -->` of a page."""
    text = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
    before, _, rest = text.partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise ValueError(f"{page.name} lacks the marks {begin.strip()} and {end}; put them where the tables belong")
    write_bytes(page, "".join((before, begin, "\n".join(lines), "\n", end, after)).encode())
