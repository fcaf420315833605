"""The page of predicted subtypes, and the order of doubt."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from napari_all.errors import UsageError
from napari_all.types import Prediction, Status
from napari_all.workflows.classify_report import as_html, write_report
from napari_all.workflows.run_record import InputRecord, RunRecord
from napari_all.workflows.status_words import STATUS_TEXT, signed, sureness
from napari_all.workflows.thumbnails import THUMBNAIL_PX, as_jpeg, thumbnail


def prediction(status: Status, confidence: float) -> Prediction:
    rest = (1 - confidence) / 3
    return Prediction("Pre-B", status, confidence, (rest, rest, confidence, rest), "<net>", "ab" * 32, 0.5)


def entry(name: str, found: Prediction | None, **facts: object) -> InputRecord:
    return InputRecord.parse({"image": name, "status": "done" if found else "failed", "prediction": found, **facts})


RECORD = RunRecord(
    command="classify",
    started="2026-01-01T00:00:00+00:00",
    settings={"model": None, "tta": True},
    inputs=[
        entry("sure.png", prediction("confident", 0.9)),
        entry("surer.png", prediction("confident", 0.99)),
        entry("sub/<odd> & name.png", prediction("unfamiliar", 0.99)),
        entry("doubt.png", prediction("review", 0.5), cam_in_cells=0.25),
        entry("broken.png", None, error="cannot be read"),
        InputRecord(image="later.png"),
    ],
)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += f"{data} "


def test_the_page_is_whole_and_needs_no_other_file() -> None:
    page = Page(as_html(RECORD, {"sure.png": as_jpeg(np.zeros((8, 8, 3), np.uint8))}))
    assert page.open == []
    assert len(page.sources) == 1
    assert page.sources[0].startswith("data:image/jpeg;base64,")
    for words in (
        "For research use only.", "predicted subtype", "sub/<odd> & name.png", "model <net> on cpu", "ab" * 32,
        "tta = True", "broken.png: cannot be read", "1 failed", "1 were not looked at", RECORD.software,
    ):  # fmt: skip
        assert words in page.said
    assert "diagnosis" not in page.said.lower()


def test_the_least_sure_images_come_first() -> None:
    text = as_html(RECORD, {})
    names = ["name.png", "doubt.png", "sure.png", "surer.png"]
    assert sorted(names, key=text.index) == names
    judged = [None, *(prediction(s, c) for s in ("unfamiliar", "review", "confident") for c in (0.3, 1.0))]
    assert sorted(judged, key=sureness) == judged
    assert {signed(status)[0] for status in STATUS_TEXT} == set("✔?⚠")


@pytest.mark.parametrize("shape", [(224, 224), (40, 30), (1000, 10)])
def test_a_thumbnail_is_the_whole_image_in_a_square(shape: tuple[int, int]) -> None:
    small = thumbnail(np.full((*shape, 3), (200, 10, 90), np.uint8))
    assert small.shape == (THUMBNAIL_PX, THUMBNAIL_PX, 3)
    rows, columns = np.nonzero((small == (200, 10, 90)).all(axis=2))
    scale = min(1.0, THUMBNAIL_PX / max(shape))
    assert np.ptp(rows) + 1 == max(1, round(shape[0] * scale))
    assert np.ptp(columns) + 1 == max(1, round(shape[1] * scale))


def test_a_page_has_a_pages_ending(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must end with \.html"):
        write_report(tmp_path / "page.csv", RECORD, {})
    write_report(tmp_path / "page.html", RECORD, {})
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
