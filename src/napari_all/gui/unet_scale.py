"""The box of the U-Net widget that holds the diameter of the cells: asked for, estimated, too small."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGroupBox, QLabel, QVBoxLayout

from napari_all.config import Settings
from napari_all.gui.forms import SettingsForm
from napari_all.gui.panel_foot import small

_ESTIMATED = "The diameter is estimated from the image."


class ScaleBox(QGroupBox):
    """A form for the diameter alone, which everyone needs; what was used and what to beware of below it."""

    diameter_changed = Signal(object)
    """Pixels, or None where it is to be estimated."""

    def __init__(self, settings: type[Settings]) -> None:
        super().__init__("Scale")
        inside = QVBoxLayout(self)
        self.diameter = SettingsForm(settings, skip=tuple(n for n in settings.model_fields if n != "diameter_px"))
        inside.addWidget(self.diameter)
        self.used = QLabel(_ESTIMATED)
        self.used.setWordWrap(True)
        inside.addWidget(self.used)
        self.caution = small("")
        inside.addWidget(self.caution)
        self.begin()
        self.diameter.changed.connect(self._on_diameter)

    def begin(self) -> None:
        """Forget what an image before made one beware of."""
        self.caution.setVisible(False)

    def take(self, text: str) -> bool:
        """Show a line of the engine if it is about the scale; return whether it is."""
        if text.startswith("Cell diameter:"):
            self.used.setText(text)
        elif text.startswith("Nucleus"):
            self.caution.setText(text)
            self.caution.setVisible(True)
        else:
            return False
        return True

    def show_used(self, diameter: float | None, *, estimated: bool) -> None:
        """Say with which diameter an image was segmented."""
        if diameter is not None:
            self.used.setText(f"Used: {diameter:.0f} px ({'estimated' if estimated else 'given'})")
            self.diameter.show_found(self.diameter.value().updated(diameter_px=diameter))
            self.diameter.show_found(self.diameter.value())  # the tick 'auto' stays, beside the value used

    def _on_diameter(self) -> None:
        wanted: float | None = self.diameter.value().diameter_px  # type: ignore[attr-defined]
        self.used.setText(_ESTIMATED if wanted is None else f"Cells of about {wanted:.0f} px are looked for.")
        self.diameter_changed.emit(wanted)
