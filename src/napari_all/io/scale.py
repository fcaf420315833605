"""Physical pixel sizes: micrometres per pixel as (y, x), where a file tells them believably."""

from __future__ import annotations

import math

PixelSize = tuple[float, float] | None

_UNIT_UM = {
    "pm": 1e-6, "nm": 1e-3, "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "mm": 1e3, "cm": 1e4, "m": 1e6, "inch": 25400.0, "\\u00b5m": 1.0,
}  # fmt: skip
_FINEST_UM, _COARSEST_UM = 0.005, 5.0


def from_unit(y: float | None, x: float | None, unit: str) -> PixelSize:
    """Return the size declared in a named unit of length; None for other units ("pixel") or sizes <= 0."""
    factor = _UNIT_UM.get(unit.strip().lower())
    if factor is None or x is None:
        return None
    return _checked((y if y is not None else x) * factor, x * factor)


def from_resolution(y: float, x: float, unit_um: float) -> PixelSize:
    """Return the size from a density of `y`, `x` pixels per `unit_um` micrometres (inch, centimetre, metre).

    Density fields mostly hold print or screen resolutions (72, 96, 300, 1200 dpi = 353, 265, 85, 21 um), so
    a size is believed only between 0.005 and 5 um, outside of which no microscope camera shows cells.
    """
    if not (y > 0 and x > 0):
        return None
    size = _checked(unit_um / y, unit_um / x)
    if size is None or not all(_FINEST_UM <= s <= _COARSEST_UM for s in size):
        return None
    return size


def pixels_per_cm(pixel_size_um: PixelSize) -> tuple[float, float] | None:
    """Return the (x, y) density for a written TIFF, or None when the image is not calibrated."""
    if pixel_size_um is None:
        return None
    y, x = pixel_size_um
    return (1e4 / x, 1e4 / y)


def pixels_per_inch(pixel_size_um: PixelSize) -> tuple[float, float] | None:
    """Return the (x, y) density for a written PNG, or None when the image is not calibrated."""
    return None if pixel_size_um is None else (25400 / pixel_size_um[1], 25400 / pixel_size_um[0])


def _checked(y: float, x: float) -> PixelSize:
    if all(math.isfinite(s) and s > 0 for s in (y, x)):
        return (round(y, 9), round(x, 9))
    return None
