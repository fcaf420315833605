"""The colours of our layers, told apart from purple cells and by colour-blind eyes."""

from __future__ import annotations

from typing import Any

from napari.utils.colormaps import Colormap, CyclicLabelColormap, DirectLabelColormap

CELL_COLOURS = ("#f0e442", "#009e73", "#e69f00", "#56b4e9", "#d55e00", "#7fff00", "#00e5e5")
"""Colours of cells in turn."""
CLASS_COLOURS = {1: "#56b4e9", 2: "#d55e00"}
"""Cytoplasm and nucleus, of Okabe and Ito's colour-blind safe set."""
SMUDGE_COLOUR = "#222222"


def cells_colormap() -> CyclicLabelColormap:
    """Return colours that stand out from purple cells and neighbours; napari's own have many violets."""
    return CyclicLabelColormap(colors=["#00000000", *CELL_COLOURS], name="cells")


def preview_colormap() -> DirectLabelColormap:
    """Return the colours of a preview: 1 = below the limits of cleaning, 2 and up = cells, neighbours unlike."""
    table: dict[int | None, Any] = {None: "transparent", 0: "transparent", 1: "#ffff66"}
    for index, colour in enumerate(CELL_COLOURS):
        table[2 + index] = colour
    return DirectLabelColormap(color_dict=table)


def smudges_colormap() -> DirectLabelColormap:
    """Return the colour of smudge cells, one for all: they are not counted."""
    return DirectLabelColormap(color_dict={None: SMUDGE_COLOUR, 0: "transparent"})


def doubt_colormap() -> Colormap:
    """Return the colours of uncertainty: clear where certain, then yellow to red."""
    return Colormap([[1, 1, 0, 0], [1, 0.85, 0, 0.75], [0.9, 0, 0, 1]], name="doubt", controls=[0, 0.4, 1])


def classes_colormap() -> DirectLabelColormap:
    """Return the colours of a classes map."""
    table: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    for code, colour in CLASS_COLOURS.items():
        table[code] = colour
    return DirectLabelColormap(color_dict=table)
