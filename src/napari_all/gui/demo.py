"""Opens napari with the widgets docked and a smear, segmented and classified (`python -m napari_all.gui.demo`)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_all.errors import DependencyError, NapariAllError

if TYPE_CHECKING:
    from napari import Viewer

    from napari_all.gui.panel import Panel

INSTALL = 'the window needs napari and Qt; install them: pip install "napari-all[all]"'
WINDOW = (1600, 1000)
SETTLE_MS = 1500
"""Time for the last drawing before a picture is taken."""


class Demo:
    """The demo's window and its two jobs.

    Parameters
    ----------
    images
        Files to open; without any, a synthetic smear.
    screenshot
        Where to write a picture of the window when the work is finished; the window then closes.
    """

    def __init__(self, images: Sequence[Path], screenshot: Path | None) -> None:
        import napari

        from napari_all.gui.correct import CorrectPanel
        from napari_all.gui.export import ExportPanel
        from napari_all.gui.subtype import SubtypePanel
        from napari_all.gui.threshold import ThresholdPanel
        from napari_all.gui.unet import UNetPanel

        self.failed = False
        self._screenshot = screenshot
        self.viewer: Viewer = napari.Viewer(title="napari-all", show=False)
        self._open(images)
        self.threshold = ThresholdPanel(self.viewer)
        self.unet = UNetPanel(self.viewer)
        self.subtype = SubtypePanel(self.viewer)
        self.correct = CorrectPanel(self.viewer)
        self.export = ExportPanel(self.viewer)
        panels = {
            "Threshold": self.threshold,
            "U-Net": self.unet,
            "Subtype": self.subtype,
            "Correct": self.correct,
            "Export": self.export,
        }
        self._docks = {
            name: self.viewer.window.add_dock_widget(panel, name=name, area="right", tabify=True)
            for name, panel in panels.items()
        }
        self.viewer.show()
        self.viewer.window.resize(*WINDOW)

    def run(self) -> None:
        """Segment the image, classify it when that has ended, and stay until the window is closed."""
        import napari

        from napari_all.gui.jobs import ENGINES

        self.unet.segment.click()
        self._after(self.unet, self._classify)
        napari.run()
        ENGINES.close()

    def _open(self, images: Sequence[Path]) -> None:
        from napari_all.data.synthetic import make_smear
        from napari_all.gui.layer_notes import ImageNotes
        from napari_all.gui.layers import image_layer
        from napari_all.gui.reader import read_image_layer

        layers = [read_image_layer(path) for path in images]
        for layer in layers or [image_layer(make_smear().rgb, "synthetic smear", ImageNotes())]:
            self.viewer.add_layer(layer)

    def _after(self, panel: Panel, then: Callable[[], None]) -> None:
        job = panel.job
        if job is None:
            self.failed = True
            self._finish()
            return
        job.failed.connect(self._note_failure)
        job.ended.connect(then)

    def _note_failure(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        self.failed = True

    def _classify(self) -> None:
        self.viewer.reset_view()  # the window has its size by now
        self._front("Subtype")
        self.subtype.one.click()
        self._after(self.subtype, self._finish)

    def _finish(self) -> None:
        from qtpy.QtCore import QTimer

        if self._screenshot is not None:
            QTimer.singleShot(SETTLE_MS, self._take_picture)

    def _take_picture(self) -> None:
        assert self._screenshot is not None
        self._screenshot.parent.mkdir(parents=True, exist_ok=True)
        self.viewer.window.screenshot(str(self._screenshot), flash=False, canvas_only=False)
        self.viewer.close()

    def _front(self, name: str) -> None:
        self._docks[name].raise_()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo's window; return 0, or 1 when a job failed, or 2 when there is no napari or no such image."""
    parser = argparse.ArgumentParser(prog="python -m napari_all.gui.demo", description=__doc__)
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="images to open instead of a sample")
    parser.add_argument("--screenshot", type=Path, metavar="PATH", help="write a picture of the window, then quit")
    options = parser.parse_args(argv)
    try:
        _require_window()
        demo = Demo(options.images, options.screenshot)
    except NapariAllError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    demo.run()
    return int(demo.failed and options.screenshot is not None)


def _require_window() -> None:
    try:
        import napari  # noqa: F401
        from qtpy.QtWidgets import QApplication  # noqa: F401 - qtpy itself comes without a Qt
    except ImportError as error:
        raise DependencyError(f"{error}: {INSTALL}") from error


if __name__ == "__main__":
    sys.exit(main())
