"""Each format's own library finds the same numbers, areas, classes and sizes as stand in the label image."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import roifile
import shapely
import tifffile
from hypothesis import given, settings
from label_images import label_images, random_classes
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from napari_all.errors import MaskError
from napari_all.io.exporters import EXPORTERS, ExportItem
from napari_all.io.sidecar import Sidecar
from napari_all.workflows.export import make_item

GIVEN = {1: "Pre-B", 7: 'blast, odd "name"'}


def item(labels, image: str = "sub/a.png") -> ExportItem:
    classes = random_classes(labels, 0)
    sidecar = Sidecar(image=Path(image).name, parts="nucleus+cytoplasm", pixel_size_um=(0.125, 0.25), method="hsv")
    return make_item(image, labels, sidecar, classes, GIVEN)


def areas(labels) -> dict[int, int]:
    numbers, counts = np.unique(labels[labels > 0], return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def nuclei(one: ExportItem) -> dict[int, int]:
    return areas(np.where(one.classes == 2, one.labels, 0))


def export(name: str, folder: Path, *items: ExportItem) -> Path:
    path = folder / f"a{EXPORTERS[name].ending}"
    EXPORTERS[name].write(path, items)
    return path


@given(labels=label_images)
@settings(max_examples=15)
def test_tifffile_reads_ome_tiff(tmp_path: Path, labels) -> None:
    one = item(labels)
    with tifffile.TiffFile(export("ome-tiff", tmp_path, one)) as file:
        assert file.is_ome
        assert [s.name for s in file.series] == ["labels", "classes"]
        np.testing.assert_array_equal(file.series[0].asarray(), labels)
        np.testing.assert_array_equal(file.series[1].asarray(), one.classes)
        told = tifffile.xml2dict(file.ome_metadata)["OME"]
    pixels = told["Image"][0]["Pixels"]
    assert (pixels["PhysicalSizeY"], pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"]) == (0.125, 0.25, "µm")


@given(labels=label_images)
@settings(max_examples=15)
def test_pillow_reads_labels_from_png(tmp_path: Path, labels) -> None:
    with Image.open(export("png-labels", tmp_path, item(labels))) as image:
        np.testing.assert_array_equal(np.asarray(image), labels)
        assert image.info["dpi"] == pytest.approx((25400 / 0.25, 25400 / 0.125), rel=1e-5)
        assert not image.getexif()


def test_a_number_that_no_png_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="65535"):
        export("png-labels", tmp_path, item(np.full((2, 2), 70_000, np.int32)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["coco", "coco-polygons"])
@given(labels=label_images)
@settings(max_examples=15)
def test_pycocotools_reads_coco(tmp_path: Path, name: str, labels) -> None:
    one = item(labels)
    path = export(name, tmp_path, one)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(path)
    names = {number: category["name"] for number, category in coco.cats.items()}
    cells = [a for a in coco.dataset["annotations"] if names[a["category_id"]] != "nucleus"]
    assert {a["id"]: a["area"] for a in cells} == areas(labels)
    again = np.zeros_like(labels)
    for annotation in coco.dataset["annotations"]:
        mask = coco.annToMask(annotation).astype(bool)
        box = coco_masks.toBbox(coco.annToRLE(annotation)).tolist()
        assert box == annotation["bbox"]
        if "nucleus_of" in annotation:
            np.testing.assert_array_equal(mask, (labels == annotation["label"]) & (one.classes == 2))
        else:
            again[mask] = annotation["id"]
            assert names[annotation["category_id"]] == GIVEN.get(annotation["id"], "cell")
    np.testing.assert_array_equal(again, labels)


def test_one_coco_file_holds_many_images(tmp_path: Path) -> None:
    labels = np.array([[1, 0, 7], [1, 0, 7]], np.int32)
    told = json.loads(export("coco", tmp_path, item(labels, "x/a.png"), item(labels, "y/a.png")).read_text())
    assert [i["file_name"] for i in told["images"]] == ["x/a.png", "y/a.png"]
    ids = [a["id"] for a in told["annotations"]]
    assert len(ids) == len(set(ids))
    assert {a["label"] for a in told["annotations"]} == {1, 7}


@given(labels=label_images)
@settings(max_examples=15)
def test_shapely_reads_what_qupath_would(tmp_path: Path, labels) -> None:
    one = item(labels)
    told = json.loads(export("geojson", tmp_path, one).read_text(encoding="utf-8"))
    found, inner = {}, {}
    for feature in told["features"]:
        label = feature["properties"]["measurements"]["Label"]
        shapes = {
            key: shapely.from_geojson(json.dumps(feature[key]))
            for key in ("geometry", "nucleusGeometry")
            if key in feature
        }
        assert all(shape.is_valid for shape in shapes.values())
        found[label] = shapes["geometry"].area
        if "nucleusGeometry" in shapes:
            inner[label] = shapes["nucleusGeometry"].area
            assert shapes["geometry"].covers(shapes["nucleusGeometry"])
        assert feature["properties"]["objectType"] == "cell"
        assert feature["properties"].get("classification", {}).get("name") == GIVEN.get(label)
    assert found == areas(labels)
    assert inner == nuclei(one)
    assert told["napari_all"]["pixel_size_um"] == [0.125, 0.25]


@given(labels=label_images)
@settings(max_examples=15)
def test_roifile_reads_imagej(tmp_path: Path, labels) -> None:
    one = item(labels)
    rois = roifile.roiread(export("imagej", tmp_path, one)) if labels.any() else []
    found: dict[str, dict[int, float]] = {"cell": {}, "nucleus": {}}
    for roi in rois:
        rings = [ring.astype(float) for ring in roi.coordinates(multi=True)]
        twice = [np.sum(r[:, 0] * np.roll(r[:, 1], -1) - r[:, 1] * np.roll(r[:, 0], -1)) for r in rings]
        found[roi.properties["napari_all_part"]][roi.properties["napari_all_label"]] = abs(sum(twice)) / 2
        assert roi.properties["napari_all_pixel_size_um"] == "0.125 0.25"
    assert found == {"cell": areas(labels), "nucleus": nuclei(one)}


@given(labels=label_images)
@settings(max_examples=15)
def test_numpy_reads_cellpose_as_cellpose_does(tmp_path: Path, labels) -> None:
    told = np.load(export("cellpose", tmp_path, item(labels)), allow_pickle=True).item()
    np.testing.assert_array_equal(told["masks"], labels)
    assert set(np.unique(told["outlines"])) <= set(np.unique(labels)) | {0}
    assert told["filename"] == "a.png"
    assert len(told["ismanual"]) == labels.max(initial=0)


@given(labels=label_images)
@settings(max_examples=15)
def test_pyarrow_reads_parquet(tmp_path: Path, labels) -> None:
    one = item(labels)
    rows = pyarrow.parquet.read_table(export("parquet", tmp_path, one)).to_pylist()
    assert {row["label"]: row["area_px"] for row in rows} == areas(labels)
    assert {row["label"]: row["nucleus_area_px"] for row in rows if row["nucleus_area_px"]} == nuclei(one)
    assert [row["area_um2"] for row in rows] == pytest.approx([row["area_px"] / 32 for row in rows])
    assert {row["cell_class"] for row in rows} <= {*GIVEN.values(), None}
