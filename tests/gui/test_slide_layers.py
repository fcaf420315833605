"""Slides in the viewer: multiscale, read as they are looked at, placed by their pixel size."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.layers import Image

from napari_all.errors import ImageError
from napari_all.files import write_json
from napari_all.gui.layer_notes import image_notes
from napari_all.gui.layers import origin, to_rgb
from napari_all.gui.reader import get_image_reader, get_labels_reader
from napari_all.io.sidecar import Sidecar

RGB = np.random.default_rng(0).integers(0, 255, (1200, 1500, 3), np.uint8)


@pytest.fixture
def slide(tmp_path):
    path = tmp_path / "slide.svs"
    with tifffile.TiffWriter(path) as tif:
        tif.write(RGB, tile=(256, 256), photometric="rgb", subifds=1, description="|MPP = 0.5", metadata=None)
        tif.write(RGB[::4, ::4], tile=(256, 256), photometric="rgb", subfiletype=1, metadata=None)
    return path


def test_a_slide_is_a_multiscale_layer_in_its_place(make_napari_viewer, slide):
    viewer = make_napari_viewer(show=True)
    (data,) = get_image_reader(str(slide))(str(slide))
    layer = viewer.add_layer(Image(data[0], **data[1]))
    assert layer.multiscale
    assert [level.shape for level in layer.data] == [(1200, 1500, 3), (300, 375, 3)]
    np.testing.assert_array_equal(layer.data[0][1000:1100, 1020:1030].compute(), RGB[1000:1100, 1020:1030])
    assert tuple(layer.scale[-2:]) == (0.5, 0.5)
    assert image_notes(layer).record.shape == (1200, 1500)
    assert viewer.screenshot(canvas_only=True, flash=False)[..., :3].std() > 10
    np.testing.assert_array_equal(to_rgb(layer), RGB)


def test_labels_of_a_slide_are_seen_and_not_painted_on(make_napari_viewer, tmp_path):
    labels = np.zeros((1200, 1500), np.uint16)
    labels[300:700, 500:900] = 3
    path = tmp_path / "slide_labels.tif"
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        tif.write(labels, tile=(256, 256), subifds=1, metadata=None)
        tif.write(labels[::4, ::4], tile=(256, 256), subfiletype=1, metadata=None)
    write_json(tmp_path / "slide_labels.json", Sidecar(shape=labels.shape, cells=1).model_dump(mode="json"))
    viewer = make_napari_viewer(show=True)
    (data,) = get_labels_reader(str(path))(str(path))
    layer = viewer.add_labels(data[0], **data[1])
    assert layer.multiscale
    assert not layer.editable
    assert origin(layer).sidecar.cells == 1
    assert layer.get_value((500, 700), world=True) is not None
    assert viewer.screenshot(canvas_only=True, flash=False)[..., :3].std() > 5


def test_a_slide_is_not_taken_into_memory_in_one_piece():
    levels = [da.zeros((n, n, 3), np.uint8, chunks=(1024, 1024, 3)) for n in (20_000, 1_000)]
    with pytest.raises(ImageError, match=r"slide of 20,000 × 20,000.*napari-all segment"):
        to_rgb(Image(levels, rgb=True, multiscale=True, name="large"))
