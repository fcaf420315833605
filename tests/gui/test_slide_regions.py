"""What is in view of a slide is cut out in the window, corrected, and put back into the slide's labels."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_all.errors import UsageError
from napari_all.files import write_json
from napari_all.gui.correct import CorrectPanel
from napari_all.gui.export import ExportPanel
from napari_all.gui.layers import FILE_KEY, is_field_cells
from napari_all.gui.slide_regions import in_view
from napari_all.io.pyramid import open_plane, write_pyramid
from napari_all.io.sidecar import Sidecar, read_sidecar
from napari_all.io.slides import content_sha256
from napari_all.io.tables import CELL_COLUMNS, cell_row, read_table, write_table
from napari_all.segmentation.measure import measure_cells

SHAPE = (2500, 2600)
CELLS = {1: (100, 100), 2: (800, 900), 3: (900, 1100), 4: (1400, 1800)}


@pytest.fixture
def slide(tmp_path):
    """A slide with four cells, and the files of its segmentation."""
    labels = np.zeros(SHAPE, np.int32)
    ys, xs = np.ogrid[: SHAPE[0], : SHAPE[1]]
    for number, (y, x) in CELLS.items():
        labels[(ys - y) ** 2 + (xs - x) ** 2 < 30**2] = number
    classes = (2 * (labels > 0)).astype(np.uint8)
    path = tmp_path / "slide.tif"
    rgb = np.where(labels[..., None] > 0, (120, 60, 160), (235, 230, 235)).astype(np.uint8)
    with tifffile.TiffWriter(path) as tif:
        tif.write(rgb, tile=(256, 256), photometric="rgb", subifds=1, metadata=None)
        tif.write(rgb[::4, ::4], tile=(256, 256), photometric="rgb", subfiletype=1, metadata=None)
    for name, plane, dtype in (("labels", labels, np.uint16), ("classes", classes, np.uint8)):
        write_pyramid(tmp_path / f"slide_{name}.tif", lambda r, c, p=plane: p[r, c], SHAPE, np.dtype(dtype), None)
    facts = Sidecar(
        image="slide.tif", image_sha256=content_sha256(path), shape=SHAPE, parts="cell", cells=4, method="unet",
        classes="slide_classes.tif",
    )  # fmt: skip
    write_json(tmp_path / "slide_labels.json", facts.model_dump(mode="json"))
    rows = (cell_row(cell, None) for cell in measure_cells(labels, classes, "cell"))
    write_table(tmp_path / "slide_cells.csv", CELL_COLUMNS, rows)
    return path


@pytest.fixture
def panel(open_panel, slide):
    """The Correct panel beside the slide and its labels; cells 2 and 3 are in view."""
    panel = open_panel(CorrectPanel)
    viewer = panel.viewer
    viewer.open([str(slide), str(slide.with_name("slide_labels.tif"))], plugin="napari-all", stack=False)
    viewer.scene.camera.center = (850, 1000)
    viewer.scene.camera.zoom = 1.2
    y, x, height, width = in_view(viewer, viewer.layers[0])
    assert (y + height / 2, x + width / 2) == pytest.approx((850, 1000), abs=2)
    assert height == pytest.approx(viewer.screenshot(canvas_only=True, flash=False).shape[0] / 1.2, rel=0.02)
    return panel


def test_labels_of_a_slide_are_not_offered_for_correction_in_one_piece(panel, open_panel):
    assert panel.layer is None
    assert not any(is_field_cells(layer) for layer in panel.viewer.layers)
    export = ExportPanel(panel.viewer)
    assert export.list.count() == 0
    export.deleteLater()


def test_a_region_is_cut_out_corrected_and_put_back(panel, slide, tmp_path, wait):
    assert panel.slide.isVisible()
    assert not panel.slide.back.isEnabled()
    panel.slide.cut_into(tmp_path / "regions")
    wait(lambda: panel.layer is not None)
    layer = panel.layer
    image = panel.viewer.layers[layer.name.removesuffix("_labels")]
    assert sorted(np.unique(layer.data)) == [0, 2, 3]
    y, x = (int(v) for v in layer.translate)
    assert layer.data[800 - y, 900 - x] == 2
    assert image.get_value((800, 900), world=True)[0] == 120  # it lies where it was cut out
    assert panel.slide.back.isEnabled()

    layer.fill((800 - y, 900 - x), 0)  # cell 2 goes
    panel.slide.back.click()
    wait(lambda: panel.job is None and any(la.metadata.get(FILE_KEY) for la in panel.viewer.layers if la.multiscale))
    with open_plane(slide.with_name("slide_labels.tif")) as (read, _, _):
        assert sorted(np.unique(read(slice(0, SHAPE[0]), slice(0, SHAPE[1])))) == [0, 1, 3, 4]
    assert [row["label"] for row in read_table(slide.with_name("slide_cells.csv"))] == ["1", "3", "4"]
    assert read_sidecar(slide.with_name("slide_labels.tif")).status == "corrected"
    shown = next(la for la in panel.viewer.layers if la.multiscale and FILE_KEY in la.metadata)
    assert shown.data[0][800, 900].compute() == 0
    assert panel.layer is layer


def test_more_than_can_be_corrected_is_not_cut_out(panel, monkeypatch):
    monkeypatch.setattr("napari_all.gui.slide_regions.LARGEST", 1000)
    with pytest.raises(UsageError, match="zoom in"):
        in_view(panel.viewer, panel.viewer.layers[0])
