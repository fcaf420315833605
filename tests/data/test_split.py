"""Splits keep groups and overlapping fields apart, repeat the paper's counts, and survive a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_all.data.dataset import LabelledImage, find_labelled_images
from napari_all.data.split import (
    Split,
    grouped_folds,
    grouped_holdout,
    make_split,
    paper_split,
    random_folds,
    read_split,
    write_split,
)
from napari_all.errors import UsageError


def clustered() -> list[LabelledImage]:
    """Make 4 classes of 6 clusters of 10 images; neighbours across a cluster's end overlap."""
    return [
        LabelledImage(Path(f"{i}.png"), f"{i}.png", i // 60, f"cluster {i // 10}", (i + 1) // 2) for i in range(240)
    ]


def listed(*sizes: int) -> list[LabelledImage]:
    """Make a list of names with so many images of each class."""
    return [
        LabelledImage(Path(f"{c}/{i}.jpg"), f"{c}/{i:04}.jpg", c) for c, size in enumerate(sizes) for i in range(size)
    ]


def per_class(images: list[LabelledImage], split: Split) -> list[tuple[int, int, int]]:
    counted = [Counter(images[i].label for i in part) for part in (split.train, split.validation, split.test)]
    return [(counted[0][c], counted[1][c], counted[2][c]) for c in range(4)]


def test_the_papers_sizes_give_the_printed_counts() -> None:
    images = listed(504, 985, 963, 804)
    printed = [(323, 80, 101), (631, 157, 197), (616, 154, 193), (516, 128, 160)]
    assert per_class(images, paper_split(images)) == printed


def test_other_sizes_follow_the_rule() -> None:
    images = listed(503, 985, 963, 804)
    expected = [(322, 80, 101), (631, 157, 197), (616, 154, 193), (515, 128, 161)]
    assert per_class(images, paper_split(images)) == expected


@given(st.lists(st.integers(5, 40), min_size=1, max_size=4), st.integers(0, 5))
def test_the_papers_rule_for_any_sizes(sizes: list[int], seed: int) -> None:
    images = listed(*sizes)
    split = paper_split(images, seed)
    for n, (train, validation, test) in zip(sizes, per_class(images, split), strict=False):
        assert test == n - int(0.8 * n)
        assert validation == int(0.2 * (n - test))
        assert train == n - test - validation
    assert split == paper_split(images, seed)
    turned = paper_split(images[::-1], seed)
    assert turned.fingerprint == split.fingerprint, "the order of a listing decides nothing"


def test_the_seed_changes_who_is_tested_on() -> None:
    images = listed(50, 50, 50, 50)
    assert paper_split(images, 0).fingerprint != paper_split(images, 1).fingerprint


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_grouped_folds_share_no_group_and_train_on_nothing_that_overlaps(seed: int) -> None:
    images = clustered()
    folds = grouped_folds(images, seed=seed)
    assert sorted(i for fold in folds for i in fold.test) == list(range(240))
    assert any(fold.dropped for fold in folds)
    for fold in folds:
        assert sorted(fold.train + fold.validation + fold.test + fold.dropped) == list(range(240))
        assert {images[i].label for i in fold.train} == {images[i].label for i in fold.validation} == {0, 1, 2, 3}
        for part, others in ((fold.test, fold.train + fold.validation), (fold.validation, fold.train)):
            groups = {images[i].cluster for i in part}
            overlaps = {images[i].overlap_group for i in part}
            assert not any(images[i].cluster in groups or images[i].overlap_group in overlaps for i in others)
        held = {images[i].overlap_group for i in fold.test + fold.validation}
        assert all(images[i].overlap_group in held for i in fold.dropped)


def test_fold_seeds_give_other_folds() -> None:
    images = clustered()
    assert len({tuple(f.test for f in grouped_folds(images, seed=seed)) for seed in range(3)}) == 3


def test_a_grouped_holdout_is_one_of_the_folds() -> None:
    images = clustered()
    assert grouped_holdout(images, 1) in grouped_folds(images, seed=1)


def test_random_folds_keep_the_share_of_every_class_and_are_repeatable() -> None:
    images = clustered()
    folds = random_folds(images)
    assert sorted(i for fold in folds for i in fold.test) == list(range(240))
    assert all(n[2] == 12 and n[1] in (9, 10) for fold in folds for n in per_class(images, fold))
    assert all([sum(images[i].label == c for i in fold.test) for c in range(4)] == [12] * 4 for fold in folds)
    assert not any(fold.dropped for fold in folds)
    assert folds == random_folds(images)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: grouped_folds(listed(9, 9)), "table of groups"),
        (lambda: grouped_folds(clustered()[:10] + clustered()[60:120]), "Benign has 1 groups"),
        (lambda: grouped_folds(clustered(), folds=1), "folds = 1"),
        (lambda: random_folds(listed(3, 9)), "smallest class has 3 images"),
        (lambda: paper_split(listed(4, 9)), "Benign has 4 images"),
        (lambda: make_split("x", listed(3), train=[0], test=[0]), "in train and in test"),
        (lambda: make_split("x", listed(3), train=[3]), "image 3 of a dataset of 3"),
    ],
)
def test_what_cannot_be_split_is_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()


def test_a_split_survives_a_file_and_another_order_of_the_images(tmp_path: Path) -> None:
    images = clustered()
    split = grouped_holdout(images)
    write_split(tmp_path / "s.json", split, images)
    assert read_split(tmp_path / "s.json", images) == split
    turned = images[::-1]
    again = read_split(tmp_path / "s.json", turned)
    assert {turned[i].key for i in again.test} == {images[i].key for i in split.test}
    assert again.fingerprint == split.fingerprint


def elsewhere(stored: dict[str, Any]) -> None:
    stored.update(
        {part: [f"other/{key}" for key in stored[part]] for part in ("train", "validation", "test", "dropped")}
    )


def changed(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], str]:
    def text(stored: dict[str, Any]) -> str:
        change(stored)
        return json.dumps(stored)

    return text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (changed(lambda s: s["train"].append("x.png")), r"names 1 images that the folder does not hold \(x.png"),
        (changed(lambda s: s["train"].pop()), "says nothing of 1 images"),
        (changed(lambda s: s["test"].append(s["train"][0])), "in train and in test"),
        (changed(lambda s: s["train"].append(s["validation"].pop())), "changed since it was written"),
        (changed(elsewhere), "another dataset"),
        (changed(lambda s: s.update(validation=[])), "validation"),
        (changed(lambda s: s.update(extra=1)), "unknown setting 'extra'"),
        (lambda _: "[]", "holds no parts"),
        (lambda _: "{", "cannot read"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, text: Callable[[dict[str, Any]], str], words: str) -> None:
    images, path = clustered(), tmp_path / "s.json"
    write_split(path, grouped_holdout(images), images)
    path.write_text(text(json.loads(path.read_text())))
    with pytest.raises(UsageError, match=words):
        read_split(path, images)


def test_a_file_made_by_hand_needs_no_fingerprint(tmp_path: Path) -> None:
    images = listed(2, 2)
    keys = [i.key for i in images]
    (tmp_path / "s.json").write_text(
        json.dumps({"name": "by hand", "train": keys[:2], "validation": keys[2:3], "test": keys[3:]})
    )
    assert read_split(tmp_path / "s.json", images) == make_split(
        "by hand", images, train=[0, 1], validation=[2], test=[3]
    )


def test_seed_0_repeats_the_shipped_folds(data_dir: Path) -> None:
    images = find_labelled_images(data_dir / "taleqani-all")
    for make, file in ((grouped_folds, "grouped.json"), (random_folds, "random.json")):
        shipped = json.loads((Path(__file__).parents[2] / "scripts" / "folds" / file).read_text())
        assert [[images[i].key for i in fold.test] for fold in make(images)] == [fold["test"] for fold in shipped]
