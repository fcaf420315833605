"""What every segmentation method promises, whatever module it lives in."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, ImageError, UsageError
from napari_all.segmentation.methods import METHODS
from napari_all.workflows.segment import make_config, segment_image


class StopAtOnce:
    def report(self, stage: str, done: int, total: int) -> None: ...

    def message(self, text: str) -> None: ...

    def raise_if_cancelled(self) -> None:
        raise Cancelled("stopped by the test")


@pytest.fixture(params=list(METHODS))
def method(request: pytest.FixtureRequest):
    return METHODS[request.param]


def test_it_describes_itself(method):
    assert method.title
    assert method.summary.endswith(".")
    assert "default" in method.presets
    for preset in method.presets.values():
        assert isinstance(preset.settings, method.settings)
    for name, field in method.settings.model_fields.items():
        assert field.description, f"{name} has no description for its form"


def test_labels_and_classes_agree_and_are_numbered_in_raster_order(method):
    smear = make_smear(3, (160, 200), 32, stain="purple-grey")
    result = segment_image(smear.rgb, make_config(method.name))
    assert result.labels.shape == result.classes.shape == smear.rgb.shape[:2]
    assert (result.labels.dtype, result.classes.dtype) == (np.int32, np.uint8)
    np.testing.assert_array_equal(result.labels > 0, result.classes > 0)
    firsts = [np.flatnonzero(result.labels.ravel() == k)[0] for k in range(1, result.labels.max() + 1)]
    assert firsts == sorted(firsts)
    assert result.labels.max() > 0, "a smear with white cells has none"
    assert result.parts == method.parts


def test_it_is_deterministic_and_leaves_its_input_alone(method):
    rgb = make_smear(4, (120, 150), 30).rgb
    before = rgb.copy()
    config = make_config(method.name)
    first, second = segment_image(rgb, config), segment_image(rgb, config)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(rgb, before)


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (33, 65)])
def test_odd_sizes_work(method, shape):
    rgb = np.full((*shape, 3), 240, np.uint8)
    assert segment_image(rgb, make_config(method.name)).labels.shape == shape


def test_cancel_stops_it(method):
    with pytest.raises(Cancelled):
        segment_image(make_smear(0, (64, 64), 24).rgb, make_config(method.name), StopAtOnce())


@pytest.mark.parametrize("bad", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3))])
def test_wrong_arrays_are_named(method, bad):
    with pytest.raises(ImageError, match="give \\(Y, X, 3\\) uint8"):
        segment_image(bad, make_config(method.name))


def test_unknown_settings_presets_and_methods_name_the_valid_ones(method):
    with pytest.raises(UsageError, match="unknown setting 'colour'; choose one of"):
        make_config(method.name, assignments=["colour=3"])
    with pytest.raises(UsageError, match="'default'"):
        make_config(method.name, "no-such-preset")
    with pytest.raises(UsageError, match="'hsv'"):
        make_config("no-such-method")


def test_preview_is_a_bool_mask_of_the_image(method):
    if method.preview is None:
        assert method.in_engine, "a method without a preview is a network"
        return
    rgb = make_smear(5, (90, 110), 30).rgb
    mask = method.preview(rgb, method.presets["default"].settings)
    assert mask.dtype == bool
    assert mask.shape == rgb.shape[:2]


def test_listing_methods_imports_no_torch():
    code = (
        "import sys; from napari_all.segmentation.methods import METHODS\n"
        "list(METHODS.items()); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
