"""Pretrained weights from small local files, and what is said where there are none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from napari_all.errors import CheckpointError, UsageError
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.pretrained import load_pretrained

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

MOBILE = BACKBONES["mobilenet_v2"]


def written(path: Path, tensors: dict[str, torch.Tensor]) -> tuple[Path, str]:
    from safetensors.torch import save_file

    save_file(tensors, path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def published():
    """A network of timm with seven classes, as if it had been trained."""
    torch.manual_seed(3)
    return timm.create_model("mobilenetv2_100", num_classes=7).eval()


@pytest.fixture(scope="module")
def file(published, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return written(tmp_path_factory.mktemp("hub") / "model.safetensors", published.state_dict())


@pytest.mark.parametrize("channels", [3, 4, 6])
def test_an_image_shown_on_every_channel_gives_the_published_features(published, file, channels):
    path, sha256 = file
    module = MOBILE.build(classes=4, channels=channels).eval()
    found = load_pretrained(module, MOBILE, path, sha256)
    assert (found.source, found.sha256) == ("model.safetensors", sha256)
    assert found.left == ("head.weight", "head.bias")
    rgb = torch.rand(2, 3, 64, 64)
    x = torch.cat([rgb, torch.ones(2, 1, 64, 64)] if channels == 4 else [rgb] * (channels // 3), dim=1)
    with torch.no_grad():
        expected = published.forward_head(published.forward_features(rgb), pre_logits=True)
        torch.testing.assert_close(module.features(x), expected, atol=1e-4, rtol=1e-4)


def test_the_head_is_kept_where_the_classes_agree(published, file):
    module = MOBILE.build(classes=7).eval()
    assert load_pretrained(module, MOBILE, *file).left == ()
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(module(x), published(x), atol=1e-5, rtol=1e-5)


def test_a_file_of_this_program_fits_too(tmp_path):
    entry = BACKBONES["cellnet"]
    trained = entry.build(classes=4)
    path, sha256 = written(tmp_path / "own.safetensors", trained.state_dict())
    module = entry.build(classes=3)
    assert load_pretrained(module, entry, path, sha256.upper()).left == ("head.weight", "head.bias")
    torch.testing.assert_close(module.stem[0].weight, trained.stem[0].weight)


def test_files_that_are_not_what_was_meant_are_refused(file, tmp_path):
    path, sha256 = file
    module = MOBILE.build()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(UsageError, match=f"need their SHA-256.*{sha256}"):
        load_pretrained(module, MOBILE, path)
    with pytest.raises(CheckpointError, match=f"have the SHA-256 {sha256}, not 00"):
        load_pretrained(module, MOBILE, path, "00")
    (tmp_path / "model.pth").write_bytes(b"")
    with pytest.raises(CheckpointError, match="can run code"):
        load_pretrained(module, MOBILE, tmp_path / "model.pth", "00")
    with pytest.raises(CheckpointError, match="cannot read"):
        load_pretrained(module, MOBILE, tmp_path / "none.safetensors", "00")
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:100])
    cut = hashlib.sha256(path.read_bytes()[:100]).hexdigest()
    with pytest.raises(CheckpointError, match=r"not a .safetensors file"):
        load_pretrained(module, MOBILE, tmp_path / "cut.safetensors", cut)
    other, its = written(tmp_path / "cellnet.safetensors", BACKBONES["cellnet"].build().state_dict())
    with pytest.raises(CheckpointError, match=r"do not fit 'mobilenet_v2'.*give weights of mobilenetv2_100"):
        load_pretrained(module, MOBILE, other, its)
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_the_hub_is_asked_only_for_what_it_has_and_says_so_when_it_is_out_of_reach(monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    with pytest.raises(UsageError, match=r"timm has no weights of 'cellnet', only of .*'mobilenet_v2'"):
        load_pretrained(BACKBONES["cellnet"].build(), BACKBONES["cellnet"], "timm")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"connect to the internet, or give a local .safetensors file"):
        load_pretrained(MOBILE.build(), MOBILE, "timm")
