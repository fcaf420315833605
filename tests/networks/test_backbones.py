"""Every backbone builds from its options, and listing them costs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_all.errors import UsageError
from napari_all.networks.backbones import BACKBONES

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
