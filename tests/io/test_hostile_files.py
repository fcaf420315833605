"""Damaged files and traps become a `MaskError` in little time and memory; nothing in them is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from label_images import random_labels

from napari_all.errors import MaskError
from napari_all.io.exporters import EXPORTERS
from napari_all.io.importers import IMPORTERS, ImportRequest
from napari_all.io.importing import read_cells, recognise
from napari_all.io.masks import LabelsFile
from napari_all.io.sidecar import Sidecar
from napari_all.workflows.export import make_item

MOST = 1_000_000
LABELS = random_labels(5)


def read(path: Path) -> None:
    request = ImportRequest(max_pixels=MOST, labels_of=lambda _: LabelsFile(LABELS, None, None))
    list(read_cells(path, recognise(path), request))


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("valid")
    item = make_item("a.png", LABELS, Sidecar(image="a.png", pixel_size_um=(0.1, 0.1)))
    for exporter in EXPORTERS.values():
        exporter.write(folder / f"a{exporter.ending}", [item])
    return {name: (folder / f"a{exporter.ending}").read_bytes() for name, exporter in EXPORTERS.items()}


@pytest.mark.parametrize("name", list(EXPORTERS))
@given(data=st.data())
@settings(max_examples=12)
def test_damage_is_told_or_does_no_harm(
    valid: dict[str, bytes], tmp_path: Path, name: str, data: st.DataObject
) -> None:
    content = bytearray(valid[name])
    at = data.draw(st.integers(0, len(content)))
    match data.draw(st.sampled_from(["cut", "change", "fill", "repeat"])):
        case "cut":
            content = content[:at]
        case "change":
            content[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
        case "fill":
            content[at : at + 4] = b"\xff\xff\xff\xff"
        case "repeat":
            content[at:at] = content[at : at + 50] * 4
    path = tmp_path / f"a{EXPORTERS[name].ending}"
    path.write_bytes(content)
    told = path.name
    try:
        read(path)
    except MaskError as error:
        told = str(error)
    assert path.name in told
    assert str(tmp_path) not in told


def refused(path: Path, content: bytes, words: str = "") -> None:
    path.write_bytes(content)
    with pytest.raises(MaskError, match=words):
        read(path)


def npy(pickled: bytes) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})
    return stream.getvalue() + pickled


class Runs:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, ("touch ran",))


@pytest.mark.parametrize(
    "pickled",
    [
        pickle.dumps({"masks": np.ones((3, 3)), "x": Runs()}),
        b"cos\nsystem\n(S'touch ran'\ntR.",
        b"\x80\x04]r\xff\xff\xff\xff.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
        b"\x80\x04}" + b")" + b"\x85" * 100_000 + b"Ks.",
        b"\x80\x04" + b"]\x94" + b"h\x00a" + b".",
        b"\x80\x04]" + b"".join(b"\x94(" + b"h%c" % n * 10 + b"t" for n in range(60)) + b".",
        pickle.dumps(np.dtype("V9")),
        b"garbage",
        b"",
    ],
    ids=["code", "old code", "memory", "length", "deep key", "itself", "doubling", "type", "garbage", "empty"],
)
def test_cellpose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pickled: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    refused(tmp_path / "a_seg.npy", npy(pickled))
    assert not (tmp_path / "ran").exists()


def coco(size: tuple[object, object] = (5, 5), segmentation: object = None, name: object = "a.png") -> bytes:
    image = {"id": 1, "file_name": name, "height": size[0], "width": size[1]}
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": segmentation}
    return json.dumps({"images": [image], "annotations": [annotation]}).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (coco((2**31, 2**31)), "over the limit"),
        (coco((-5, 5)), "said to be"),
        (coco((5, "5")), "said to be"),
        (coco(segmentation={"size": [5, 5], "counts": [2**62, 2**62]}), "do not fit"),
        (coco(segmentation={"size": [9, 9], "counts": [1]}), "run lengths are of"),
        (coco(segmentation={"size": [5, 5], "counts": "o" * 90}), "damaged"),
        (coco(segmentation=[[1, 2, 3]]), "no list of x, y"),
        (coco(segmentation=[[1e308, 0, 0, -1e308, 5, 5]]), "no place"),
        (coco(name=7), "file_name 7"),
        (b'{"images":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "damaged"),
        (b'{"images":[' + b"9" * 10_000 + b"]}", "a.json"),
    ],
)
def test_coco(tmp_path: Path, content: bytes, words: str) -> None:
    refused(tmp_path / "a.json", content, words)


def geojson(coordinates: object, **more: object) -> bytes:
    return json.dumps({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": coordinates}, **more}).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (geojson([[[0, 0], [1e6, 0], [1e6, 1e6]]]), "over the limit"),
        (geojson([[[0, 0], [float("nan"), 1], [3, 3]]]), "no place"),
        (geojson([[[0, 0], ["x", 1], [3, 3]]]), "damaged"),
        (geojson(7), "not a list"),
        (b'{"type":"FeatureCollection","features":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "damaged"),
        (b'{"type":"FeatureCollection","features":[1]}', "not an object"),
        (b'{"type":"FeatureCollection","features":[', "damaged"),
    ],
)
def test_geojson(tmp_path: Path, content: bytes, words: str) -> None:
    refused(tmp_path / "a.geojson", content, words)


def test_many_large_outlines_end_with_an_error_not_with_the_day(tmp_path: Path) -> None:
    features = [json.loads(geojson([[[0, 0], [900, 0], [900, 900], [0, 900]]]))] * 60
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    refused(tmp_path / "a.geojson", content, "many times over")


def zipped(**entries: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped(**{"bomb.roi": bytes(80_000_000)}), "trap"),
        (zipped(**{"a.roi": b"Iout" + bytes(20)}), "damaged"),
        (zipped(**{"a.roi": b"Iout\x00\xe4\x00\x00" + b"\x7f" * 80}), "damaged|no area|over the limit"),
        (zipped(**{"a.roi": b"x" * 500})[:-40], "damaged"),
    ],
)
def test_imagej(tmp_path: Path, content: bytes, words: str) -> None:
    refused(tmp_path / "a_rois.zip", content, words)


def test_names_in_a_zip_are_never_used_as_paths(tmp_path: Path, valid: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(valid["imagej"])) as archive:
        roi = archive.read(archive.namelist()[0])
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.zip").write_bytes(zipped(**{"../../out.roi": roi, "/tmp/out.roi": roi}))
    read(tmp_path / "in" / "a.zip")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.zip"]


def png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.parametrize(("width", "height"), [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (2000, 2000)])
def test_png(tmp_path: Path, width: int, height: int) -> None:
    refused(tmp_path / "a.png", png(width, height, bytes(10)), "limit|read|damaged")


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
def test_tiff_of_a_huge_declared_size(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    tifffile.imwrite(path, np.ones((4, 4), np.uint16), compression="zlib", ome="ome" in name)
    with tifffile.TiffFile(path, mode="r+b") as file:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            file.pages[0].tags[tag].overwrite(60_000)
    with pytest.raises(MaskError):
        read(path)


def test_ome_metadata_that_name_another_file_do_not_open_it(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "secret.tif", np.full((4, 4), 77, np.uint16))
    told = tmp_path / "in" / "a.ome.tif"
    told.parent.mkdir()
    tifffile.imwrite(told, np.ones((4, 4), np.uint16), ome=True, metadata={"axes": "YX"})
    content = told.read_bytes()
    start, end = content.index(b"<TiffData"), content.index(b"</Pixels>")
    elsewhere = b'<TiffData IFD="0" PlaneCount="1"><UUID FileName="../secret.tif">urn:uuid:1</UUID></TiffData>'
    xml = content[content.index(b"<?xml") : start] + elsewhere + content[end : content.index(b"</OME>") + 6]
    tifffile.imwrite(told, np.ones((4, 4), np.uint16), description=xml.decode(), metadata=None)
    try:
        (found,) = read_cells(told, IMPORTERS["ome-tiff"], ImportRequest())
    except MaskError:
        return
    assert found.labels.max() == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'image,label,area_px\n"' + b"x" * 300_000 + b"\n", "damaged"),
        (b"image,label,area_px\na.png," + b"9" * 10_000 + b",1\n", "damaged"),
        (b"image,label,area_px\na.png,-1,1\n", "other labels"),
        (b"image,label,area_px\na.png,x,1\n", "damaged"),
        (b"image,label,area_px\na.png\n", "damaged"),
        (b"image,label,area_px\na.png,1,inf\n", "damaged"),
    ],
)
def test_csv(tmp_path: Path, content: bytes, words: str) -> None:
    refused(tmp_path / "a.csv", content, words)


@pytest.mark.parametrize("length", [400, 2**31])
def test_parquet(tmp_path: Path, length: int) -> None:
    refused(tmp_path / "a.parquet", b"PAR1" + bytes(500) + struct.pack("<I", length) + b"PAR1", "damaged")
