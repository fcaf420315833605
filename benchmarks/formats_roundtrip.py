"""Random label images through every format: written, read by the format's own library, imported again, compared.

python benchmarks/formats_roundtrip.py [--count 1000] [--seed 0] [--output docs/results/formats.json]

Images of 1 to 64 pixels a side with up to 30 cells: ellipses with holes, cut by noise into pieces, numbered with gaps.
A difference is a number, an area, a class or a part that is not the same. Exit code 1 when there is one. No data
needed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow.parquet
import roifile
import shapely
import tifffile
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO

from napari_all import __version__
from napari_all.files import write_json
from napari_all.io.exporters import EXPORTERS, ExportItem
from napari_all.io.importers import ImportRequest
from napari_all.io.importing import read_cells, recognise
from napari_all.io.masks import LabelsFile
from napari_all.io.sidecar import Sidecar
from napari_all.io.tables import read_table
from napari_all.workflows.export import make_item

Areas = dict[int, int]
CLASSES = ("Benign", "Early Pre-B", "Pre-B", "Pro-B")


def draw(rng: np.random.Generator) -> ExportItem:
    labels = np.zeros(tuple(rng.integers(1, 65, 2)), np.int32)
    y, x = np.indices(labels.shape)
    highest = int(rng.choice([40, 300, 65_535]))
    for number in rng.choice(np.arange(1, highest + 1), size=int(rng.integers(0, 31)), replace=False):
        middle, radii = rng.uniform(0, labels.shape), rng.uniform(0.6, 12, 2)
        away = ((y - middle[0]) / radii[0]) ** 2 + ((x - middle[1]) / radii[1]) ** 2
        labels[(away <= 1) & (away >= rng.choice([0, 0, 0.2]))] = number
    if rng.random() < 0.4:
        labels[rng.random(labels.shape) < 0.1] = 0
    classes = np.where(labels > 0, 1 + (rng.random(labels.shape) < 0.5), 0).astype(np.uint8)
    numbers = np.unique(labels[labels > 0])
    given = {int(n): str(rng.choice(CLASSES)) for n in numbers if rng.random() < 0.5}
    sidecar = Sidecar(image="a.png", parts="nucleus+cytoplasm", pixel_size_um=(0.125, 0.25))
    return make_item("a.png", labels, sidecar, classes, given)


def areas(labels: NDArray[np.int32]) -> Areas:
    numbers, counts = np.unique(labels[labels > 0], return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def by_pycocotools(path: Path) -> Areas:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(path)
    return {a["id"]: int(coco.annToMask(a).sum()) for a in coco.dataset["annotations"] if "nucleus_of" not in a}


def by_shapely(path: Path) -> Areas:
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    found = {
        f["properties"]["measurements"]["Label"]: shapely.from_geojson(json.dumps(f["geometry"])) for f in features
    }
    return {label: int(shape.area) if shape.is_valid else -1 for label, shape in found.items()}


def by_roifile(path: Path) -> Areas:
    found = {}
    for roi in roifile.roiread(path):
        told = roi.properties
        if told["napari_all_part"] == "cell":
            rings = [ring.astype(float) for ring in roi.coordinates(multi=True)]
            twice = [np.sum(r[:, 0] * np.roll(r[:, 1], -1) - r[:, 1] * np.roll(r[:, 0], -1)) for r in rings]
            found[told["napari_all_label"]] = int(abs(sum(twice)) / 2)
    return found


def by_numpy(path: Path) -> Areas:
    return areas(np.load(path, allow_pickle=True).item()["masks"])


def by_pillow(path: Path) -> Areas:
    with Image.open(path) as image:
        return areas(np.asarray(image).astype(np.int32))


def by_pyarrow(path: Path) -> Areas:
    return {row["label"]: row["area_px"] for row in pyarrow.parquet.read_table(path).to_pylist()}


def by_csv(path: Path) -> Areas:
    return {int(row["label"]): int(row["area_px"]) for row in read_table(path)}


OWN_LIBRARY: dict[str, tuple[str, Callable[[Path], Areas]]] = {
    "tiff": ("tifffile", lambda path: areas(tifffile.imread(path))),
    "ome-tiff": ("tifffile", lambda path: areas(tifffile.imread(path, series=0))),
    "png-labels": ("pillow", by_pillow),
    "png": ("pillow", by_pillow),
    "coco": ("pycocotools", by_pycocotools),
    "coco-polygons": ("pycocotools", by_pycocotools),
    "geojson": ("shapely", by_shapely),
    "imagej": ("roifile", by_roifile),
    "cellpose": ("numpy", by_numpy),
    "parquet": ("pyarrow", by_pyarrow),
    "csv": ("csv of Python", by_csv),
}
PARTED = ("tiff", "ome-tiff", "coco", "coco-polygons", "geojson", "imagej")
CLASSED = (*PARTED, "cellpose", "csv", "parquet")


def same_in_own_library(name: str, path: Path, item: ExportItem) -> bool:
    if name == "png":  # a mask: the area of all cells together
        return sum(by_pillow(path).values()) == np.count_nonzero(item.labels)
    if name == "imagej" and not item.labels.any():
        return True  # an empty ZIP, of which roifile makes an error
    return OWN_LIBRARY[name][1](path) == areas(item.labels)


def same_imported(name: str, path: Path, item: ExportItem) -> bool:
    plain = LabelsFile(item.labels, None, None)
    request = ImportRequest(shape=item.labels.shape, labels_of=lambda _: plain)
    found = list(read_cells(path, recognise(path), request))
    if not found:
        return name in ("csv", "parquet") and not item.labels.any()
    again = found[0]
    same = np.array_equal(again.labels > 0, item.labels > 0) if name == "png" else np.array_equal(
        again.labels, item.labels
    )  # fmt: skip
    if name in PARTED and item.labels.any():
        same = same and np.array_equal(again.classes, item.classes)
    if name in CLASSED:
        same = same and dict(again.cell_classes) == item.cell_classes
    return same


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, exporter in EXPORTERS.items():
            path = Path(folder) / f"a{exporter.ending}"
            rng = np.random.default_rng(args.seed)
            library, imported, cells = 0, 0, 0
            begin = time.process_time()
            for _ in range(args.count):
                item = draw(rng)
                cells += len(item.cells)
                exporter.write(path, [item])
                library += not same_in_own_library(name, path, item)
                imported += not same_imported(name, path, item)
            reader = OWN_LIBRARY[name][0]
            results[name] = {
                "images": args.count,
                "cells": cells,
                "own_library": reader,
                "differences_in_own_library": library,
                "differences_after_import": imported,
                "cpu_seconds": round(time.process_time() - begin, 1),
            }
            print(
                f"{name:14} {args.count} images, {cells} cells: {library} differ in {reader}, {imported} after import"
            )
    libraries = {n: version(n) for n in ("tifffile", "pillow", "pycocotools", "shapely", "roifile", "numpy", "pyarrow")}
    if args.output:
        content = {
            "command": f"python benchmarks/formats_roundtrip.py --count {args.count} --seed {args.seed}",
            "software": f"napari-all {__version__}",
            "libraries": libraries,
            "formats": results,
        }
        write_json(args.output, content)
    bad = any(r["differences_in_own_library"] or r["differences_after_import"] for r in results.values())
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
