"""A region goes out of a slide, is corrected, and comes back; the rest of the slide stays as it was."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import tifffile

from napari_all.cli import main
from napari_all.errors import FileExistsRefused, MaskError, UsageError
from napari_all.files import write_json
from napari_all.io.images import read_image
from napari_all.io.masks import read_labels, write_labels
from napari_all.io.pyramid import write_pyramid
from napari_all.io.sidecar import Sidecar
from napari_all.io.slides import content_sha256
from napari_all.io.tables import CELL_COLUMNS, cell_row, write_table
from napari_all.segmentation.measure import measure_cells
from napari_all.workflows.slide_region import cut_region, put_back

SHAPE = (2500, 2600)
AT = (400, 500, 600, 700)
WINDOW = (slice(400, 1000), slice(500, 1200))


def disc(plane, y, x, radius, value):
    ys, xs = np.ogrid[: plane.shape[0], : plane.shape[1]]
    plane[(ys - y) ** 2 + (xs - x) ** 2 < radius**2] = value


@pytest.fixture
def slide(tmp_path):
    """A slide with its results: cells 1 outside, 2 inside, 3 across the region's edge, 4 inside, 5 outside."""
    labels, classes = np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.uint8)
    for number, (y, x) in enumerate([(100, 100), (600, 700), (700, 1200), (900, 900), (2000, 2000)], start=1):
        disc(labels, y, x, 40, number)
        disc(classes, y, x, 40, 1)
        disc(classes, y, x, 20, 2)
    rgb = np.random.default_rng(0).integers(100, 255, (*SHAPE, 3), np.uint8)
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(rgb, tile=(256, 256), photometric="rgb", subifds=1, metadata=None)
        tif.write(rgb[::4, ::4], tile=(256, 256), photometric="rgb", subfiletype=1, metadata=None)
    size = (0.5, 0.5)
    for name, plane, dtype in (("labels", labels, np.uint16), ("classes", classes, np.uint8)):
        write_pyramid(tmp_path / f"slide_{name}.tif", lambda r, c, p=plane: p[r, c], SHAPE, np.dtype(dtype), size)
    facts = Sidecar(
        image="slide.tif", image_sha256=content_sha256(path), shape=SHAPE, parts="nucleus+cytoplasm", cells=5,
        pixel_size_um=size, diameter_px=80.0, method="unet", classes="slide_classes.tif",
    )  # fmt: skip
    write_json(tmp_path / "slide_labels.json", facts.model_dump(mode="json"))
    cells = measure_cells(labels, classes, "nucleus+cytoplasm")
    write_table(tmp_path / "slide_cells.csv", CELL_COLUMNS, (cell_row(c, size) for c in cells))
    return tmp_path, rgb, labels


def rows_of(folder):
    return {int(row["label"]): row for row in csv.DictReader((folder / "slide_cells.csv").open())}


def cut(folder):
    return cut_region(folder / "slide.tif", AT, folder / "regions", folder / "slide_labels.tif")


def test_a_region_is_an_image_of_its_own_with_its_labels(slide):
    folder, rgb, labels = slide
    image = cut(folder)
    assert image.name == "slide_y400_x500.tif"
    record, pixels = read_image(image)
    np.testing.assert_array_equal(pixels, rgb[WINDOW])
    found = read_labels(folder / "regions" / "slide_y400_x500_labels.tif")
    np.testing.assert_array_equal(found.labels, labels[WINDOW])
    assert found.sidecar.image_sha256 == record.sha256
    assert found.sidecar.pixel_size_um == (0.5, 0.5)
    with pytest.raises(FileExistsRefused, match="already"):
        cut(folder)


def test_what_was_corrected_comes_back_and_all_else_stays(slide):
    folder, _, labels = slide
    cut(folder)
    path = folder / "regions" / "slide_y400_x500_labels.tif"
    before = rows_of(folder)
    region = read_labels(path)
    corrected, classes = region.labels.copy(), region.classes.copy()
    corrected[np.isin(corrected, (2, 4))] = 0  # deleted
    classes[corrected == 0] = 0
    disc(corrected, 100, 100, 30, 9)  # drawn
    disc(classes, 100, 100, 30, 1)
    disc(corrected, 205, 200, 42, 77)  # cell 2, drawn anew under another number
    disc(classes, 205, 200, 42, 1)
    disc(classes, 205, 200, 20, 2)
    write_labels(path, corrected, region.sidecar, classes)
    done = put_back(path, folder / "slide_labels.tif")
    assert (done.kept, done.new, done.gone) == (2, 1, 1)
    result = read_labels(folder / "slide_labels.tif")
    expected = labels.copy()
    expected[WINDOW] = np.select([corrected == 9, corrected == 77, corrected == 3], [6, 2, 3])
    np.testing.assert_array_equal(result.labels, expected)
    np.testing.assert_array_equal(result.classes > 0, expected > 0)
    assert result.sidecar.cells == 5
    assert result.sidecar.status == "corrected"
    after = rows_of(folder)
    assert sorted(after) == [1, 2, 3, 5, 6]
    assert [after[n] for n in (1, 3, 5)] == [before[n] for n in (1, 3, 5)], "cell 3 lies across the edge"
    for number in (2, 6):
        ys, xs = np.nonzero(expected == number)
        row = after[number]
        assert int(row["area_px"]) == len(ys)
        assert (float(row["y"]), float(row["x"])) == pytest.approx((ys.mean(), xs.mean()), abs=0.001)
        assert float(row["area_um2"]) == pytest.approx(0.25 * len(ys))
    with tifffile.TiffFile(folder / "slide_labels.tif") as tif:
        assert (tif.series[0].levels[1].asarray() == expected[::4, ::4]).all()


def test_unchanged_labels_come_back_as_they_were(slide):
    folder, _, labels = slide
    cut(folder)
    before = rows_of(folder)
    done = put_back(folder / "regions" / "slide_y400_x500_labels.tif", folder / "slide_labels.tif")
    assert (done.kept, done.new, done.gone) == (3, 0, 0)
    np.testing.assert_array_equal(read_labels(folder / "slide_labels.tif").labels, labels)
    assert rows_of(folder) == before


def test_the_commands(slide, capsys):
    folder = slide[0]
    slide_labels = str(folder / "slide_labels.tif")
    words = ["region", "cut", str(folder / "slide.tif"), "--at", "400,500", "--size", "600,700"]
    assert main([*words, "--labels", slide_labels, "--output", str(folder / "r")]) == 0
    cut_out = capsys.readouterr().out.strip()
    assert cut_out.endswith("slide_y400_x500.tif")
    assert main(["region", "put-back", cut_out.replace(".tif", "_labels.tif"), "--labels", slide_labels]) == 0
    assert "3 cells kept their number, 0 are new, 0 are gone" in capsys.readouterr().err
    assert main([*words[:4], "400;500", *words[5:], "--output", str(folder / "r")]) == 2
    assert "pair of whole numbers" in capsys.readouterr().err


def test_what_does_not_belong_together_is_refused_and_nothing_changed(slide):
    folder = slide[0]
    with pytest.raises(UsageError, match="beyond the slide"):
        cut_region(folder / "slide.tif", (2400, 0, 200, 200), folder / "regions")
    cut(folder)
    path = folder / "regions" / "slide_y400_x500_labels.tif"
    region = folder / "regions" / "slide_y400_x500_region.json"
    told = json.loads(region.read_text())
    before = (folder / "slide_labels.tif").read_bytes()
    for change, why in (({"slide_sha256": "0" * 64}, "another slide"), ({"height": 599}, "its region")):
        region.write_text(json.dumps(told | change))
        with pytest.raises(MaskError, match=why):
            put_back(path, folder / "slide_labels.tif")
    region.unlink()
    with pytest.raises(MaskError, match="is missing"):
        put_back(path, folder / "slide_labels.tif")
    assert (folder / "slide_labels.tif").read_bytes() == before
    assert not [p for p in folder.iterdir() if p.name.startswith(".writing")]
