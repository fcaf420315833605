"""What every classification backbone promises, whatever module it lives in.

Each network is built once, for four channels at the least size it takes, so that the heaviest are still quick.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_all.classes import SUBTYPES
from napari_all.classification.gradcam import grad_cam
from napari_all.data.synthetic import make_smear
from napari_all.data.views import DEFAULT_VIEW, VIEWS
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import InputInfo, ModelCard, load_checkpoint, save_checkpoint
from napari_all.networks.rebuild import rebuild

torch = pytest.importorskip("torch")

CLASSIFIERS = [name for name in BACKBONES if BACKBONES[name].task == "classification"]
SMALL_PX = {"custom_cnn": 64, "inception_v3": 75, "vit_small": 32}
HEAVY = ("vgg19", "nasnet_large")


@pytest.fixture(scope="module", params=CLASSIFIERS)
def built(request: pytest.FixtureRequest):
    """The entry, the options and the module of a network for a small size."""
    entry = BACKBONES[request.param]
    size = SMALL_PX.get(request.param, 32)
    options = entry.options_for(4, 4, size)
    torch.manual_seed(0)
    return entry, options, entry.build(**options).eval(), size


def batch(channels: int, size: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(1))


def test_it_says_what_a_card_needs(built):
    entry, options, _, _ = built
    assert options["classes"] == 4
    assert options["channels"] == 4
    assert entry.native_px >= 32
    assert all(0.0 <= m < 1.0 for m in entry.mean)
    assert all(0.0 < s <= 1.0 for s in entry.std)
    assert entry.build.__self__ is entry


def test_forward_is_the_head_on_the_features(built):
    _, _, module, size = built
    with torch.no_grad():
        x = batch(4, size)
        features = module.features(x)
        logits = module(x)
        torch.testing.assert_close(module.head(features), logits)
        assert features.ndim == 2
        assert logits.shape == (2, 4)
        assert logits.dtype == torch.float32
        torch.testing.assert_close(module(x[:1]), logits[:1], atol=1e-4, rtol=1e-3)


def test_grad_cam_has_the_images_size_and_lies_on_0_to_1(built):
    entry, _, module, size = built
    card = ModelCard(
        name="m",
        task="classification",
        backbone=entry.name,
        input=InputInfo(size_px=size, mean=entry.mean, std=entry.std),
        classes=SUBTYPES.names,
    )
    shown = SimpleNamespace(card=card, view=VIEWS[DEFAULT_VIEW], size_px=size, network=module, device="cpu")
    rgb = make_smear(5, (60, 90), 22.0).rgb
    cams = [grad_cam(shown, rgb, index) for index in range(4)]
    for cam in cams:
        assert (cam.shape, cam.dtype) == ((60, 90), np.float32)
        assert cam.min() >= 0.0
        assert cam.max() == pytest.approx(1.0) or not cam.any()
    assert any(cam.any() for cam in cams), "what speaks for no class speaks against all"
    assert all(p.grad is None for p in module.parameters())


def test_every_weight_learns_in_a_training_step(built):
    _, _, module, size = built
    module.train()
    torch.manual_seed(0)
    try:
        # of a batch of three, batch norm at 1x1 px is more than the sign of a difference
        loss = torch.nn.functional.cross_entropy(module(batch(4, size, 3)), torch.tensor([0, 1, 2]))
        loss.backward()
        assert torch.isfinite(loss)
        gradients = {name: p.grad for name, p in module.named_parameters()}
        assert all(g is not None and torch.isfinite(g).all() for g in gradients.values())
        assert gradients["head.weight"].abs().sum() > 0
    finally:
        module.zero_grad(set_to_none=True)
        module.eval()


@pytest.mark.parametrize("name", [n for n in CLASSIFIERS if n not in HEAVY])
def test_it_takes_224_px(name):
    entry = BACKBONES[name]
    channels = 4 if name == "cellnet" else 6
    module = entry.build(**entry.options_for(4, channels, 224)).eval()
    with torch.no_grad():
        assert module(batch(channels, 224, 1)).shape == (1, 4)


@pytest.mark.parametrize("name", ["cellnet", "custom_cnn", "nasnet_mobile", "mobilenet_v2", "vit_small"])
def test_a_checkpoint_gives_the_same_network_again(name, tmp_path):
    entry = BACKBONES[name]
    size = SMALL_PX.get(name, 32)
    options = entry.options_for(3, 4, size)
    torch.manual_seed(2)
    module = entry.build(**options).eval()
    card = ModelCard(name="m", task="classification", backbone=name, options=options, classes=("a", "b", "c"))
    again = rebuild(load_checkpoint(save_checkpoint(tmp_path / "m", module.state_dict(), card))).eval()
    with torch.no_grad():
        torch.testing.assert_close(again(batch(4, size)), module(batch(4, size)))
