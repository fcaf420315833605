"""Order of the review, the next image, and what is left."""

from __future__ import annotations

import threading

import pytest

from napari_all.errors import UsageError
from napari_all.project.index import ImageEntry
from napari_all.project.order import ORDERS, next_image, next_left, progress, review_order
from napari_all.project.read_ahead import ReadAhead

ENTRIES = (
    ImageEntry(image="a", status="accepted", cells=3, uncertainty=0.1, predicted="Pro-B", confidence=0.9),
    ImageEntry(image="b", status="predicted", cells=9, uncertainty=0.4, quality="out of focus; text"),
    ImageEntry(image="c", flag=True),
    ImageEntry(image="d", status="in work", cells=0, uncertainty=0.2, predicted="Benign", confidence=0.8, quality=""),
    ImageEntry(image="e", status="excluded", cells=9, predicted="Benign", confidence=0.6, quality="thick"),
)


@pytest.mark.parametrize(
    ("order", "expected"),
    [("file", "abcde"), ("uncertainty", "bdace"), ("cells", "beadc"), ("subtype", "edabc"), ("quality", "beacd")],
)
def test_orders(order: str, expected: str) -> None:
    assert "".join(review_order(ENTRIES, order)) == expected  # type: ignore[arg-type]
    assert order in ORDERS


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(UsageError, match="choose one of 'cells'"):
        review_order(ENTRIES, "size")  # type: ignore[arg-type]


def test_next_and_previous_and_what_is_left() -> None:
    names = ("b", "d", "a", "c", "e")
    assert [next_image(names, "d", step) for step in (1, -1, 9, -9)] == ["a", "b", None, None]
    assert next_image(names, None) == "b"
    assert next_left(names, ENTRIES, "d") == "c"
    assert next_left(names, ENTRIES, "c") == "b"
    assert next_left(names, ENTRIES[:1], "b") is None
    found = progress(ENTRIES)
    assert (found.total, found.done, found.left, found.flagged) == (5, 2, 3, 1)
    assert found.by_status == {"accepted": 1, "predicted": 1, "none": 1, "in work": 1, "excluded": 1}


def test_reading_ahead_loads_once_and_keeps_few() -> None:
    loaded: list[str] = []
    gate = threading.Event()

    def load(name: str) -> str:
        gate.wait(5)
        loaded.append(name)
        return name.upper()

    ahead = ReadAhead(load, keep=2)
    ahead.ask(["a", "b"])
    gate.set()
    assert [ahead.get("a"), ahead.get("b"), ahead.get("a")] == ["A", "B", "A"]
    assert sorted(loaded) == ["a", "b"]
    ahead.get("c")
    ahead.get("a")
    assert sorted(loaded) == ["a", "b", "c"]
    ahead.close()


def test_what_failed_ahead_is_tried_again() -> None:
    answers = iter([ValueError("not yet"), "now"])

    def load(name: str) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ahead = ReadAhead(load)
    ahead.ask(["a"])
    ahead._pool.shutdown(wait=True)
    assert ahead.get("a") == "now"
