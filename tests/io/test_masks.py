"""Labels, classes map and sidecar come back as they were written; foreign and damaged masks are handled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_all.errors import MaskError
from napari_all.io.masks import read_classes, read_labels, write_labels
from napari_all.io.sidecar import Sidecar


def cells(count: int = 5) -> np.ndarray:
    labels = np.zeros((60, 90), np.int32)
    for i in range(count):
        labels[10 + i : 30 + i, 15 * i : 15 * i + 10] = i + 1
    return labels


SIDECAR = Sidecar(
    image="a.png",
    image_sha256="0" * 64,
    pixel_size_um=(0.2, 0.1),
    parts="nucleus+cytoplasm",
    method="hsv",
    settings={"hue": [120, 150]},
    diameter_px=21.5,
    status="corrected",
)


def test_round_trip_is_exact(tmp_path: Path) -> None:
    labels = cells()
    labels[labels == 3] = 77  # numbers with gaps survive
    classes = np.where(labels > 0, 1, 0).astype(np.uint8)
    classes[labels == 77] = 2
    written = write_labels(tmp_path / "sub" / "a_labels.tif", labels, SIDECAR, classes)
    assert [p.name for p in written] == ["a_labels.tif", "a_classes.tif", "a_labels.json"]
    assert sorted(p.name for p in (tmp_path / "sub").iterdir()) == sorted(p.name for p in written)
    found = read_labels(written[0])
    np.testing.assert_array_equal(found.labels, labels)
    assert found.labels.dtype == np.int32
    np.testing.assert_array_equal(found.classes, classes)
    assert found.sidecar == SIDECAR.updated(shape=labels.shape, cells=5, classes="a_classes.tif")


@pytest.mark.parametrize(("largest", "dtype"), [(65_535, np.uint16), (65_536, np.uint32), (2**31 - 1, np.uint32)])
def test_type_on_disk_fits_the_largest_label(tmp_path: Path, largest: int, dtype: type) -> None:
    labels = cells()
    labels[0, 0] = largest
    path = write_labels(tmp_path / "a_labels.tif", labels, Sidecar())[0]
    assert tifffile.imread(path).dtype == dtype
    np.testing.assert_array_equal(read_labels(path).labels, labels)


def test_tiff_carries_pixel_size_and_compresses(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a_labels.tif", cells(), SIDECAR)[0]
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages[0].tags
        assert tags["XResolution"].value[0] / tags["XResolution"].value[1] == pytest.approx(1e5)
        assert tags["YResolution"].value[0] / tags["YResolution"].value[1] == pytest.approx(5e4)
        assert tags["ResolutionUnit"].value == 3
        assert "DateTime" not in tags
    assert path.stat().st_size < 60 * 90


def test_empty_label_image(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a_labels.tif", np.zeros((7, 9), np.int32), Sidecar())[0]
    assert read_labels(path).labels.shape == (7, 9)


def test_bad_labels_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    for bad in (cells() - 1, cells().astype(float), cells()[np.newaxis]):
        with pytest.raises(MaskError):
            write_labels(tmp_path / "a_labels.tif", bad, Sidecar())
    with pytest.raises(MaskError, match="one image"):
        write_labels(tmp_path / "a_labels.tif", cells(), Sidecar(), np.zeros((3, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_masks_of_other_programs(tmp_path: Path) -> None:
    labels = cells()
    Image.fromarray(labels.astype(np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(labels.astype(np.uint16)).save(tmp_path / "sixteen.png")
    indexed = Image.fromarray(labels.astype(np.uint8)).convert("P")
    indexed.putdata(labels.ravel().tolist())
    indexed.save(tmp_path / "palette.png")
    tifffile.imwrite(tmp_path / "cellpose.tif", labels[np.newaxis].astype(np.uint32))
    tifffile.imwrite(tmp_path / "float.tif", labels.astype(np.float32))
    Image.fromarray(labels > 0).save(tmp_path / "bits.png")
    for name in ("grey.png", "sixteen.png", "palette.png", "cellpose.tif", "float.tif"):
        found = read_labels(tmp_path / name)
        np.testing.assert_array_equal(found.labels, labels, err_msg=name)
        assert found.sidecar is None
        assert found.classes is None
    np.testing.assert_array_equal(read_labels(tmp_path / "bits.png").labels, labels > 0)


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(tmp_path / "rgb.png")
    tifffile.imwrite(tmp_path / "prob.tif", np.full((5, 5), 0.5, np.float32))
    tifffile.imwrite(tmp_path / "neg.tif", np.full((5, 5), -1, np.int16))
    (tmp_path / "text.png").write_text("x")
    (tmp_path / "cut.tif").write_bytes(b"II*\0")
    for name in ("rgb.png", "prob.tif", "neg.tif", "text.png", "cut.tif", "none.tif"):
        with pytest.raises(MaskError, match=name.split(".")[0]):
            read_labels(tmp_path / name)
    tifffile.imwrite(tmp_path / "c.tif", np.full((5, 5), 3, np.uint8))
    with pytest.raises(MaskError, match="0, 1 and 2"):
        read_classes(tmp_path / "c.tif")


def test_truncated_labels_are_no_empty_labels(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a_labels.tif", np.arange(40_000, dtype=np.int32).reshape(200, 200), SIDECAR)[0]
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(MaskError, match="a_labels"):
        read_labels(path)


def test_damaged_foreign_and_newer_sidecars(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a_labels.tif", cells(), SIDECAR)[0]
    good = json.loads(path.with_suffix(".json").read_text())
    for text, words in (
        ("{", "damaged"),
        ("[1]", "no sidecar"),
        (json.dumps({"schema_version": 99}), "newer"),
        (json.dumps(good | {"shape": [3, 3]}), "sidecar says"),
        (json.dumps(good | {"parts": "eyes"}), "parts"),
    ):
        path.with_suffix(".json").write_text(text)
        with pytest.raises(MaskError, match=words):
            read_labels(path)
