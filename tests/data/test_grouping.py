"""Held-out groups: whole, on both sides, enough, and the same ones again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_all.data.grouping import hold_out, look_up, read_column
from napari_all.errors import UsageError

names = st.sampled_from("abcdefghijklmnop")
many = st.lists(names, min_size=2, max_size=60).filter(lambda groups: len(set(groups)) > 1)
shares = st.floats(0.01, 0.99)
seeds = st.integers(0, 5)


def sides(groups: list[str], held: list[bool]) -> tuple[set[str], set[str]]:
    return (
        {g for g, out in zip(groups, held, strict=True) if not out},
        {g for g, out in zip(groups, held, strict=True) if out},
    )


@given(many, shares, seeds)
def test_groups_stay_whole_on_two_sides_and_reach_the_share(groups, share, seed):
    held = hold_out(groups, share, seed)
    train, validation = sides(groups, held)
    assert train
    assert validation
    assert not train & validation
    assert sum(held) >= share * len(groups) or len(train) == 1
    assert len(validation) == 1 or sum(held) - max(groups.count(g) for g in validation) < share * len(groups)


@given(many, shares, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(groups, share, seed, random):
    shuffled = random.sample(groups, len(groups))
    assert sides(groups, hold_out(groups, share, seed)) == sides(shuffled, hold_out(shuffled, share, seed))


@given(many, st.lists(names, max_size=30), shares, seeds)
def test_images_added_later_never_exchange_groups(groups, added, share, seed):
    _, before = sides(groups, hold_out(groups, share, seed))
    _, after = sides(groups + added, hold_out(groups + added, share, seed))
    after &= set(groups)
    assert before <= after or after <= before


@given(many, many, shares, seeds)
def test_a_second_folder_follows_the_first(first, second, share, seed):
    settled = dict(zip(first, hold_out(first, share, seed), strict=True))
    held = hold_out(second, share, seed, settled)
    for group, out in zip(second, held, strict=True):
        assert settled.setdefault(group, out) == out
    assert sum(held) >= share * len(second) or not all(held)


def test_one_group_alone_is_refused_unless_settled_elsewhere():
    with pytest.raises(UsageError, match="at least two groups"):
        hold_out(["a", "a"], 0.2)
    assert hold_out(["a", "a"], 0.2, settled={"a": False, "b": True}) == [False, False]
    assert hold_out(["a", "a"], 0.2, settled={"a": True}) == [True, True]


def test_other_seeds_hold_other_groups():
    groups = [f"patient {n}" for n in range(20)]
    assert len({tuple(hold_out(groups, 0.2, seed)) for seed in range(5)}) > 3


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "groups.csv"
    path.write_text("\ufeffimage,group\na/x.png,1\nb/x.png,2\nb/y.png,3\n", encoding="utf-8")
    return path


def test_a_row_is_found_by_path_or_by_bare_name(table):
    found = read_column(table, "group")
    assert look_up(["a/x.png", "b/x.png", "y.png", "c/y.png"], found, "groups.csv") == ["1", "2", "3", "3"]
    with pytest.raises(UsageError, match=r"several rows for x\.png"):
        look_up(["x.png"], found, "groups.csv")
    with pytest.raises(UsageError, match=r"no row for 2 images \(z\.png"):
        look_up(["y.png", "z.png", "w.png"], found, "groups.csv")
    assert look_up(["x.png"], {"a/x.png": "1", "b/x.png": "1"}, "groups.csv") == ["1"]


def test_tables_that_cannot_be_used(table, tmp_path):
    with pytest.raises(UsageError, match="has the columns image, group; needed are 'image' and 'patient'"):
        read_column(table, "patient")
    table.write_bytes(b"image,group\n\xff\xfe,1\n")
    with pytest.raises(UsageError, match=r"cannot read the table groups\.csv"):
        read_column(table, "group")
    with pytest.raises(UsageError, match=r"cannot read the table none\.csv"):
        read_column(tmp_path / "none.csv", "group")
    table.write_text("file,part\na.png,val\nb.png\n")
    assert look_up(["a.png"], read_column(table, "part"), "split.csv") == ["val"]
    with pytest.raises(UsageError, match=r"no row for 1 images \(b\.png"):
        look_up(["b.png"], read_column(table, "part"), "split.csv")
