"""Pairs of images and masks: every code of masks, what belongs together, what is left out, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_all.data.mask_folder import MaskFolder, find_pairs, load_item
from napari_all.data.mask_items import BACKGROUND, CELL, CYTOPLASM, NUCLEUS, SMUDGE, MaskItem
from napari_all.data.synthetic import SyntheticSmear, make_smear
from napari_all.errors import MaskError, UsageError
from napari_all.io.masks import write_labels
from napari_all.io.sidecar import Sidecar


@pytest.fixture(scope="module")
def cells() -> SyntheticSmear:
    return make_smear(1, (96, 120), 26.0, n_white=3, n_smudges=1, touching=0.0)


@pytest.fixture
def folders(tmp_path: Path, cells: SyntheticSmear) -> tuple[Path, Path]:
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    Image.fromarray(cells.rgb).save(images / "a.png")
    return images, masks


def write(path: Path, plane: NDArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, plane)
    else:
        Image.fromarray(plane).save(path)


def only(folder: MaskFolder) -> MaskItem:
    (pair,) = folder.pairs
    return load_item(pair, folder)


def expected(cells: SyntheticSmear, inside: int | None = None) -> NDArray[np.uint8]:
    return cells.classes if inside is None else np.where(cells.labels > 0, inside, BACKGROUND).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "dtype", "factor"),
    [
        ("a.png", np.uint8, 60),  # with gaps and no 1, as classes never are
        ("a_mask.png", np.uint16, 700),
        ("a_labels.tif", np.uint16, 700),
        ("a.tiff", np.int32, 123_456_789),
        ("a.tif", np.float32, 5),
    ],
)
def test_numbered_cells(folders, cells, name, dtype, factor):
    write(folders[1] / name, (cells.labels * factor).astype(dtype))
    folder = find_pairs(*folders)
    item = only(folder)
    assert folder.code == "labels"
    np.testing.assert_array_equal(item.codes, expected(cells, CELL))
    np.testing.assert_array_equal(item.rgb, cells.rgb)
    assert not item.ignore.any()
    assert item.diameter_px == pytest.approx(26, rel=0.35)


@pytest.mark.parametrize("parts", ["cell", "nucleus"])
@pytest.mark.parametrize("value", [1, 255, 7])
def test_binary_masks_outline_cells_or_nuclei(folders, cells, value, parts):
    shape = cells.labels > 0 if parts == "cell" else cells.classes == 2
    write(folders[1] / "a.png", shape.astype(np.uint8) * np.uint8(value))
    folder = find_pairs(*folders, parts=parts)
    assert folder.code == "binary"
    np.testing.assert_array_equal(only(folder).codes, np.where(shape, NUCLEUS if parts == "nucleus" else CELL, 0))


def test_one_bit_masks_are_binary(folders, cells):
    Image.fromarray(cells.labels > 0).save(folders[1] / "a.png")
    folder = find_pairs(*folders)
    assert folder.code == "binary"
    np.testing.assert_array_equal(only(folder).codes, expected(cells, CELL))


@pytest.mark.parametrize("values", [(0, 1, 2), (0, 128, 255)])
def test_classes_of_both_codes(folders, cells, values):
    write(folders[1] / "a.png", np.array(values, np.uint8)[cells.classes])
    folder = find_pairs(*folders)
    assert folder.code == "classes"
    np.testing.assert_array_equal(only(folder).codes, cells.classes)


def test_the_code_is_told_from_all_masks_together(folders, cells):
    """Two cells in one field read as classes; the other fields, or the user, say that they are numbers."""
    two = np.where(cells.labels == 3, 0, cells.labels).astype(np.uint8)
    write(folders[1] / "a.png", two)
    assert find_pairs(*folders).code == "classes"
    assert find_pairs(*folders, code="labels").code == "labels"
    Image.fromarray(cells.rgb[::-1]).save(folders[0] / "b.png")
    write(folders[1] / "b.png", cells.labels[::-1].astype(np.uint8))
    folder = find_pairs(*folders)
    assert folder.code == "labels"
    assert [pair.image.name for pair in folder.pairs] == ["a.png", "b.png"]
    np.testing.assert_array_equal(load_item(folder.pairs[0], folder).codes, np.where(two > 0, CELL, 0))


def test_classes_of_another_code_are_refused(folders, cells):
    write(folders[1] / "a.png", (cells.classes * 3).astype(np.uint8))
    folder = find_pairs(*folders, code="classes")
    with pytest.raises(MaskError, match=r"0, 3, 6.*0, 128, 255"):
        only(folder)


@pytest.mark.parametrize(
    "plane", [np.full((96, 120), -1, np.int16), np.full((96, 120), 0.5, np.float32)], ids=["negative", "fractions"]
)
def test_numbers_that_are_no_labels_are_refused(folders, plane):
    write(folders[1] / "a.tif", plane)
    with pytest.raises(MaskError, match=r"a\.tif holds fractions or numbers below 0"):
        find_pairs(*folders)
    with pytest.raises(MaskError, match="whole numbers"):
        only(find_pairs(*folders, code="labels"))


def test_colour_pictures_and_other_sizes_are_refused(folders, cells):
    write(folders[1] / "a.png", cells.rgb)
    with pytest.raises(MaskError, match="one grey or indexed plane"):
        find_pairs(*folders)
    write(folders[1] / "a.png", cells.labels[:-1].astype(np.uint8) * 60)
    with pytest.raises(MaskError, match=r"mask of a\.png is \(95, 120\), the image \(96, 120\)"):
        only(find_pairs(*folders))


def saved(masks: Path, cells: SyntheticSmear, classes: NDArray | None, **facts) -> None:
    facts = {"status": "corrected"} | facts
    write_labels(masks / "a_labels.tif", cells.labels, Sidecar(**facts), classes)


def test_our_own_files_with_nucleus_and_cytoplasm(folders, cells):
    saved(folders[1], cells, cells.classes, parts="nucleus+cytoplasm")
    np.testing.assert_array_equal(only(find_pairs(*folders)).codes, cells.classes)


@pytest.mark.parametrize(("parts", "code"), [("cell", CELL), ("nucleus", NUCLEUS)])
def test_our_own_files_that_do_not_part_cells(folders, cells, parts, code):
    whole = np.where(cells.labels > 0, 2, 0).astype(np.uint8)
    whole[cells.labels == 1] = 0  # added by hand after the classes map was made
    saved(folders[1], cells, whole, parts=parts)
    np.testing.assert_array_equal(only(find_pairs(*folders)).codes, expected(cells, code))
    saved(folders[1], cells, None, parts=parts)
    (folders[1] / "a_classes.tif").unlink()
    np.testing.assert_array_equal(only(find_pairs(*folders)).codes, expected(cells, code))


def test_labels_rule_over_an_older_classes_map(folders, cells):
    older = cells.classes.copy()
    added, erased = cells.labels == 1, cells.labels == 2
    older[added] = 0
    saved(folders[1], cells, older, parts="nucleus+cytoplasm")
    labels = np.where(erased, 0, cells.labels).astype(np.uint16)
    tifffile.imwrite(folders[1] / "a_labels.tif", labels)
    codes = only(find_pairs(*folders)).codes
    assert (codes[erased] == BACKGROUND).all()
    assert (codes[added] == CYTOPLASM).all()
    rest = cells.labels == 3
    np.testing.assert_array_equal(codes[rest], cells.classes[rest])


def test_a_nucleus_that_nobody_could_tell_leaves_its_cell_undecided(folders, cells):
    classes = np.where((cells.labels == 1), 3, cells.classes).astype(np.uint8)
    saved(folders[1], cells, classes, parts="nucleus+cytoplasm")
    np.testing.assert_array_equal(only(find_pairs(*folders)).codes, classes)
    classes[0, 0] = 4
    saved(folders[1], cells, classes, parts="nucleus+cytoplasm")
    with pytest.raises(MaskError, match="values 0 to 3"):
        only(find_pairs(*folders))


def test_a_sidecar_speaks_for_its_own_mask_only(folders, cells):
    """Binary masks of other files do not merge the numbered cells of a saved one."""
    for seed, name in ((2, "b"), (3, "c")):
        other = make_smear(seed, (96, 120), 26.0)
        Image.fromarray(other.rgb).save(folders[0] / f"{name}.png")
        write(folders[1] / f"{name}.png", (other.labels > 0).astype(np.uint8))
    touching = np.zeros((96, 120), np.int32)
    touching[20:40, 20:40], touching[20:40, 40:60] = 1, 2
    write_labels(folders[1] / "a_labels.tif", touching, Sidecar(status="corrected", parts="cell"))
    folder = find_pairs(*folders)
    assert folder.code == "binary"
    assert load_item(folder.pairs[0], folder).diameter_px == pytest.approx(2 * np.sqrt(400 / np.pi), rel=0.01)


def test_mere_predictions_are_left_out_unless_asked_for(folders, cells):
    saved(folders[1], cells, cells.classes, parts="nucleus+cytoplasm", status="predicted")
    with pytest.raises(UsageError, match=r"all 1 masks .* predictions; correct or accept"):
        find_pairs(*folders)
    assert len(find_pairs(*folders, use_predicted=True).pairs) == 1
    Image.fromarray(cells.rgb).save(folders[0] / "b.png")
    write(folders[1] / "b.png", cells.classes)
    folder = find_pairs(*folders)
    assert folder.predicted == ("a.png",)
    assert [pair.image.name for pair in folder.pairs] == ["b.png"]


def test_images_without_a_mask_are_named_and_two_masks_refused(folders, cells):
    with pytest.raises(UsageError, match=r"no image of 'images' has a mask in 'masks'; .*<name>_labels\.tif"):
        find_pairs(*folders)
    write(folders[1] / "a.png", cells.classes)
    Image.fromarray(cells.rgb).save(folders[0] / "lonely.png")
    assert find_pairs(*folders).without_mask == ("lonely.png",)
    write(folders[1] / "a_mask.png", cells.classes)
    with pytest.raises(UsageError, match=r"not clear: a_mask\.png and a\.png"):
        find_pairs(*folders)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_folder_is_named(folders, missing):
    folders[missing].rename(folders[missing].with_name("elsewhere"))
    with pytest.raises(UsageError, match=f"{folders[missing].name}' does not exist"):
        find_pairs(*folders)


def test_subfolders_are_mirrored_or_the_bare_name_decides(tmp_path, cells):
    images, masks, flat = (tmp_path / n for n in ("images", "masks", "flat"))
    for n, sub in enumerate(("Benign", "Pro")):
        write(images / sub / f"{sub}.png", cells.rgb)
        write(images / sub / "same.png", cells.rgb)
        for name in (sub, "same"):
            write(masks / sub / f"{name}.png", np.roll(cells.classes, n, axis=0))
        write(flat / f"{sub}.png", cells.classes)
    folder = find_pairs(images, masks)
    assert [pair.mask.relative_to(masks).as_posix() for pair in folder.pairs] == [
        "Benign/Benign.png", "Benign/same.png", "Pro/Pro.png", "Pro/same.png",
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"Benign/same\.png and Pro/same\.png have one name"):
        find_pairs(images, flat)
    for sub in ("Benign", "Pro"):
        (images / sub / "same.png").unlink()
    (flat / ".cache").mkdir()
    assert [pair.mask.name for pair in find_pairs(images, flat).pairs] == ["Benign.png", "Pro.png"]


@pytest.mark.parametrize("inside", ["", "masks"])
def test_masks_beside_or_below_the_images_are_no_images(tmp_path, cells, inside):
    write(tmp_path / "a.jpg", cells.rgb)
    for ending, plane in (("mask", cells.classes), ("ignore", cells.smudges), ("smudges", cells.smudges)):
        write(tmp_path / inside / f"a_{ending}.png", plane.astype(np.uint8))
    folder = find_pairs(tmp_path, tmp_path / inside)
    assert [pair.image.name for pair in folder.pairs] == ["a.jpg"]
    assert folder.without_mask == ()


def test_what_is_ignored_and_what_is_a_smudge(folders, cells):
    assert cells.smudges.any()
    write(folders[1] / "a.png", cells.classes)
    hidden = np.zeros(cells.labels.shape, np.uint8)
    hidden[:30] = 255
    write(folders[1] / "a_ignore.png", hidden)
    over = np.maximum(cells.smudges, cells.labels == 1).astype(np.uint8)  # a cell stays a cell
    write(folders[1] / "a_smudges.tif", over)
    item = only(find_pairs(*folders))
    np.testing.assert_array_equal(item.ignore, hidden > 0)
    np.testing.assert_array_equal(item.codes, np.where(cells.smudges, SMUDGE, cells.classes))
    elsewhere = folders[0].parent / "ignore"
    write(elsewhere / "a.png", 255 - hidden)
    folder = find_pairs(*folders)
    np.testing.assert_array_equal(load_item(folder.pairs[0], folder, elsewhere).ignore, hidden == 0)
    write(elsewhere / "a.png", hidden[1:])
    with pytest.raises(MaskError, match=r"ignore mask of a\.png"):
        load_item(folder.pairs[0], folder, elsewhere)


def test_a_damaged_sidecar_is_named(folders, cells):
    saved(folders[1], cells, cells.classes)
    (folders[1] / "a_labels.json").write_text(json.dumps({"status": "perhaps"}))
    with pytest.raises(MaskError, match=r"a_labels\.json is damaged"):
        find_pairs(*folders)


@pytest.mark.data
def test_no_scored_field_nor_its_overlap_group_may_be_trained_on(data_dir):
    """The recipe of the training masks keeps away from the reference masks and all that overlaps them."""
    from napari_all.data.grouping import read_column

    scored = {path.stem for path in (data_dir / "reference-masks" / "images").iterdir()}
    groups = read_column(data_dir / "taleqani-all" / "overlap_groups.csv", "overlap_group")
    by_stem = {Path(name).stem: group for name, group in groups.items()}
    recipe = json.loads((Path(__file__).parents[2] / "recipes" / "taleqani-masks.json").read_text())
    trained = {Path(field["image"]).stem for field in recipe["fields"]}
    assert len(scored) > 10
    assert len(trained) > 50
    assert scored | trained <= by_stem.keys()
    assert not scored & trained
    held = {by_stem[name] for name in scored} - {""}
    assert not {name for name in trained if by_stem[name] in held}
