"""Batches follow from (seed, step, process) alone; validation images come whole, at the network's scale."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from napari_all.data.mask_items import COUNTS, MaskItem, make_item  # noqa: E402
from napari_all.data.synthetic import make_smear  # noqa: E402
from napari_all.training.loader import VALIDATION_PX, ImageLoader, ItemSource, PatchLoader  # noqa: E402
from napari_all.training.settings import TrainingSettings  # noqa: E402

SETTINGS = TrainingSettings(batch_size=3, patch_px=32, cell_px=24)


def item(seed: int, shape: tuple[int, int] = (80, 90)) -> MaskItem:
    smear = make_smear(seed, shape, 24.0)
    return make_item(f"s{seed}", smear.rgb, smear.classes, np.zeros(shape, bool), 24.0)


def plain(value: int) -> MaskItem:
    """Return an image of one grey, by which its patches are known again."""
    return make_item(
        str(value), np.full((64, 64, 3), value, np.uint8), np.zeros((64, 64), np.uint8), np.zeros((64, 64), bool), 24.0
    )


@pytest.fixture(scope="module")
def sources() -> list[ItemSource]:
    return [ItemSource([item(0), item(1)], 1.0), ItemSource([item(2)], 0.5)]


def epoch(sources, settings=SETTINGS, steps=3, number=0, rank=0) -> list[torch.Tensor]:
    loader = PatchLoader(sources, settings, steps)
    loader.epoch, loader.rank = number, rank
    assert len(loader) == steps
    return [torch.cat([image, target], 1) for image, target in loader]


def test_batches_have_the_asked_shape(sources):
    for image, target in PatchLoader(sources, SETTINGS, 2):
        assert (image.shape, target.shape) == ((3, 3, 32, 32), (3, 6, 32, 32))
        assert image.dtype == target.dtype == torch.uint8


def test_the_same_seed_step_and_process_give_the_same_batch(sources):
    first, again = epoch(sources), epoch(sources)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    longer = [*epoch(sources, steps=2, number=0), *epoch(sources, steps=2, number=1)]
    through = epoch(sources, steps=4)
    assert all(torch.equal(a, b) for a, b in zip(longer, through, strict=True)), "epochs are cuts of one sequence"


def test_other_steps_processes_and_seeds_give_other_batches(sources):
    batches = [
        *epoch(sources),
        *epoch(sources, number=1),
        *epoch(sources, rank=1),
        *epoch(sources, SETTINGS.updated(seed=1)),
    ]
    assert len({batch.numpy().tobytes() for batch in batches}) == len(batches)


def test_an_epoch_that_is_left_early_can_be_begun_again(sources):
    loader = PatchLoader(sources, SETTINGS, 3)
    first = next(iter(loader))[0]
    assert torch.equal(next(iter(loader))[0], first)


def test_patches_are_drawn_by_the_sources_shares():
    settings = TrainingSettings.parse(
        {
            "batch_size": 64, "patch_px": 32, "cell_px": 24,
            "augment": {"contrast": 0, "brightness": 0, "stain": 0, "focus": 0},
        }
    )  # fmt: skip
    found = torch.cat([b[:, 0].flatten(1).median(1).values for b in epoch([
        ItemSource([plain(10)], 3.0), ItemSource([plain(20), plain(30)], 1.0),
    ], settings, steps=8)])  # fmt: skip
    shares = [(found == value).float().mean().item() for value in (10, 20, 30)]
    np.testing.assert_allclose(shares, [0.75, 0.125, 0.125], atol=0.06)


def test_validation_images_come_whole_at_the_networks_scale():
    half = SETTINGS.updated(cell_px=12)
    small, big = item(0), item(1, (96, 128))
    loader = ImageLoader([small, big], half)
    assert len(loader) == 2
    for source, (image, target) in zip((small, big), loader, strict=True):
        scaled = tuple(round(n / 2) for n in source.rgb.shape[:2])
        padded = tuple(n + -n % 32 for n in scaled)
        assert image.shape == (1, 3, *padded)
        assert target.shape == (1, 6, *padded)
        counts = target[0, COUNTS]
        assert (counts[: scaled[0], : scaled[1]] == 255).all()
        assert (counts[scaled[0] :] == 0).all()
        assert (counts[:, scaled[1] :] == 0).all()
    first, again = (next(iter(ImageLoader([small], half))) for _ in range(2))
    assert torch.equal(first[0], again[0]), "validation is never drawn at random"


def test_large_validation_images_show_their_middle():
    ((image, target),) = ImageLoader([item(0, (900, 100))], SETTINGS)
    assert image.shape == (1, 3, VALIDATION_PX, 128)
    assert target.shape[-2:] == image.shape[-2:]


def test_an_image_without_cells_is_seen_at_the_usual_scale():
    empty = make_item("none", np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8), np.zeros((64, 64), bool))
    (_, (image, _)) = ImageLoader([item(0), empty], SETTINGS.updated(cell_px=12))
    assert image.shape == (1, 3, 32, 32)
    ((image, _),) = ImageLoader([empty], SETTINGS.updated(cell_px=12))
    assert image.shape == (1, 3, 64, 64)


def test_whole_images_take_the_patchs_size():
    ((image, _),) = ImageLoader([item(0)], SETTINGS.updated(cell_px=None))
    assert image.shape == (1, 3, 32, 32)
