"""Large cells are shown to the network a little larger, without a jump."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.segmentation.methods.unet import shown_px


@pytest.mark.parametrize(("diameter", "shown"), [(4.0, 4.0), (40.0, 40.0), (50.0, 45.0), (60.0, 48.0), (200.0, 160.0)])
def test_cells_from_40_px_on_are_shown_larger(diameter, shown):
    assert shown_px(diameter) == pytest.approx(shown)


def test_the_size_shown_never_falls_nor_jumps_while_the_diameter_grows():
    diameters = np.linspace(4, 400, 4000)
    shown = np.array([shown_px(d) for d in diameters])
    assert (np.diff(shown) > 0).all()
    assert np.diff(shown).max() <= np.diff(diameters).max() + 1e-9
