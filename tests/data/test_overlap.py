"""Shifted, copied and retaken fields are found; unrelated ones are not; what looks alike stays together."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_all.data.appearance import appearance_clusters, look_of
from napari_all.data.dataset import find_labelled_images
from napari_all.data.field_shift import best_shift, peaks, phases_of, plane_of
from napari_all.data.overlap import find_overlaps, groups_of, overlaps, write_overlaps
from napari_all.data.split import grouped_folds
from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, ImageError
from napari_all.monitor import NullMonitor


@pytest.fixture(scope="module")
def wide() -> np.ndarray:
    """One smear from which fields of 224 px are cut."""
    return make_smear(5, (460, 460), 22.0, scale_bar=False).rgb


def field_at(wide: np.ndarray, y: int, x: int) -> np.ndarray:
    return np.ascontiguousarray(wide[y : y + 224, x : x + 224])


def shift_between(first: np.ndarray, second: np.ndarray):
    one, two = plane_of(first), plane_of(second)
    height, place = peaks(phases_of(one), phases_of(two)[None])
    return float(height[0]), best_shift(one, two, int(place[0, 0]), int(place[0, 1]))


@given(y=st.integers(-110, 110), x=st.integers(-110, 110))
@settings(max_examples=25)
def test_any_shift_up_to_half_a_field_is_found(wide: np.ndarray, y: int, x: int) -> None:
    height, shift = shift_between(field_at(wide, 118, 118), field_at(wide, 118 + y, 118 + x))
    if (224 - abs(y)) * (224 - abs(x)) < 0.35 * 224**2:
        return
    assert height > 4.5
    assert shift is not None
    assert overlaps(shift)
    assert (shift.y * 224, shift.x * 224) == pytest.approx((y, x), abs=3.1)
    assert shift.share == pytest.approx((224 - abs(y)) * (224 - abs(x)) / 224**2, abs=0.04)


def test_light_colour_and_focus_do_not_hide_an_overlap(wide: np.ndarray) -> None:
    light = np.linspace(0.7, 1.0, 224)[None, :, None]
    retaken = cv2.GaussianBlur(field_at(wide, 150, 90), (0, 0), 1.5) * light * (1.0, 0.9, 0.95)
    _, shift = shift_between(field_at(wide, 118, 118), retaken.clip(0, 255).astype(np.uint8))
    assert shift is not None
    assert overlaps(shift)


@pytest.mark.parametrize(
    ("side", "diameter", "cells", "allowed"), [(224, 22.0, None, 0), (64, 16.0, None, 0), (96, 40.0, 1, 1)]
)
def test_unrelated_fields_do_not_overlap(side: int, diameter: float, cells: int | None, allowed: int) -> None:
    """Of single cells in the middle of the picture one pair of 15 resembles each other enough to be taken for one."""
    fields = [make_smear(seed, (side, side), diameter, cells, scale_bar=False).rgb for seed in range(6)]
    found = [shift_between(a, b)[1] for n, a in enumerate(fields) for b in fields[:n]]
    assert sum(overlaps(shift) for shift in found if shift is not None) <= allowed


def dataset(root: Path, wide: np.ndarray) -> Path:
    """Write two classes: in the first a field, its copy and its neighbour; a part of it lies in the other, too."""
    places = {"Benign/a": (0, 0), "Benign/b": (0, 0), "Benign/c": (60, 40), "Pro/d": (100, 80)}
    for name, place in places.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(field_at(wide, *place)).save(root / f"{name}.png")
    for seed in range(3):
        Image.fromarray(make_smear(seed, (224, 224), 22.0).rgb).save(root / "Pro" / f"e{seed}.png")
    return root


def test_groups_of_a_folder_hold_copies_neighbours_and_crossings_of_classes(tmp_path: Path, wide: np.ndarray) -> None:
    images = find_labelled_images(dataset(tmp_path, wide))
    found = find_overlaps(images)
    assert found.groups == (0, 0, 0, 0, 1, 2, 3)
    assert {(p.first, p.second) for p in found.pairs} >= {(0, 1), (0, 2), (2, 3)}
    copies = next(p.shift for p in found.pairs if (p.first, p.second) == (0, 1))
    assert (copies.y, copies.x, copies.share) == (0, 0, 1)
    assert copies.correlation == pytest.approx(1, abs=1e-4)
    write_overlaps(tmp_path / "overlap_groups.csv", images, found)
    again = find_labelled_images(tmp_path)
    assert tuple(i.overlap_group for i in again) == found.groups
    assert tuple(i.cluster for i in again) == found.clusters


def test_nothing_to_compare_and_what_cannot_be_read(tmp_path: Path) -> None:
    assert find_overlaps([]).groups == ()
    (tmp_path / "Pro").mkdir()
    for name in "ab":
        Image.new("RGB", (64, 64), (240, 230, 250)).save(tmp_path / "Pro" / f"{name}.png")
    found = find_overlaps(find_labelled_images(tmp_path))
    assert found.groups == (0, 1), "empty fields have nothing in common"
    (tmp_path / "Pro" / "a.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"a\.png"):
        find_overlaps(find_labelled_images(tmp_path))


def test_it_can_be_stopped(tmp_path: Path, wide: np.ndarray) -> None:
    class Stopping(NullMonitor):
        def raise_if_cancelled(self) -> None:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        find_overlaps(find_labelled_images(dataset(tmp_path, wide)), Stopping())


@given(st.integers(1, 30), st.randoms(use_true_random=False))
def test_groups_are_numbered_by_their_first_image(count: int, random) -> None:
    from napari_all.data.field_shift import Shift
    from napari_all.data.overlap import OverlapPair

    pairs = []
    for _ in range(random.randrange(count)):
        first, second = sorted((random.randrange(count), random.randrange(count)))
        if first < second:
            pairs.append(OverlapPair(first, second, Shift(0, 0, 1, 1)))
    groups = groups_of(count, pairs)
    assert all(groups[p.first] == groups[p.second] for p in pairs)
    first_seen = list(dict.fromkeys(groups))
    assert first_seen == list(range(len(first_seen)))
    assert len(first_seen) >= count - len(pairs)


def test_stains_part_the_clusters_and_overlaps_join_them() -> None:
    stains = ("purple-grey", "blue", "pink")
    fields = [make_smear(seed, (96, 96), 20.0, stain=stain).rgb for stain in stains for seed in range(40)]
    looks = np.stack([look_of(rgb) for rgb in fields])
    clusters = appearance_clusters(looks, [0] * 120, range(120), ["x"])
    assert len(set(clusters)) == 6
    stain_of = dict.fromkeys(clusters, "")
    purity = sum(max(clusters[s * 40 : s * 40 + 40].count(name) for s in range(3)) for name in stain_of)
    assert purity >= 100, "most images of a cluster are of one stain"
    joined = appearance_clusters(looks, [0] * 120, [0 if i in (0, 119) else i + 1 for i in range(120)], ["x"])
    assert joined[0] == joined[119]
    two = appearance_clusters(looks, [i % 2 for i in range(120)], range(120), ["x", "y"])
    assert {name[0] for name in two[::2]} == {"x"}
    assert {name[0] for name in two[1::2]} == {"y"}


def test_clusters_serve_a_grouped_split(tmp_path: Path) -> None:
    for name in ("Benign", "Pro"):
        (tmp_path / name).mkdir()
        for seed in range(12):
            smear = make_smear(seed + 50 * (name == "Pro"), (64, 64), 16.0)
            Image.fromarray(smear.rgb).save(tmp_path / name / f"{seed}.png")
    images = find_labelled_images(tmp_path)
    write_overlaps(tmp_path / "overlap_groups.csv", images, find_overlaps(images))
    assert len(grouped_folds(find_labelled_images(tmp_path), folds=3)) == 3
