"""Slides: read piece by piece, segmented block by block, stopped and gone on with, the same as in one piece."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

pytest.importorskip("torch")

from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, UsageError
from napari_all.io.inputs import InputImage
from napari_all.io.masks import read_labels
from napari_all.io.slides import open_slide
from napari_all.monitor import NullMonitor
from napari_all.segmentation.instances import components
from napari_all.segmentation.postprocess import typical_area
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.segment import make_config, segment_image
from napari_all.workflows.segment_files import Extras, ImageFiles
from napari_all.workflows.segment_slide import find_here, segment_slide
from napari_all.workflows.slide_plan import Overview, fix

DIAMETER = 140.0
SIDE = 4000
UNET = make_config("unet", assignments=[f"diameter_px={DIAMETER}"])


@dataclass(frozen=True)
class Large:
    rgb: np.ndarray
    tif: Path


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Large:
    """A slide of 4,000 x 4,000 pixels: smears side by side, the last quarter bare glass."""
    field = make_smear(7, (1000, 1000), DIAMETER, n_white=6, n_smudges=0, scale_bar=False).rgb
    rgb = np.tile(field, (4, 4, 1))
    rgb[2000:, 2000:] = 235
    path = tmp_path_factory.mktemp("slide") / "large.tif"
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        for step in (1, 4):
            tif.write(
                rgb[::step, ::step],
                tile=(512, 512),
                photometric="rgb",
                compression="zlib",
                subifds=1 if step == 1 else None,
                subfiletype=int(step > 1),
                resolution=(1e5, 1e5),
                resolutionunit="CENTIMETER",
                metadata=None,
            )
    return Large(rgb, path)


def run(large: Large, output: Path, block_px: int, monitor=None, resume=False):
    files = ImageFiles.of(InputImage(large.tif, large.tif.name), output)
    segment_slide(large.tif, files, UNET, Extras(), monitor or NullMonitor(), resume=resume, block_px=block_px)
    return files


@pytest.fixture(scope="module")
def in_blocks(large, tmp_path_factory):
    return run(large, tmp_path_factory.mktemp("blocks"), 1300)


def test_blocks_give_what_the_whole_image_gives(large, in_blocks):
    found, whole = read_labels(in_blocks.labels), segment_image(large.rgb, UNET)
    foreground = (found.labels > 0) | (whole.labels > 0)
    assert ((found.labels > 0) == (whole.labels > 0)).mean() > 0.9995
    assert (found.classes == whole.classes)[foreground].mean() > 0.995
    assert found.labels.max() == whole.labels.max()
    partner = [np.bincount(found.labels[whole.labels == n]).argmax() for n in range(1, whole.labels.max() + 1)]
    assert sorted(partner) == list(range(1, whole.labels.max() + 1)), "one cell for one cell"
    rows = list(csv.DictReader(in_blocks.cells.open()))
    assert [int(row["label"]) for row in rows] == list(range(1, whole.labels.max() + 1))
    assert sum(int(row["area_px"]) for row in rows) == np.count_nonzero(found.labels)
    ys, xs = np.nonzero(found.labels == 5)
    assert (float(rows[4]["y"]), float(rows[4]["x"])) == pytest.approx((ys.mean(), xs.mean()), abs=0.001)


def test_numbers_go_by_the_first_pixel(in_blocks):
    labels = read_labels(in_blocks.labels).labels
    _, first = np.unique(labels, return_index=True)
    assert (np.diff(first[1:]) > 0).all()


def test_the_files_are_pyramids_that_keep_the_pixel_size(in_blocks):
    with tifffile.TiffFile(in_blocks.labels) as tif:
        assert tif.is_bigtiff
        levels = tif.series[0].levels
        assert [level.shape for level in levels] == [(SIDE, SIDE), (SIDE // 4, SIDE // 4)]
        assert (levels[1].asarray() == levels[0].asarray()[::4, ::4]).all()
    assert read_labels(in_blocks.labels).sidecar.pixel_size_um == pytest.approx((0.1, 0.1))


def test_limits_of_colour_are_found_once_for_the_whole_slide(large, tmp_path):
    automatic = make_config("hsv")
    with open_slide(large.tif) as slide:
        fixed, diameter = fix(slide, Overview.of(slide), automatic, NullMonitor(), find_here)
    assert not fixed.settings["automatic"]
    whole = segment_image(large.rgb, fixed).labels
    assert whole.max() == 12 * 6
    assert diameter == pytest.approx(2 * np.sqrt(typical_area(components(whole > 0)) / np.pi), rel=0.05)
    for block_px in (1300, 2900):
        files = ImageFiles.of(InputImage(large.tif, large.tif.name), tmp_path / str(block_px))
        _, sidecar = segment_slide(large.tif, files, automatic, Extras(), NullMonitor(), block_px=block_px)
        found = read_labels(files.labels).labels
        assert ((found > 0) == (whole > 0)).mean() > 0.9999
        assert found.max() == whole.max()
        assert (sidecar.settings, sidecar.model, sidecar.parts) == (automatic.settings, None, "cell")


def test_a_slide_without_cells_says_what_to_do(tmp_path):
    tifffile.imwrite(tmp_path / "glass.tif", np.full((900, 900, 3), 235, np.uint8), tile=(256, 256), photometric="rgb")
    files = ImageFiles.of(InputImage(tmp_path / "glass.tif", "glass.tif"), tmp_path / "out")
    with pytest.raises(UsageError, match=r"no white cell.*give the settings"):
        segment_slide(tmp_path / "glass.tif", files, make_config("hsv"), Extras(), NullMonitor())


class StopAfter(NullMonitor):
    """Asks to stop when some blocks were done."""

    def __init__(self, blocks: int) -> None:
        self.blocks, self.seen = blocks, 0

    def report(self, stage: str, done: int, total: int) -> None:
        self.seen = max(self.seen, done)

    def raise_if_cancelled(self) -> None:
        if self.seen >= self.blocks:
            raise Cancelled("stopped")


def test_a_stopped_run_goes_on_and_gives_the_same(large, in_blocks, tmp_path):
    with pytest.raises(Cancelled):
        run(large, tmp_path, 1300, StopAfter(3))
    (work,) = tmp_path.glob(".*_work")
    journal = (work / "progress.jsonl").read_bytes()
    planes = zarr.open_group(work / "planes.zarr", mode="a")
    planes["labels"][1400:1500, 1400:1500] = 6 * 65536 + 1  # a block that was killed while it wrote
    (work / "progress.jsonl").write_bytes(journal + b'{"block": 4, "cel')
    files = run(large, tmp_path, 1300, resume=True)
    assert not work.exists()
    for name in ("labels", "classes", "cells"):
        assert getattr(files, name).read_bytes() == getattr(in_blocks, name).read_bytes()


def test_other_settings_begin_anew(large, tmp_path):
    with pytest.raises(Cancelled):
        run(large, tmp_path, 2000, StopAfter(1))
    (work,) = tmp_path.glob(".*_work")
    facts = [json.loads(line) for line in (work / "progress.jsonl").read_text().splitlines()]
    assert [entry["block"] for entry in facts if "block" in entry] == [0]
    with pytest.raises(Cancelled):
        run(large, tmp_path, 1900, StopAfter(0), resume=True)
    facts = [json.loads(line) for line in (work / "progress.jsonl").read_text().splitlines()]
    assert facts[0]["facts"]["block_px"] == 1900
    assert not [entry for entry in facts if "block" in entry]


def test_the_command_takes_slides_among_images(large, tmp_path):
    root = zarr.open_group(tmp_path / "in" / "small.zarr", mode="w", zarr_format=2)
    root.create_array("0", data=np.ascontiguousarray(large.rgb[:700, :900].transpose(2, 0, 1)), chunks=(3, 256, 256))
    scales = [{"type": "scale", "scale": [1, 0.1, 0.1]}]
    axes = [{"name": "c", "type": "channel"}, *({"name": n, "type": "space", "unit": "micrometer"} for n in "yx")]
    root.attrs["multiscales"] = [
        {"version": "0.4", "axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scales}]}
    ]
    record = segment_batch([tmp_path / "in"], tmp_path / "out", UNET)
    (entry,) = record.inputs
    assert (entry.image, entry.status, entry.shape) == ("small.zarr", "done", (700, 900))
    assert entry.pixel_size_um == pytest.approx((0.1, 0.1))
    whole = segment_image(np.ascontiguousarray(large.rgb[:700, :900]), UNET)
    assert (read_labels(tmp_path / "out" / "small_labels.tif").labels == whole.labels).all()
    again = segment_batch([tmp_path / "in"], tmp_path / "out", UNET, resume=True)
    assert again.inputs[0].status == "skipped"


@pytest.mark.parametrize(
    ("config", "extras", "why"),
    [
        (make_config("lab"), Extras(), "'lab'.*use hsv, unet"),
        (make_config("unet", assignments=["normalise=reinhard"]), Extras(), "reinhard"),
        (UNET, Extras(uncertainty=True), "no uncertainty map"),
    ],
)
def test_what_needs_whole_fields_is_refused(large, tmp_path, config, extras, why):
    files = ImageFiles.of(InputImage(large.tif, "large.tif"), tmp_path)
    with pytest.raises(UsageError, match=why):
        segment_slide(large.tif, files, config, extras, NullMonitor())
    assert not list(tmp_path.iterdir())
