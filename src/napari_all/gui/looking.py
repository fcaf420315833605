"""Goes to an image of a table: selects its layer, or opens its file as one."""

from __future__ import annotations

from napari import Viewer
from napari.layers import Image, Labels, Layer

from napari_all.gui.heat import heat_of
from napari_all.gui.layer_notes import note
from napari_all.gui.layers import is_smear, origin
from napari_all.gui.reader import read_image_layer
from napari_all.gui.subtype_entries import Entry


class Looking:
    """Shows one image of many at a time.

    A file that was opened only to be looked at is closed again when the next is opened; one that something was made
    from (cells, a Grad-CAM layer) or that a person renamed stays.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._opened: tuple[Image, str] | None = None

    def go_to(self, entry: Entry) -> Image | None:
        """Show and select the image of an entry, and hide the others; None where it has neither layer nor file.

        Raises
        ------
        ImageError
            The file cannot be read any more.
        """
        image = entry.layer
        if image is None or image not in self._viewer.layers:
            if entry.path is None:
                return None
            image = read_image_layer(entry.path)
            note(image, prediction=entry.prediction, thumbnail=entry.thumbnail)
            self._viewer.add_layer(image)
            self._close_last()
            self._opened = image, image.name
        for layer in self._viewer.layers:
            if is_smear(layer) or heat_of(layer) is not None:
                layer.visible = image in (layer, heat_of(layer))
        self._viewer.layers.selection.active = image
        self._viewer.fit_to_view(layers=[image])  # those that are hidden may be larger
        return image

    def _close_last(self) -> None:
        if self._opened is None:
            return
        (image, name), self._opened = self._opened, None
        layers = self._viewer.layers
        if image in layers and image.name == name and not any(_made_from(layer, image) for layer in layers):
            layers.remove(image)


def _made_from(layer: Layer, image: Image) -> bool:
    return heat_of(layer) is image or (isinstance(layer, Labels) and origin(layer).image is image)
