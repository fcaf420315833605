"""What classifiers are shown: shapes, types, and that no view shows the scale bar."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.data.scalebar import find_scale_bar
from napari_all.data.synthetic import make_smear
from napari_all.data.transforms import prepare
from napari_all.data.views import DEFAULT_VIEW, VIEWS, view_named, white_cells
from napari_all.errors import MaskError, UsageError


@pytest.fixture(params=list(VIEWS))
def view(request):
    return VIEWS[request.param]


@pytest.mark.parametrize("shape", [(224, 224), (97, 211), (300, 260), (16, 20)])
def test_every_view_is_a_square_of_its_channels_and_leaves_the_image_alone(view, shape):
    rgb = make_smear(1, shape, 22.0).rgb if min(shape) > 60 else np.full((*shape, 3), 200, np.uint8)
    before = rgb.copy()
    shown = view.make(rgb, 64)
    assert (shown.shape, shown.dtype) == ((64, 64, view.channels), np.uint8)
    np.testing.assert_array_equal(shown, view.make(rgb, 64))
    np.testing.assert_array_equal(rgb, before)
    assert view.summary.endswith(".")


def test_the_default_view_is_what_the_shipped_network_learnt_from(field):
    prepared = prepare(field.rgb, 128)
    np.testing.assert_array_equal(VIEWS[DEFAULT_VIEW].make(field.rgb, 128), prepared.shown)
    for view in VIEWS.values():
        np.testing.assert_array_equal(view.prepare(field.rgb, 128).look, prepared.look)


def test_cells_are_kept_and_the_rest_is_black(field):
    mask = field.labels > 0
    rgb, both, cells = (VIEWS[name].make(field.rgb, 224, mask) for name in ("rgb", "rgb+segmented", "cells"))
    np.testing.assert_array_equal(both[..., :3], rgb)
    np.testing.assert_array_equal(both[..., 3:], cells)
    np.testing.assert_array_equal(cells[mask], rgb[mask])
    assert not cells[~mask].any()
    np.testing.assert_array_equal(VIEWS[DEFAULT_VIEW].make(field.rgb, 224, mask)[..., 3] > 127, mask)


def test_white_cells_found_by_colour_are_those_of_the_smear(field):
    found = white_cells(field.rgb, 224)
    truth = field.labels > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.7
    assert white_cells(make_smear(2, (100, 300), 22.0).rgb, 64).shape == (100, 300)


def test_wrong_masks_and_names_are_refused(field):
    with pytest.raises(MaskError, match=r"the mask is \(2, 2\)"):
        VIEWS["rgb"].make(field.rgb, 64, np.ones((2, 2), bool))
    with pytest.raises(UsageError, match=r"unknown view 'grey'; choose one of .*'rgb\+segmented'"):
        view_named("grey")


def test_no_view_shows_a_bar_that_is_found(view, data_dir):
    from napari_all.data.dataset import find_labelled_images
    from napari_all.io.images import read_image

    images = [read_image(image.path)[1] for image in find_labelled_images(data_dir / "taleqani-all")[::400]]
    barred = [rgb for rgb in images if find_scale_bar(rgb).any()]
    assert barred
    for rgb in barred:
        hidden = view.make(rgb, 224)[find_scale_bar(rgb)]
        assert np.ptp(hidden, axis=0).max() == 0, "one colour, whatever the bar was"
