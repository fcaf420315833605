"""Grad-CAM on a network whose answer is known place by place, and on the shipped one."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from napari_all.classes import SUBTYPES
from napari_all.classification.gradcam import grad_cam, share_inside
from napari_all.classification.predictor import load_predictor
from napari_all.data.views import VIEWS
from napari_all.errors import UsageError
from napari_all.networks.checkpoint import InputInfo, ModelCard

torch = pytest.importorskip("torch")


@pytest.fixture
def by_colour():
    """A classifier that sums red for the first class, green for the second, nothing for the others."""
    from napari_all.networks.modules.classifier import Classifier

    class ByColour(Classifier):
        def __init__(self) -> None:
            super().__init__()
            self.maps = torch.nn.ReLU(inplace=True)
            self.head = torch.nn.Linear(3, 4, bias=False)
            with torch.no_grad():
                self.head.weight.copy_(torch.tensor([[1.0, -1, 0], [-1, 1, 0], [-1, -1, -1], [0, 0, 0]]))

        def features(self, x):
            return torch.relu_(self.maps(x.clone())).mean((2, 3))

        def cam_layer(self):
            return self.maps

    card = ModelCard(name="m", task="classification", backbone="x", input=InputInfo(size_px=64), classes=SUBTYPES.names)
    return SimpleNamespace(card=card, view=VIEWS["rgb"], size_px=64, network=ByColour(), device="cpu")


@pytest.fixture
def two_spots():
    rgb = np.zeros((120, 160, 3), np.uint8)
    rgb[20:60, 20:60, 0] = 250
    rgb[20:60, 100:140, 1] = 200
    return rgb


def test_each_class_is_seen_where_what_speaks_for_it_lies(by_colour, two_spots):
    red, green = grad_cam(by_colour, two_spots, 0), grad_cam(by_colour, two_spots, 1)
    assert red.shape == green.shape == (120, 160)
    assert red[30:50, 30:50].min() == pytest.approx(1.0)
    assert red[:, 90:].max() == 0.0
    assert green[30:50, 110:130].min() == pytest.approx(1.0)
    assert green[:, :70].max() == 0.0
    np.testing.assert_array_equal(grad_cam(by_colour, two_spots), red)
    assert share_inside(red, two_spots[..., 0] > 0) > 0.9
    assert share_inside(red, two_spots[..., 1] > 0) == 0.0


def test_what_speaks_against_a_class_is_not_shown(by_colour, two_spots):
    cam = grad_cam(by_colour, two_spots, 2)
    assert not cam.any()
    assert math.isnan(share_inside(cam, two_spots[..., 0] > 0))
    with pytest.raises(UsageError, match="class index 4 is none of 0 to 3, Benign"):
        grad_cam(by_colour, two_spots, 4)


def test_the_shipped_network_is_left_as_it_was(field):
    predictor = load_predictor(device="cpu")
    before = predictor.predict(field.rgb)
    cam = grad_cam(predictor, field.rgb)
    assert cam.shape == field.rgb.shape[:2]
    assert predictor.predict(field.rgb) == before
    assert not predictor.network.training


@pytest.mark.parametrize("prefix", [0, 1, 2])
def test_tokens_of_a_transformer_lie_row_by_row_after_what_is_no_patch(prefix):
    from napari_all.networks.modules.classifier import Classifier

    class Patches(Classifier):
        """Red of each 16 px patch as a token of one number, after some tokens of zeros."""

        def __init__(self) -> None:
            super().__init__()
            self.tokens = torch.nn.Identity()
            self.head = torch.nn.Linear(1, 4)

        def features(self, x):
            red = torch.nn.functional.avg_pool2d(x[:, :1], 16).flatten(2).transpose(1, 2)
            return self.tokens(torch.cat([torch.zeros(1, prefix, 1), red], dim=1)).mean(1)

        def cam_layer(self):
            return self.tokens

    network = Patches()
    with torch.no_grad():
        network.head.weight.fill_(1.0)
    card = ModelCard(name="m", task="classification", backbone="x", input=InputInfo(size_px=64), classes=SUBTYPES.names)
    shown = SimpleNamespace(card=card, view=VIEWS["rgb"], size_px=64, network=network, device="cpu")
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[16:32, 32:48, 0] = 255  # the third patch of the second row
    cam = grad_cam(shown, rgb, 0)
    assert np.unravel_index(cam.argmax(), cam.shape) in {(y, x) for y in range(16, 32) for x in range(32, 48)}
    assert share_inside(cam, rgb[..., 0] > 0) > 0.4
    assert cam[48:].max() == 0.0
