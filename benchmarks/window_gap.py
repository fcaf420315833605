"""How long does the window stand still while the U-Net works? Measured by a timer of 10 ms in a real viewer.

python benchmarks/window_gap.py [--megapixels 4]

Prints the longest and the 99th percentile of the time between two ticks: idle, while the engine segments, and while
it hands over its result. Needs a display (xvfb-run -a -s "-screen 0 1600x1000x24" python ...).
"""

from __future__ import annotations

import argparse
import time

import numpy as np

TICK_MS = 10


class Gaps:
    """Times between the ticks of a timer in the event loop."""

    def __init__(self) -> None:
        from qtpy.QtCore import QTimer

        self.milliseconds: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.milliseconds.append((now - self._last) * 1e3)
        self._last = now

    def take(self, name: str) -> None:
        found = np.asarray(self.milliseconds[1:] or [0.0])
        print(
            f"{name:28s} longest {found.max():6.0f} ms   99 % under {np.percentile(found, 99):6.0f} ms   n={len(found)}"
        )
        self.milliseconds.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=4.0)
    options = parser.parse_args()

    import napari
    from qtpy.QtWidgets import QApplication

    from napari_all.data.synthetic import make_smear
    from napari_all.gui.jobs import ENGINES
    from napari_all.gui.unet import UNetPanel

    side = int((options.megapixels * 1e6) ** 0.5)
    viewer = napari.Viewer(show=True)
    viewer.add_image(make_smear(1, (side, side)).rgb, name="smear")
    panel = UNetPanel(viewer)
    viewer.window.add_dock_widget(panel, name="U-Net")
    app = QApplication.instance()

    def run(condition) -> None:
        while not condition():
            app.processEvents()
            time.sleep(0.0005)

    run(lambda: panel.device_line.text().startswith("Device: ") and "starting" not in panel.device_line.text())
    gaps = Gaps()
    end = time.monotonic() + 5
    run(lambda: time.monotonic() > end)
    gaps.take("idle")
    start = time.monotonic()
    panel.segment.click()
    run(lambda: panel.job is None or (panel._bar.maximum() and panel._bar.value() == panel._bar.maximum()))
    gaps.take("while the engine segments")
    run(lambda: panel.job is None)
    end = time.monotonic() + 2
    run(lambda: time.monotonic() > end)
    gaps.take("result becomes a layer")
    print(f"{side} x {side} px in {time.monotonic() - start - 2:.1f} s, {len(viewer.layers[-1].features)} cells")
    viewer.close()
    ENGINES.close()


if __name__ == "__main__":
    main()
