"""What every importer promises: its exporter's files come back whole, and no two formats claim one file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile
from hypothesis import given, settings
from label_images import label_images, random_classes, random_labels
from PIL import Image
from pycocotools import mask as coco_masks

from napari_all.errors import MaskError, UsageError
from napari_all.io.exporters import EXPORTERS
from napari_all.io.importers import IMPORTERS, Imported, ImportRequest
from napari_all.io.importing import images_in, read_cells, recognise
from napari_all.io.masks import LabelsFile
from napari_all.io.sidecar import Sidecar
from napari_all.workflows.export import make_item

GIVEN = {1: "Pre-B", 7: "blast, odd"}
SIZE = (0.125, 0.25)
TABLES = ("csv", "parquet")
PARTED = ("tiff", "ome-tiff", "coco", "coco-polygons", "geojson", "imagej")
"""Formats that tell nucleus from cytoplasm."""
CLASSED = (*PARTED, "cellpose", *TABLES)
SCALED = (*PARTED, "cellpose", "png-labels", "png")


def item(labels, parts: str = "nucleus+cytoplasm", image: str = "sub/a.png"):
    sidecar = Sidecar(image="a.png", parts=parts, pixel_size_um=SIZE, method="hsv", settings={"hue_low": 3})
    classes = random_classes(labels, 0) if parts == "nucleus+cytoplasm" else np.where(labels > 0, 2, 0).astype(np.uint8)
    return make_item(image, labels, sidecar, classes, GIVEN)


def export(name: str, folder: Path, *items) -> Path:
    path = folder / f"a{EXPORTERS[name].ending}"
    EXPORTERS[name].write(path, items)
    return path


def read(path: Path, request: ImportRequest | None = None) -> list[Imported]:
    return list(read_cells(path, recognise(path), request or ImportRequest()))


def with_labels(labels) -> ImportRequest:
    return ImportRequest(labels_of=lambda _: LabelsFile(labels, None, None), shape=labels.shape)


@pytest.mark.parametrize("name", list(EXPORTERS))
@given(labels=label_images)
@settings(max_examples=10)
def test_every_export_is_imported_again(tmp_path: Path, name: str, labels) -> None:
    one = item(labels)
    path = export(name, tmp_path, one)
    imported_as = name.removesuffix("-polygons").removesuffix("-labels")
    assert [n for n, importer in IMPORTERS.items() if importer.recognises(path)] == [imported_as]
    found = read(path, with_labels(labels))
    if name in TABLES and not labels.any():
        assert found == []
        return
    (again,) = found
    if name == "png":
        np.testing.assert_array_equal(again.labels > 0, labels > 0)
    else:
        np.testing.assert_array_equal(again.labels, labels)
    if name in CLASSED:
        assert dict(again.cell_classes) == {k: v for k, v in GIVEN.items() if (labels == k).any()}
    if name in SCALED and (labels.any() or name != "imagej"):
        assert again.sidecar.pixel_size_um == pytest.approx(SIZE, rel=1e-6)
    if name in PARTED and labels.any():
        np.testing.assert_array_equal(again.classes, one.classes)
    if name in ("tiff", "ome-tiff", "coco", "coco-polygons", "geojson", "cellpose"):
        assert (again.sidecar.method, again.sidecar.settings) == ("hsv", {"hue_low": 3})


@pytest.mark.parametrize("parts", ["nucleus", "cell"])
@pytest.mark.parametrize("name", PARTED)
def test_what_the_outlines_mean_comes_back(tmp_path: Path, name: str, parts: str) -> None:
    labels = random_labels(5)
    (again,) = read(export(name, tmp_path, item(labels, parts)))
    assert again.sidecar.parts == parts
    np.testing.assert_array_equal(again.classes, np.where(labels > 0, 2, 0))


@pytest.mark.parametrize("name", ["coco", "coco-polygons", *TABLES])
def test_many_images_of_one_file(tmp_path: Path, name: str) -> None:
    labels = {"x/a.png": random_labels(3), "y/a.png": random_labels(5)}
    path = export(name, tmp_path, *(item(plane, image=image) for image, plane in labels.items()))
    assert images_in(path, recognise(path)) == list(labels)
    for again in read(path, ImportRequest(labels_of=lambda image: LabelsFile(labels[image], None, None))):
        np.testing.assert_array_equal(again.labels, labels[again.image])


def test_a_table_of_other_labels_is_refused(tmp_path: Path) -> None:
    labels = random_labels(5)
    path = export("csv", tmp_path, item(labels))
    with pytest.raises(MaskError, match="--labels"):
        read(path)
    changed = labels.copy()
    changed[tuple(np.argwhere(labels)[0])] = 0
    with pytest.raises(MaskError, match="other labels"):
        read(path, with_labels(changed))


def qupath(*features: dict) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


def square(x: int, y: int, side: float = 3, **more) -> dict:
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, **more}


def test_geojson_of_qupath_0_2_to_0_5(tmp_path: Path) -> None:
    new = square(
        0,
        0,
        properties={
            "objectType": "cell",
            "classification": {"name": "Tumor", "color": [200, 0, 0]},
            "measurements": {"Label": 9.0},
        },
    )
    new["nucleusGeometry"] = square(1, 1, 1)["geometry"]
    old = square(5, 0, id="PathCellObject", properties={"measurements": [{"name": "Label", "value": 4}]})
    plain = square(0, 5, properties={"object_type": "detection"})
    region = square(0, 0, 20, properties={"objectType": "annotation"})
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 1]}, "properties": {}}
    path = tmp_path / "a.json"
    path.write_text(qupath(region, new, old, plain, point))
    (found,) = read(path, ImportRequest(shape=(10, 12)))
    assert {n: int((found.labels == n).sum()) for n in (4, 9, 10)} == {4: 9, 9: 9, 10: 9}
    assert found.labels.shape == (10, 12)
    assert found.cell_classes == {9: "Tumor"}
    assert found.classes is not None
    assert np.argwhere(found.classes == 2).tolist() == [[1, 1]]
    assert any("2 objects" in note for note in found.notes)
    (alone,) = read(path)
    assert alone.labels.shape == (8, 8)


def test_annotations_are_cells_where_there_are_no_others(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps([square(0, 0, properties={"objectType": "annotation"}), square(2, 2, properties={})]))
    (found,) = read(path)
    assert [int((found.labels == n).sum()) for n in (1, 2)] == [9, 8]
    assert any("several cells" in note for note in found.notes)


def test_coco_of_others(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), np.uint8, order="F")
    mask[1:4, 2:5] = 1
    counts = coco_masks.encode(mask)["counts"].decode()
    pieces = [[6, 4, 8, 4, 8, 6, 6, 6], [0, 5, 1, 5, 1, 6, 0, 6]]
    told = {
        "images": [{"id": 3, "file_name": "b.jpg", "width": 8, "height": 6}],
        "categories": [{"id": 1, "name": "WBC"}],
        "annotations": [
            {"id": 5, "image_id": 3, "category_id": 1, "segmentation": {"size": [6, 8], "counts": counts}},
            {"id": 6, "image_id": 3, "category_id": 1, "segmentation": pieces},
            {"id": 7, "image_id": 3, "category_id": 1, "bbox": [0, 0, 2, 2]},
        ],
    }  # fmt: skip
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(told))
    (found,) = read(path)
    np.testing.assert_array_equal(found.labels == 5, mask)
    assert (found.labels == 6).sum() == 5
    assert found.cell_classes == {5: "WBC", 6: "WBC"}
    assert any("boxes" in note for note in found.notes)


def test_compressed_run_lengths_are_those_of_pycocotools() -> None:
    from napari_all.io.run_lengths import decode, unpack

    for seed in range(40):
        mask = random_labels(seed) > 0
        packed = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
        again = np.zeros_like(mask)
        again[decode(unpack(packed), mask.shape)] = True
        np.testing.assert_array_equal(again, mask)


def test_rois_drawn_in_imagej(tmp_path: Path) -> None:
    oval = roifile.ImagejRoi(
        version=228, roitype=roifile.ROI_TYPE.OVAL, top=2, left=3, bottom=12, right=13, name="0002-0003"
    )
    line = roifile.ImagejRoi(version=228, roitype=roifile.ROI_TYPE.LINE, name="line")
    box = roifile.ImagejRoi(version=228, roitype=roifile.ROI_TYPE.RECT, top=0, left=15, bottom=2, right=18, name="box")
    roifile.roiwrite(tmp_path / "RoiSet.zip", [oval, line, box])
    (found,) = read(tmp_path / "RoiSet.zip")
    assert found.labels.shape == (12, 18)
    assert (found.labels == 1).sum() == pytest.approx(np.pi * 25, rel=0.05)
    assert (found.labels == 2).sum() == 6
    assert any("1 ROIs" in note for note in found.notes)
    box.tofile(tmp_path / "one.roi")
    assert (read(tmp_path / "one.roi")[0].labels == 1).sum() == 6


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_cellpose_of_every_pickle_protocol(tmp_path: Path, protocol: int) -> None:
    import pickle

    labels = random_labels(5)
    told = {
        "masks": labels.astype(np.uint16),
        "outlines": np.asfortranarray(labels),
        "colors": np.ones((3, 3)),
        "flows": [labels, [None, 1.5]],
        "filename": "C:\\Users\\me\\a.png",
        "ismanual": np.zeros(3, bool),
        "est_diam": np.float64(7.5),
        "chan_choose": [0, 0],
        "normalize_params": {"lowhigh": None, "normalize": True},
        "manual_changes": [("x", 3)],
    }
    path = tmp_path / "a_seg.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(np.array(told, dtype=object), stream, protocol=protocol)
    (found,) = read(path)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.image == "a.png"


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "run",))

    for number, content in enumerate(({"masks": Trap()}, {"masks": np.ones((2, 2), int), "x": Trap()}, Trap())):
        path = tmp_path / f"{number}_seg.npy"
        with path.open("wb") as stream:
            np.save(stream, np.array(content, dtype=object), allow_pickle=True)
        with pytest.raises(MaskError, match="not run"):
            read(path)
    assert not (tmp_path / "run").exists()


def test_labels_of_others(tmp_path: Path) -> None:
    labels = random_labels(5).astype(np.uint32)
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        labels,
        metadata={
            "axes": "YX",
            "PhysicalSizeX": 250,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 125,
            "PhysicalSizeYUnit": "nm",
        },
    )
    tifffile.imwrite(tmp_path / "b.tif", labels, imagej=False, resolution=(4e4, 8e4), resolutionunit="CENTIMETER")
    Image.fromarray(labels.astype(np.uint16)).save(tmp_path / "c.png", dpi=(25400 / 0.25, 25400 / 0.125))
    for path in sorted(tmp_path.iterdir()):
        (found,) = read(path)
        np.testing.assert_array_equal(found.labels, labels)
        assert found.sidecar.pixel_size_um == pytest.approx(SIZE, rel=1e-5)


def test_what_is_no_file_of_cells_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "numbers.npy", np.ones(3))
    (tmp_path / "notes.json").write_text('{"a": 1}')
    (tmp_path / "empty.geojson").touch()
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    for path in tmp_path.iterdir():
        with pytest.raises(MaskError, match=r"known kind.*QuPath"):
            recognise(path)
    with pytest.raises(MaskError, match="cannot open"):
        recognise(tmp_path / "missing")
    with pytest.raises(UsageError, match="'geojson'"):
        recognise(tmp_path / "notes.json", "geo")
