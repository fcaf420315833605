"""Masks from a recipe: the same ones again, or a loud refusal; corrections do what their names say."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import MaskError, UsageError
from napari_all.files import sha256_file
from napari_all.workflows import recipe as r
from napari_all.workflows.play_nuclei import NucleusClass
from napari_all.workflows.play_recipe import build_mask, play_recipe
from napari_all.workflows.segment import make_config, segment_image

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))
import build_training_masks as script  # noqa: E402

RECIPE = REPOSITORY / "recipes" / "taleqani-masks.json"


@pytest.fixture
def data(tmp_path: Path, smear: SyntheticSmear) -> Path:
    folder = tmp_path / "data"
    (folder / "Original" / "Pro").mkdir(parents=True)
    Image.fromarray(smear.rgb).save(folder / "Original" / "Pro" / "one.png")
    return folder


def entry(data: Path, *corrections: r.Correction, image: str = "Original/Pro/one.png", **more: object) -> r.FieldRecipe:
    return r.FieldRecipe(
        image=image,
        sha256=sha256_file(data / "Original" / "Pro" / "one.png"),
        segmentation=make_config("lab"),
        corrections=corrections,
        **more,
    )


def centres(labels: np.ndarray) -> list[tuple[float, float]]:
    """Per cell its pixel farthest from the edge, (y, x)."""
    found = []
    for k in range(1, int(labels.max()) + 1):
        depth = cv2.distanceTransform(np.pad(labels == k, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        found.append((float(y), float(x)))
    return found


def accepted(recipe: r.Recipe, data: Path) -> r.Recipe:
    return script.accepted(recipe, play_recipe(recipe, data, None, check=False))


# --- corrections ---------------------------------------------------------------------------------------------------


def test_without_corrections_the_mask_is_the_segmentation(data, smear):
    mask = build_mask(entry(data), data)
    np.testing.assert_array_equal(mask.labels, segment_image(smear.rgb, make_config("lab")).labels)
    assert mask.labels.max() >= 5
    assert not mask.ignore.any()


def test_delete_takes_a_cell_and_numbers_stay_in_raster_order(data):
    plain = build_mask(entry(data), data).labels
    first = centres(plain)[0]
    mask = build_mask(entry(data, r.Delete(at=(first,))), data)
    np.testing.assert_array_equal(mask.labels, np.where(plain > 1, plain - 1, 0))


def test_an_ignored_blob_is_ignored_with_its_rim_and_other_cells_keep_their_pixels(data):
    plain = build_mask(entry(data), data).labels
    mask = build_mask(entry(data, r.Ignore(at=(centres(plain)[1],))), data)
    assert (mask.ignore[plain == 2]).all()
    assert mask.ignore.sum() > (plain == 2).sum()
    assert not (mask.ignore & (mask.labels > 0)).any()
    assert (mask.labels[(plain > 0) & (plain != 2)] > 0).all()


def test_an_ignored_polygon_takes_cells_inside_and_spares_cells_it_only_touches(data):
    plain = build_mask(entry(data), data).labels
    y, x = centres(plain)[0]
    other = max(centres(plain), key=lambda c: abs(c[0] - y) + abs(c[1] - x))
    outline = ((y - 30, x - 30), (y - 30, x + 30), (y + 30, x + 30), (y + 30, x - 30))
    mask = build_mask(entry(data, r.IgnorePolygon(points=outline)), data)
    assert mask.labels[int(y), int(x)] == 0
    assert mask.ignore[int(y), int(x)]
    corner = ((other[0], other[1]), (other[0] + 2, other[1]), (other[0], other[1] + 2))
    spared = build_mask(entry(data, r.IgnorePolygon(points=corner)), data)
    np.testing.assert_array_equal(spared.labels, plain)
    assert not spared.ignore.any()


def test_a_smudge_leaves_the_cells_is_not_ignored_and_its_rim_is(data, tmp_path):
    plain = build_mask(entry(data), data).labels
    spots = centres(plain)
    recipe = accepted(r.Recipe(fields=(entry(data, r.Smudge(at=(spots[1],))),)), data)
    mask = build_mask(recipe.fields[0], data)
    np.testing.assert_array_equal(mask.smudges, plain == 2)
    assert mask.labels.max() == plain.max() - 1
    near = (cv2.distanceTransform((plain != 2).astype(np.uint8), cv2.DIST_L2, 5) <= 2) & (plain == 0)
    np.testing.assert_array_equal(mask.ignore, near)
    assert mask.sha256() != build_mask(entry(data, r.Ignore(at=(spots[1],))), data).sha256()
    play_recipe(recipe, data, tmp_path)
    written = np.asarray(Image.open(tmp_path / "one_smudges.png"))
    np.testing.assert_array_equal(written == 255, plain == 2)


def test_a_drawn_smudge_takes_the_cell_inside_and_stands_over_what_was_ignored(data):
    plain = build_mask(entry(data), data).labels
    y, x = centres(plain)[0]
    outline = ((y - 30, x - 30), (y - 30, x + 30), (y + 30, x + 30), (y + 30, x - 30))
    mask = build_mask(entry(data, r.IgnorePolygon(points=outline), r.SmudgePolygon(points=outline)), data)
    assert mask.smudges[int(y), int(x)]
    assert mask.smudges[int(y) + 25, int(x)]
    assert not (mask.smudges & (mask.ignore | (mask.labels > 0))).any()


def test_split_and_merge_are_opposites(data):
    plain = build_mask(entry(data), data).labels
    y, x = centres(plain)[0]
    cut = r.Split(line=((y, x - 60), (y, x + 60)))
    halves = build_mask(entry(data, cut), data).labels
    assert halves.max() == plain.max() + 1
    whole = build_mask(entry(data, cut, r.Merge(at=((y - 4, x), (y + 4, x)))), data).labels
    np.testing.assert_array_equal(whole, plain)


def test_shapes_are_added_where_they_were_drawn(data):
    plain = build_mask(entry(data), data).labels
    free = cv2.distanceTransform(np.pad(plain == 0, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = (float(v) for v in np.unravel_index(int(free.argmax()), free.shape))
    lying = build_mask(entry(data, r.AddEllipse(centre=(y, x), radii=(4, 9))), data)
    new = (lying.labels > 0) & (plain == 0)
    assert new.sum() == pytest.approx(np.pi * 4 * 9, rel=0.06)
    rows, columns = np.nonzero(new)
    assert np.ptp(columns) > np.ptp(rows)
    turned = build_mask(entry(data, r.AddEllipse(centre=(y, x), radii=(4, 9), angle=90)), data)
    np.testing.assert_array_equal((turned.labels > 0) & (plain == 0), _transposed(new, int(y), int(x)))
    square = ((y - 3, x - 3), (y - 3, x + 3), (y + 3, x + 3), (y + 3, x - 3))
    assert ((build_mask(entry(data, r.AddPolygon(points=square)), data).labels > 0) & (plain == 0)).sum() >= 36


def _transposed(mask: np.ndarray, y: int, x: int) -> np.ndarray:
    window = mask[y - 12 : y + 13, x - 12 : x + 13]
    turned = np.zeros_like(mask)
    turned[y - 12 : y + 13, x - 12 : x + 13] = window.T
    return turned


def test_grow_and_smooth_change_only_their_cell(data):
    plain = build_mask(entry(data), data).labels
    y, x = centres(plain)[0]
    for correction in (r.Grow(at=((y, x),), pixels=-2), r.Smooth(at=((y, x),), radius_px=3)):
        labels = build_mask(entry(data, correction), data).labels
        np.testing.assert_array_equal(labels[plain > 1], plain[plain > 1])
    assert (build_mask(entry(data, r.Grow(at=((y, x),), pixels=2)), data).labels == 1).sum() > (plain == 1).sum()


def test_a_correction_that_does_not_fit_names_image_and_correction(data):
    with pytest.raises(UsageError, match=r"one\.png: correction 2 \(delete\): there is no cell at"):
        first = centres(build_mask(entry(data), data).labels)[0]
        build_mask(entry(data, r.Delete(at=(first,)), r.Delete(at=(first,))), data)


# --- nuclei --------------------------------------------------------------------------------------------------------


def test_nuclei_are_found_inside_the_cells(data, smear):
    mask = build_mask(entry(data, nuclei=r.NucleiRecipe()), data)
    assert mask.classes is not None
    np.testing.assert_array_equal(mask.classes > 0, mask.labels > 0)
    both = (mask.labels > 0) & (smear.labels > 0)
    found, true = (mask.classes == NucleusClass.NUCLEUS) & both, (smear.classes == 2) & both
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.9
    larger = build_mask(entry(data, nuclei=r.NucleiRecipe(level=0.3)), data).classes
    assert (larger == NucleusClass.NUCLEUS).sum() > found.sum()


def test_a_corrected_nucleus_replaces_the_one_of_its_cell_and_no_other(data):
    plain = build_mask(entry(data, nuclei=r.NucleiRecipe()), data)
    spots = centres(plain.labels)
    (y, x), square = (
        spots[0],
        tuple((spots[0][0] + a, spots[0][1] + b) for a, b in ((-2, -2), (-2, 2), (2, 2), (2, -2))),
    )
    corrections = {
        9: r.NucleusPolygon(points=square),
        13: r.NucleusEllipse(centre=(round(y), round(x)), radii=(2, 2)),
        (plain.labels == 1).sum(): r.NucleusWhole(at=((y, x),)),
        0: r.NucleusUnknown(at=((y, x),)),
    }
    for area, correction in corrections.items():
        classes = build_mask(entry(data, nuclei=r.NucleiRecipe(corrections=(correction,))), data).classes
        np.testing.assert_array_equal(classes[plain.labels != 1], plain.classes[plain.labels != 1])
        assert (classes[plain.labels == 1] == NucleusClass.NUCLEUS).sum() == pytest.approx(area, abs=16 if area else 0)
    assert (classes[plain.labels == 1] == NucleusClass.UNKNOWN).all()
    level = r.NucleusLevel(at=((y, x),), level=0.2)
    classes = build_mask(entry(data, nuclei=r.NucleiRecipe(corrections=(level,))), data).classes
    grown = (classes == NucleusClass.NUCLEUS) & (plain.classes != NucleusClass.NUCLEUS)
    assert grown.any()
    assert (plain.labels[grown] == 1).all()


def test_a_nucleus_outside_every_cell_names_image_and_correction(data):
    free = np.argwhere(build_mask(entry(data), data).labels == 0)[0]
    bad = r.NucleiRecipe(corrections=(r.NucleusEllipse(centre=tuple(free), radii=(0.6, 0.6)),))
    with pytest.raises(UsageError, match=r"one\.png: nuclei: correction 1 \(nucleus_ellipse\): there is no cell"):
        build_mask(entry(data, nuclei=bad), data)


def test_nuclei_and_smudges_survive_the_file_and_are_written(data, tmp_path):
    spots = centres(build_mask(entry(data), data).labels)
    nuclei = r.NucleiRecipe(level=0.5, corrections=(r.NucleusWhole(at=(spots[0],)), r.NucleusUnknown(at=(spots[2],))))
    recipe = accepted(r.Recipe(fields=(entry(data, r.Smudge(at=(spots[1],)), nuclei=nuclei),)), data)
    path = tmp_path / "recipe.json"
    r.write_recipe(path, recipe)
    assert r.read_recipe(path) == recipe
    [line] = play_recipe(recipe, data, tmp_path)
    assert line.error is None
    classes = tifffile.imread(tmp_path / "one_classes.tif")
    assert classes.dtype == np.uint8
    assert set(np.unique(classes)) == {0, 1, 2, 3}
    other = recipe.fields[0].updated(nuclei=nuclei.updated(level=0.6))
    assert build_mask(other, data).sha256() != line.sha256, "the hash does not cover the nuclei"


# --- playing -------------------------------------------------------------------------------------------------------


def test_a_round_trip_through_the_file_gives_the_same_masks(data, tmp_path):
    plain = build_mask(entry(data), data).labels
    spots = centres(plain)
    recipe = r.Recipe(fields=(entry(data, r.Delete(at=(spots[0],)), r.Ignore(at=(spots[1],)), note="a ‘doubt’"),))
    recipe = accepted(recipe, data)
    path = tmp_path / "recipe.json"
    r.write_recipe(path, recipe)
    json.loads(path.read_text("utf-8"))
    assert r.read_recipe(path) == recipe

    report = play_recipe(r.read_recipe(path), data, tmp_path / "masks")
    assert [(line.cells, line.error) for line in report] == [(plain.max() - 2, None)]
    labels = tifffile.imread(tmp_path / "masks" / "one_labels.tif")
    ignore = np.asarray(Image.open(tmp_path / "masks" / "one_ignore.png"))
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels > 0, plain > 2)
    assert set(np.unique(ignore)) == {0, 255}
    assert (ignore[plain == 2] == 255).all()


def test_another_result_is_refused_and_nothing_is_written(data, tmp_path):
    recipe = r.Recipe(fields=(entry(data, result_sha256="0" * 64),))
    [line] = play_recipe(recipe, data, tmp_path / "masks")
    assert line.error
    assert "another mask than the recipe was accepted with" in line.error
    assert not (tmp_path / "masks").exists()


def test_another_image_is_refused(data):
    field = entry(data)
    path = data / "Original" / "Pro" / "one.png"
    Image.fromarray(np.asarray(Image.open(path))[::-1]).save(path)
    with pytest.raises(MaskError, match="another file than the recipe was made on"):
        build_mask(field, data)


def test_a_missing_image_is_named_and_the_rest_goes_on(data, tmp_path):
    recipe = accepted(r.Recipe(fields=(entry(data),)), data)
    missing = recipe.fields[0].updated(image="Original/Pro/two.png")
    recipe = r.Recipe(fields=(missing, *recipe.fields))
    report = play_recipe(recipe, data, tmp_path / "masks")
    assert report[0].error is not None
    assert "Original/Pro/two.png is not in data" in report[0].error
    assert report[1].error is None
    assert (tmp_path / "masks" / "one_labels.tif").exists()


@pytest.mark.parametrize("image", ["../outside.png", "/etc/passwd"])
def test_a_path_that_leaves_the_folder_is_refused(data, image):
    with pytest.raises(UsageError, match="leads outside"):
        build_mask(entry(data, image=image), data)


def test_two_entries_for_one_output_are_refused(data):
    with pytest.raises(UsageError, match="several entries for one"):
        play_recipe(r.Recipe(fields=(entry(data), entry(data))), data, None)


def test_a_file_that_is_no_recipe_is_told_with_its_bad_field(tmp_path):
    path = tmp_path / "recipe.json"
    with pytest.raises(UsageError, match="cannot read recipe"):
        r.read_recipe(path)
    path.write_text('{"format": "napari-all-mask-recipe", "version": 2, "fields": []}')
    with pytest.raises(UsageError, match="version"):
        r.read_recipe(path)
    path.write_text('{"fields": [{"image": "a", "corrections": [{"op": "vanish"}]}]}')
    with pytest.raises(UsageError, match=r"fields\.0"):
        r.read_recipe(path)


def test_the_command_accepts_then_checks(data, tmp_path, capsys):
    path = tmp_path / "recipe.json"
    r.write_recipe(path, r.Recipe(fields=(entry(data),)))
    options = ["--data", str(data), "--output", str(tmp_path / "out"), "--recipe", str(path)]
    assert script.main(options) == 1, "a result that nobody accepted passed"
    assert script.main([*options, "--accept"]) == 0
    assert script.main(options) == 0
    assert "1 of 1 masks" in capsys.readouterr().out


# --- the committed recipe ------------------------------------------------------------------------------------------


def test_the_committed_recipe_is_valid_and_accepted():
    recipe = r.read_recipe(RECIPE)
    assert len(recipe.fields) >= 60
    assert all(field.result_sha256 for field in recipe.fields)
    assert {field.image.split("/")[1] for field in recipe.fields} == {"Benign", "Early", "Pre", "Pro"}


def test_no_image_of_the_committed_recipe_overlaps_a_reference_field(data_dir: Path):
    groups = {
        row["file"]: row["overlap_group"]
        for row in csv.DictReader((data_dir / "taleqani-all" / "overlap_groups.csv").open())
    }
    references = csv.DictReader((data_dir / "reference-masks" / "fields.csv").open())
    held_out = {groups[row["name"] + ".jpg"] for row in references}
    used = [groups[Path(field.image).name] for field in r.read_recipe(RECIPE).fields]
    assert not held_out & set(used)
    assert len(used) == len(set(used)), "two images of one overlap group"


def test_the_committed_recipe_gives_the_masks_it_was_accepted_with(data_dir: Path):
    report = play_recipe(r.read_recipe(RECIPE), data_dir / "taleqani-all", None)
    assert [line.error for line in report if line.error] == []
