"""The log: lines come back, torn ones are skipped, altered and lost ones are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_all.errors import ProjectError
from napari_all.project.change import Change, PlaneDiff, ValueChange
from napari_all.project.log_file import Place, Tail, append_lines, read_line, read_log
from napari_all.project.log_lines import Changed, Event, change_of, line_of, parse_line


def events(path: Path, *texts: str) -> Tail:
    tail = read_log(path).tail
    return append_lines(path, tail, [Event(n=tail.n + 1 + i, text=text) for i, text in enumerate(texts)])[0]


def texts(path: Path) -> list[str]:
    return [line.found["text"] for line in read_log(path).lines]


def test_lines_come_back_in_order_and_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a.jsonl"
    tail, places = append_lines(path, Tail(), [Event(n=1, text="ä"), Event(n=2, text=', "chain": "x"}')])
    assert tail == read_log(path).tail
    assert [read_line(path, place)["text"] for place in places] == ["ä", ', "chain": "x"}']
    assert [line.place for line in read_log(path).lines] == places
    assert parse_line(Event, read_line(path, places[0])).text == "ä"
    with pytest.raises(ProjectError, match="changed by another program"):
        read_line(path, Place(3, 10))


def test_a_log_cut_anywhere_keeps_all_whole_lines_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    events(path, "one", "two", "three")
    whole = path.read_bytes()
    ends = [i for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in sorted({*range(0, len(whole), 7), *ends, *(end + 1 for end in ends)} - {len(whole)}):
        path.write_bytes(whole[:cut])
        kept = sum(cut >= end for end in ends)
        assert texts(path) == ["one", "two", "three"][:kept]
        assert read_log(path).torn == (cut not in ends and cut not in [0, *[end + 1 for end in ends]])
        events(path, "after")
        content = read_log(path)
        assert texts(path) == [*["one", "two", "three"][:kept], "after"]
        assert content.gaps == 0
        assert content.tail.size == path.stat().st_size


@pytest.mark.parametrize("damage", ["alter", "lose"])
def test_a_line_altered_or_lost_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.jsonl"
    events(path, "one", "two", "three", "four")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"two", b"TWO") if damage == "alter" else b""
    path.write_bytes(b"".join(lines))
    content = read_log(path)
    assert texts(path) == ["one", "three", "four"]
    assert content.gaps == 1


def test_what_a_failed_append_left_is_replaced_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    tail = events(path, "one")
    with path.open("ab") as stream:  # a disk that was full after one line and a half
        stream.write(b'{"prev": "x", "n": 2}\n{"prev"')
    append_lines(path, tail, [Event(n=2, text="two")])
    assert texts(path) == ["one", "two"]
    assert read_log(path).torn == 0


diffs = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), max_size=30)


@given(diffs, st.integers(0, 5))
def test_a_change_is_the_same_after_a_journey_through_json(strokes: list[tuple[int, int]], start: int) -> None:
    places = np.array([place for place, _ in strokes], np.int64)
    new = np.array([value for _, value in strokes], np.int32)
    plane = np.full(100, start, np.int32)
    before = []
    for place, value in strokes:  # a brush passes the same pixels several times
        before.append(plane[place])
        plane[place] = value
    diff = PlaneDiff.of("labels", places, np.array(before, np.int32), new)
    change = Change("paint", (diff,), (ValueChange("cell_class", None, "blast", 3),), 3, "me", "now", undoes=4)
    line = Changed.model_validate_json(line_of(change, 7).model_dump_json())
    again = change_of(line)
    assert line.n == 7
    assert (again.tool, again.values, again.cell, again.who, again.when, again.undoes) == (
        "paint", change.values, 3, "me", "now", 4,
    )  # fmt: skip
    done = np.full(100, start, np.int32)
    done[again.planes[0].indices] = again.planes[0].after
    np.testing.assert_array_equal(done, plane)
    back = again.reversed().planes[0]
    done[back.indices] = back.after
    assert (done == start).all()


def test_a_damaged_change_is_refused() -> None:
    diff = PlaneDiff("labels", np.array([1]), np.array([0], "<i4"), np.array([2], "<i4"))
    line = line_of(Change("paint", (diff,)), 1)
    for data in ({"count": 2}, {"after": "AAAA"}, {"indices": "not base64"}):
        with pytest.raises(ProjectError, match="damaged"):
            change_of(line.updated(planes=(line.planes[0].updated(**data),)))
