"""Draw each widget at work on a synthetic smear: docs/images/<widget>.png. Without a display it makes one (Xvfb).

python scripts/make_screenshots.py [WIDGET…] [--output DIR] [--image FILE]

Committed pictures show synthetic smears only; --image is for looking at real ones.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from napari_all.cli.display import has_display, virtual_display

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "images"
WINDOW = (1400, 860)
PATIENCE_S = 900.0


class Studio:
    """A viewer with one panel, on a smear."""

    def __init__(self, rgb, panel: str, name: str, width: int = 360) -> None:
        import napari
        from qtpy.QtWidgets import QApplication

        self.viewer = napari.Viewer(show=True)
        self.app = QApplication.instance()
        self.image = self.viewer.add_image(rgb, name=name)
        dock, self.panel = self.viewer.window.add_plugin_dock_widget("napari-all", panel)
        dock.setMinimumWidth(width)
        self.viewer.window.resize(*WINDOW)
        self.wait(lambda: False, 1.0)
        self.viewer.reset_view()

    def wait(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not condition():
            self.app.processEvents()
            time.sleep(0.01)

    def picture(self, path: Path) -> None:
        self.wait(lambda: False, 1.0)
        self.viewer.window.screenshot(str(path), flash=False, canvas_only=False)
        self.viewer.close()

    def add_truth(self, smear, name: str = "smear unet"):
        """Labels as a network would give them, without waiting for one."""
        from napari_all.gui.layers import Origin, labels_layer
        from napari_all.io.sidecar import Sidecar

        sidecar = Sidecar(image="smear.png", parts="nucleus+cytoplasm", method="unet", diameter_px=48.0)
        layer = labels_layer(smear.labels, name, Origin(sidecar, smear.classes, self.image))
        self.viewer.add_layer(layer)
        return layer


def threshold(rgb, smear, path: Path) -> None:
    studio = Studio(rgb, "Threshold", "smear")
    studio.wait(lambda: "after cleaning" in studio.panel.state.text())
    studio.picture(path)


def unet(rgb, smear, path: Path) -> None:
    studio = Studio(rgb, "U-Net", "smear")
    studio.panel.segment.click()
    studio.wait(lambda: studio.panel.job is None)
    studio.picture(path)


def subtype(rgb, smear, path: Path) -> None:
    """A folder's table, least sure first, and the Grad-CAM of the image that is open."""
    studio = Studio(rgb, "Subtype", "smear", width=470)
    panel = studio.panel
    with tempfile.TemporaryDirectory() as name:
        fields = Path(name) / "fields"
        write_fields(fields, per_class=2, side_px=224)
        panel.classify_folder(fields)
        studio.wait(lambda: panel.job is None)
        panel.explain.click()
        studio.wait(lambda: panel.job is None)
        panel.results.least_sure.click()
        studio.wait(lambda: False, 3.0)
        studio.wait(lambda: panel.results.table.rows.entries[0].thumbnail is not None, 60.0)
        panel.device_line.setText("Device: CPU")  # whatever this machine has
        studio.picture(path)


def audit(rgb, smear, path: Path) -> None:
    """A small data set whose subtypes differ in their background: the shortcut that the audit is to find."""
    studio = Studio(rgb, "Audit", "smear", width=470)
    panel = studio.panel
    with tempfile.TemporaryDirectory() as name:
        rows = {"dataset": panel.data, "audit": panel.output}
        for part, row in rows.items():
            row.line.setText(str(Path(name) / part))
        write_fields(Path(name) / "dataset", per_class=15, side_px=128)
        panel.run.click()
        studio.wait(lambda: panel.job is None)
        for part, row in rows.items():  # no path of this machine in a picture
            row.line.setText(part)
        studio.picture(path)


def train_classifier(rgb, smear, path: Path) -> None:
    studio = Studio(rgb, "Train classifier", "smear", width=470)
    panel, settings = studio.panel, studio.panel.settings
    with tempfile.TemporaryDirectory() as name:
        rows = {"dataset": settings.data, "run": settings.output}
        for part, row in rows.items():
            row.line.setText(str(Path(name) / part))
        write_fields(Path(name) / "dataset", per_class=15, side_px=96)
        settings.main.editor("epochs").box.setValue(8)
        settings.side.editor("size_px").box.setValue(64)
        settings.more.editor("steps_per_epoch").automatic.setChecked(False)
        settings.more.editor("steps_per_epoch").box.setValue(10)
        panel.check.click()
        studio.wait(lambda: panel.job is None)
        panel.train.click()
        studio.wait(lambda: panel.job is None)
        for row in rows.values():  # no path of this machine in a picture
            row.line.blockSignals(True)
        for part, row in rows.items():
            row.line.setText(part)
        studio.picture(path)


def write_fields(folder: Path, per_class: int, side_px: int) -> None:
    """Write a small synthetic data set, two images to a cluster; each class has a background of its own."""
    import numpy as np
    from PIL import Image

    from napari_all.data.group_table import GROUPS_FILE, GroupRow, write_groups
    from napari_all.data.synthetic import make_smear

    groups = []
    for label, name in enumerate(("Benign", "Early", "Pre", "Pro")):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            seed = label * per_class + number
            rgb = make_smear(seed, (side_px, side_px), 22.0).rgb.astype(np.float32)
            tint = np.array([1.0 - 0.03 * label, 1.0, 1.0 - 0.04 * ((label + number // 4) % 4)])
            Image.fromarray((rgb * tint).astype(np.uint8)).save(folder / name / f"field_{number:02}.png")
            groups.append(GroupRow(f"{name}/field_{number:02}.png", seed, f"{name}-{number // 2}"))
    write_groups(folder / GROUPS_FILE, groups)


def correct(rgb, smear, path: Path) -> None:
    studio = Studio(rgb, "Correct", "smear")
    layer = studio.add_truth(smear)
    studio.wait(lambda: len(layer.features) > 0)
    studio.panel.outlines.click()
    studio.panel.buttons["Split"].click()
    studio.picture(path)


def review(rgb, smear, path: Path) -> None:
    """A folder of a dozen smears on the way: some done, one in work, one flagged."""
    import numpy as np
    from PIL import Image

    from napari_all.data.synthetic import make_smear
    from napari_all.gui.review_correct import CorrectTab
    from napari_all.io.sidecar import Sidecar
    from napari_all.project.create import create_project
    from napari_all.project.planes import Pixels
    from napari_all.project.predicting import take_prediction
    from napari_all.project.project import Project

    del rgb, smear
    with tempfile.TemporaryDirectory() as name:
        images, folder = Path(name) / "smears", Path(name) / "smears review"
        images.mkdir()
        smears = {f"smear_{seed:02}.png": make_smear(seed, (448, 448), 44.0) for seed in range(12)}
        for file, made in smears.items():
            Image.fromarray(made.rgb).save(images / file)
        create_project(folder, images)
        with Project(folder, "Ada") as project:
            for place, (file, made) in enumerate(smears.items()):
                labels = np.where(made.labels == made.labels.max(), 0, made.labels)  # one cell was not found
                sidecar = Sidecar(method="unet", parts="nucleus+cytoplasm", uncertainty=0.05 + 0.02 * place)
                take_prediction(project, file, Pixels.of(labels, made.classes * (labels > 0)), sidecar)
            for file in list(smears)[:4]:
                project.set_status(file, "accepted")
            project.set_flag(list(smears)[6], True)
        studio = Studio(next(iter(smears.values())).rgb, "Review", "smear")
        panel = studio.panel
        studio.viewer.layers.clear()
        panel.open_project(folder)
        shown = panel.session.shown
        found = next(iter(set(np.unique(smears[panel.session.current].labels)) - set(np.unique(shown.pixels.labels))))
        ys, xs = np.nonzero(smears[panel.session.current].labels == found)
        shown.labels.data_setitem((ys, xs), int(found))
        studio.wait(lambda: not panel.session.project.unsaved, 10.0)
        panel.tabs.of(CorrectTab).toolbox.buttons["Split"].click()
        studio.picture(path)


def export(rgb, smear, path: Path) -> None:
    studio = Studio(rgb, "Export", "smear")
    studio.add_truth(smear)
    with tempfile.TemporaryDirectory() as folder:
        studio.panel.folder.setText(folder)
        for box in studio.panel.formats.values():
            box.setChecked(True)
        studio.panel.export.click()
        studio.wait(lambda: "Saved" in studio.panel.state.text())
        studio.panel.folder.setText("results")
        studio.picture(path)


def train(rgb, smear, path: Path) -> None:
    """Fine-tune on a dozen small synthetic smears of a stain that the model has not seen: red and green swapped."""
    from PIL import Image

    from napari_all.data.synthetic import make_smear

    studio = Studio(rgb[..., [1, 0, 2]], "Train segmenter", "smear")
    panel, settings = studio.panel, studio.panel.settings
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = {"smears": settings.images, "masks": settings.masks, "run": settings.output}
        for part, row in rows.items():
            (folder / part).mkdir()
            row.line.setText(str(folder / part))
        for seed in range(12):
            small = make_smear(seed, (224, 224), 40.0)
            Image.fromarray(small.rgb[..., [1, 0, 2]]).save(folder / "smears" / f"smear_{seed:02}.png")
            Image.fromarray(small.classes).save(folder / "masks" / f"smear_{seed:02}_mask.png")
        settings.main.editor("epochs").box.setValue(6)
        settings.more.editor("steps_per_epoch").automatic.setChecked(False)
        for field, value in (("steps_per_epoch", 8), ("batch_size", 8)):
            settings.more.editor(field).box.setValue(value)
        panel.check.click()
        studio.wait(lambda: panel.job is None)
        panel.train.click()
        studio.wait(lambda: panel.job is None)
        for part, row in rows.items():  # no path of this machine in a picture
            row.line.blockSignals(True)
            row.line.setText(part)
        studio.picture(path)


def demo(rgb, smear, path: Path) -> None:
    subprocess.run([sys.executable, "-m", "napari_all.gui.demo", "--screenshot", str(path)], check=True)


WIDGETS = {
    f.__name__: f for f in (threshold, unet, subtype, correct, review, train, train_classifier, audit, export, demo)
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("widgets", nargs="*", metavar="WIDGET", help=f"some of {', '.join(WIDGETS)}; default all")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--image", type=Path, help="show this image instead of a synthetic smear")
    options = parser.parse_args()
    if not has_display():
        with virtual_display() as display:
            environment = os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
            return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode
    from qtpy.QtCore import QSettings

    from napari_all.data.synthetic import make_smear
    from napari_all.gui.jobs import ENGINES
    from napari_all.io.images import read_image

    with tempfile.TemporaryDirectory() as folder:  # not the user's own settings
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        smear = make_smear(5)
        rgb = read_image(options.image)[1] if options.image else smear.rgb
        options.output.mkdir(parents=True, exist_ok=True)
        for name in options.widgets or WIDGETS:
            WIDGETS[name](rgb, smear, options.output / f"{name}.png")
            print(options.output / f"{name}.png", flush=True)
    ENGINES.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
