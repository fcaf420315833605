"""The training script: resuming equals going through, and the loss counts what it should."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import segmenter_data as data  # noqa: E402
import train_segmenter as script  # noqa: E402

from napari_all.data.synthetic import make_smear  # noqa: E402
from napari_all.networks.checkpoint import load_checkpoint  # noqa: E402


@pytest.fixture(scope="module")
def sources() -> list[script.Source]:
    whole = make_smear(1, (128, 128), 24)
    codes = np.where(whole.labels > 0, data.CELL, data.BACKGROUND).astype(np.uint8)
    merged = data.make_item("merged", whole.rgb, codes, whole.smudges, 24.0)
    return [script.Source("parted", data.paint_smears(2), 0.5), script.Source("merged", [merged], 0.5)]


PLAN = script.Plan(steps=6, batch=2, patch_px=32)


def test_a_resumed_run_equals_an_uninterrupted_one(sources, tmp_path):
    torch.set_num_threads(1)
    through = script.Run(PLAN, tmp_path / "through")
    script.train(through, sources, save_every=10)
    broken = script.Run(PLAN, tmp_path / "broken")
    script.train(broken, sources, save_every=10, stop_at=3)
    resumed = script.Run(PLAN, tmp_path / "broken")
    resumed.load()
    assert resumed.step == 3
    script.train(resumed, sources, save_every=10)
    for name, value in through.average.items():
        torch.testing.assert_close(value, resumed.average[name], rtol=0, atol=0)
    one, other = (r.export("tiny", sources, {"dice": 0.1}) for r in (through, resumed))
    assert load_checkpoint(one).sha256 == load_checkpoint(other).sha256
    assert load_checkpoint(one, "segmentation").card.extra["cell_diameter_px"] == PLAN.cell_px


def test_resuming_with_another_plan_is_refused(sources, tmp_path):
    run = script.Run(PLAN, tmp_path)
    run.save()
    other = script.Run(script.Plan(steps=6, batch=4, patch_px=32), tmp_path)
    with pytest.raises(SystemExit, match="resume with the same options"):
        other.load()


def test_merged_pixels_ask_only_for_the_sum():
    target = torch.zeros(1, 5, 4, 4)
    target[:, data.CELL] = target[:, data.COUNTS] = 1.0
    nucleus, cytoplasm, background = (torch.zeros(1, 3, 4, 4) for _ in range(3))
    for logits, channel in ((background, 0), (cytoplasm, 1), (nucleus, 2)):
        logits[:, channel] = 8.0
    one, other, wrong = (float(script.loss_of(x, target)) for x in (nucleus, cytoplasm, background))
    assert one == pytest.approx(other, abs=1e-4)
    assert wrong > one + 5


def test_pixels_that_do_not_count_change_nothing():
    torch.manual_seed(0)
    target = torch.zeros(1, 5, 8, 8)
    target[:, data.NUCLEUS, :4] = target[:, data.BACKGROUND, 4:] = 1.0
    target[:, data.COUNTS, :, :4] = 1.0
    logits = torch.randn(1, 3, 8, 8)
    changed = logits.clone()
    changed[..., 4:] = torch.randn(1, 3, 8, 4) * 9
    assert float(script.loss_of(logits, target)) == pytest.approx(float(script.loss_of(changed, target)))


def test_patches_show_cells_at_the_asked_size():
    y, x = np.mgrid[:120, :120] - 60
    codes = np.where(y**2 + x**2 < 30**2, np.where(y**2 + x**2 < 15**2, 2, 1), 0).astype(np.uint8)
    rgb = np.repeat(255 - 60 * codes[..., None], 3, axis=-1)
    item = data.make_item("disc", rgb, codes, np.zeros(codes.shape, bool), 60.0)
    for seed in range(5):
        _, target = data.patch(item, np.random.default_rng(seed), 96, 48.0, (1.0, 1.0))
        for parts, diameter in (((1, 2), 48.0), ((2,), 24.0)):
            area = target[..., parts].astype(float).sum() / 255
            assert area == pytest.approx(np.pi / 4 * diameter**2, rel=0.3)
        assert np.abs(target[..., :4].astype(int).sum(-1) - 255).max() <= 3


def test_recolouring_keeps_shape_type_and_range():
    rgb = make_smear(4, (64, 64), 24).rgb
    changed = [data.recolour(rgb, np.random.default_rng(k)) for k in range(20)]
    assert all(c.shape == rgb.shape and c.dtype == np.uint8 for c in changed)
    assert np.mean([np.abs(c.astype(int) - rgb).mean() for c in changed]) > 5


def test_unlabelled_cells_at_the_border_do_not_count_but_red_cells_do():
    rgb = np.full((120, 120, 3), (235, 230, 200), np.uint8)
    codes = np.zeros((120, 120), np.uint8)
    codes[40:80, 40:80], codes[50:70, 50:70] = 1, 2
    rgb[40:80, 40:80], rgb[50:70, 50:70] = (190, 170, 190), (90, 30, 120)
    rgb[:15, 90:] = (95, 35, 120)
    rgb[95:, :20] = (215, 160, 150)
    ignored = data.unlabelled_cells(rgb, codes, 45.0)
    assert ignored[:15, 90:].all()
    assert not ignored[95:, :20].any()
    assert not ignored[codes > 0].any()


@pytest.mark.data
def test_no_scored_field_nor_its_overlap_group_may_be_trained_on(data_dir):
    reference = data_dir / "reference-masks"
    allowed = data.fields_apart_from(reference, data_dir / "taleqani-all" / "overlap_groups.csv")
    scored = {p.stem for p in (reference / "images").iterdir()}
    assert scored
    assert not scored & allowed
    assert 2000 < len(allowed) < 2605 - len(scored) + 1
