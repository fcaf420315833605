"""Every format writes whole files without this machine's paths; each reads back what it promises."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.io.exporters import EXPORTERS, ExportItem
from napari_all.io.masks import read_labels
from napari_all.io.sidecar import Sidecar
from napari_all.io.tables import CELL_COLUMNS, DETAILED_CELL_COLUMNS, EXPORTED_CELL_COLUMNS
from napari_all.types import Cell


def item(name: str = "sub/a.png") -> ExportItem:
    labels = np.zeros((50, 70), np.int32)
    labels[5:25, 10:30], labels[5:25, 30:45] = 1, 2
    classes = np.where(labels > 0, 1, 0).astype(np.uint8)
    classes[10:20, 15:25] = 2
    cell = Cell(1, 14.5, 19.5, 400, 22.567583, 0.78, 0.0, 1.0, 100, 0.25, False)
    other = Cell(2, 14.5, 37.0, 300, 19.544100, 0.77, 0.66, 1.0, None, None, True)
    sidecar = Sidecar(image="a.png", pixel_size_um=(0.1, 0.1), parts="nucleus+cytoplasm", method="hsv")
    return ExportItem(name, labels, sidecar, classes, (cell, other))


@pytest.mark.parametrize("name", list(EXPORTERS))
def test_contract_of_every_format(name: str, tmp_path: Path) -> None:
    exporter = EXPORTERS[name]
    assert exporter.name == name
    assert exporter.title
    assert exporter.summary
    assert exporter.ending.startswith("_")
    path = tmp_path / "out" / f"a{exporter.ending}"
    written = exporter.write(path, [item()])
    assert path in written
    assert sorted(p for p in path.parent.iterdir()) == sorted(written)
    for file in written:
        assert str(tmp_path).encode() not in file.read_bytes()
    before = {p: p.read_bytes() for p in written}
    exporter.write(path, [item()])
    assert {p: p.read_bytes() for p in written} == before, "the same result gives the same bytes"


def test_tiff_reads_back_without_loss(tmp_path: Path) -> None:
    EXPORTERS["tiff"].write(tmp_path / "a_labels.tif", [item()])
    found = read_labels(tmp_path / "a_labels.tif")
    np.testing.assert_array_equal(found.labels, item().labels)
    np.testing.assert_array_equal(found.classes, item().classes)
    assert found.sidecar is not None
    assert found.sidecar.pixel_size_um == (0.1, 0.1)


def test_png_is_a_binary_mask_with_its_scale(tmp_path: Path) -> None:
    EXPORTERS["png"].write(tmp_path / "a_mask.png", [item()])
    with Image.open(tmp_path / "a_mask.png") as image:
        assert image.mode == "L"
        assert image.info["dpi"] == pytest.approx((254_000, 254_000), rel=1e-4)
        assert not image.getexif()
        np.testing.assert_array_equal(np.asarray(image), np.where(item().labels > 0, 255, 0))


def test_csv_holds_the_cells_of_many_images(tmp_path: Path) -> None:
    EXPORTERS["csv"].write(tmp_path / "all.csv", [item("a.png"), item("x/b.png")])
    with (tmp_path / "all.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["image", *EXPORTED_CELL_COLUMNS]
    assert [(r["image"], r["label"]) for r in rows] == [
        ("a.png", "1"),
        ("a.png", "2"),
        ("x/b.png", "1"),
        ("x/b.png", "2"),
    ]
    assert float(rows[0]["area_um2"]) == pytest.approx(4.0)
    assert float(rows[0]["equivalent_diameter_um"]) == pytest.approx(2.25676, rel=1e-5)
    assert rows[1]["nucleus_area_px"] == ""
    assert rows[1]["touches_border"] == "true"


EARLIER = (
    "label", "y", "x", "area_px", "equivalent_diameter_px", "circularity", "eccentricity", "solidity",
    "nucleus_area_px", "nucleus_cell_ratio", "touches_border", "area_um2", "equivalent_diameter_um", "schema_version",
)  # fmt: skip
"""Columns that others read by place."""


def test_new_columns_stand_behind_the_earlier_ones_and_details_behind_them() -> None:
    assert CELL_COLUMNS[: len(EARLIER)] == EARLIER
    assert DETAILED_CELL_COLUMNS[: len(CELL_COLUMNS)] == CELL_COLUMNS
    assert "predicted" not in DETAILED_CELL_COLUMNS


def test_csv_of_cells_measured_on_the_image_tells_them_in_detail(tmp_path: Path) -> None:
    plain = item()
    cell = dataclasses.replace(plain.cells[0], perimeter_px=70.5, mean_red=120.25, nucleus_lobes=2, cell_class="blast")
    told = dataclasses.replace(plain, cells=(cell, plain.cells[1]), detailed=True, red_cell_px=11.2837915)
    EXPORTERS["csv"].write(tmp_path / "a.csv", [told])
    with (tmp_path / "a.csv").open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert list(first) == ["image", *DETAILED_CELL_COLUMNS]
    assert (first["mean_red"], first["nucleus_lobes"], first["cell_class"]) == ("120.25", "2", "blast")
    assert float(first["perimeter_um"]) == pytest.approx(7.05)
    assert float(first["nucleus_area_um2"]) == pytest.approx(1.0)
    assert float(first["diameter_red_cells"]) == pytest.approx(2.0, rel=1e-4)
    assert (second["mean_red"], second["cell_class"], second["perimeter_px"]) == ("", "", "")
