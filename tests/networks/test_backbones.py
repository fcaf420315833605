"""Every backbone builds from its options, and listing them costs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_all.errors import UsageError
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.backbones.smp import ARCHITECTURES as SMP_ARCHITECTURES

torch = pytest.importorskip("torch")


def test_listing_imports_no_torch():
    code = (
        "import sys; from napari_all.networks.backbones import BACKBONES\n"
        "dict(BACKBONES); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize("name", list(BACKBONES))
def test_it_describes_itself_and_refuses_unknown_options(name):
    entry = BACKBONES[name]
    assert entry.title
    assert entry.summary.endswith(".")
    with pytest.raises(UsageError, match="unknown setting 'wdiths'"):
        entry.build(wdiths=(4, 8))


def test_residual_unet_gives_logits_of_the_input_size_and_trains():
    model = BACKBONES["residual_unet"].build(classes=3, widths=(4, 8, 8))
    x = torch.rand(2, 3, 32, 48)
    logits = model(x)
    assert logits.shape == (2, 3, 32, 48)
    logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.ndim > 1)


def test_folding_batch_norm_changes_nothing_but_the_work():
    from napari_all.networks.modules.residual_unet import folded

    torch.manual_seed(0)
    model = BACKBONES["residual_unet"].build(widths=(4, 8, 8))
    for _ in range(3):  # running statistics away from 0 and 1
        model(torch.rand(2, 3, 32, 32) * 5)
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        before = model.eval()(x)
        after = folded(model)(x)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())
    torch.testing.assert_close(before, after, atol=1e-4, rtol=1e-4)


SEGMENTERS = [name for name in BACKBONES if BACKBONES[name].task == "segmentation"]


@pytest.mark.parametrize("name", SEGMENTERS)
@pytest.mark.parametrize("classes", [2, 4])
def test_every_segmenter_gives_logits_of_the_input_size_and_trains(name, classes):
    entry = BACKBONES[name]
    small = {"smp": {"encoder": "resnet18"}}.get(name, {"widths": (4, 8, 8)})
    stride = entry.stride(entry.options.parse({**small, "classes": classes}))
    model = entry.build(**small, classes=classes)
    logits = model(torch.rand(2, 3, stride, 2 * stride))
    assert logits.shape == (2, classes, stride, 2 * stride)
    logits.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_architectures_are_those_of_the_library():
    smp = pytest.importorskip("segmentation_models_pytorch")
    assert sorted(SMP_ARCHITECTURES) == sorted(smp.MODEL_ARCHITECTURES_MAPPING)


@pytest.mark.parametrize("architecture", SMP_ARCHITECTURES)
def test_every_architecture_of_the_library_takes_inputs_of_its_stride(architecture):
    entry = BACKBONES["smp"]
    encoder = "tu-vit_tiny_patch16_224" if architecture == "dpt" else "resnet18"
    options = {"architecture": architecture, "encoder": encoder, "classes": 3}
    stride = entry.stride(entry.options.parse(options))
    model = entry.for_inference(entry.build(**options))
    with torch.no_grad():
        assert model(torch.rand(1, 3, stride, 2 * stride)).shape == (1, 3, stride, 2 * stride)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "squarenet"}, "unknown architecture 'squarenet'; choose one of .*'unetplusplus'"),
        ({"encoder": "resnet19"}, "unknown encoder 'resnet19'; choose one of .*'resnet18'"),
        ({"encoder": "tu-nonsense"}, "cannot have the encoder 'tu-nonsense' .*such as resnet34"),
        ({"architecture": "dpt"}, "'dpt' cannot have the encoder 'resnet34' .*such as tu-vit_tiny"),
    ],
)
def test_what_the_library_cannot_build_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        BACKBONES["smp"].build(**options)


def test_the_classic_unet_is_the_published_one():
    """Ronneberger et al. 2015 (doi 10.1007/978-3-319-24574-4_28), with 'same' padding."""
    model = BACKBONES["classic_unet"].build(classes=2)
    kinds = [type(m) for m in model.modules()]
    assert sum(p.numel() for p in model.parameters()) == 31_031_810
    assert kinds.count(torch.nn.Conv2d) == 19
    assert kinds.count(torch.nn.ConvTranspose2d) == 4
    assert torch.nn.BatchNorm2d not in kinds


@pytest.mark.parametrize("name", SEGMENTERS)
def test_for_inference_a_network_no_longer_depends_on_its_batch(name):
    entry = BACKBONES[name]
    small = {"smp": {"encoder": "resnet18"}}.get(name, {"widths": (4, 8, 8)})
    model = entry.for_inference(entry.build(**small))
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model(x)[:1], model(x[:1]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("padding", "weights"), [("same", 2_966_496), ("valid", 1_494_496)])
def test_the_custom_cnn_is_the_papers(padding, weights):
    """Reza et al. 2025, doi 10.11591/ijeecs.v38.i2.pp950-959."""
    model = BACKBONES["custom_cnn"].build(padding=padding)
    assert sum(p.numel() for p in model.parameters()) == weights
    statistics = [b for name, b in model.named_buffers() if "running" in name]
    assert sum(b.numel() for b in statistics) == 512, "what Keras counts besides"
    with torch.no_grad():
        assert model.eval()(torch.rand(1, 3, 224, 224)).shape == (1, 4)


def test_the_custom_cnn_has_a_literal_and_a_working_variant():
    entry = BACKBONES["custom_cnn"]
    dropped = {
        name: [m.p for m in entry.build(variant=name, size_px=64).modules() if isinstance(m, torch.nn.Dropout)]
        for name in ("literal", "working")
    }
    assert dropped == {"literal": [0.8] * 3, "working": [0.2] * 3}
    options = entry.options_for(4, 6, 96, dropout=0.4)
    assert (options["size_px"], options["variant"], options["dropout"]) == (96, "working", 0.4)
    assert entry.recalibrate(entry.options.parse(options))
    assert not entry.recalibrate(entry.options(variant="literal"))
    with pytest.raises(UsageError, match=r"literal variant drops 0.8; leave dropout out"):
        entry.options_for(4, 3, 224, variant="literal", dropout=0.5)


def test_nasnet_mobile_is_the_published_one():
    """Zoph et al. 2018, doi 10.1109/CVPR.2018.00907; 5,326,716 as Keras counts, with batch norm's statistics."""
    model = BACKBONES["nasnet_mobile"].build(classes=1000)
    weights = sum(p.numel() for p in model.parameters())
    statistics = sum(b.numel() for name, b in model.named_buffers() if "running" in name)
    assert (weights, weights + statistics) == (5_289_978, 5_326_716)
    assert model.head.in_features == 1056


def test_cellnet_needs_its_mask():
    with pytest.raises(UsageError, match="channels = 3"):
        BACKBONES["cellnet"].options_for(4, 3, 128)
