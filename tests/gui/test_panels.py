"""What every dock widget has in common."""

import numpy as np
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QAbstractButton, QApplication, QLabel

from napari_all.gui.audit import AuditPanel
from napari_all.gui.correct import CorrectPanel
from napari_all.gui.export import ExportPanel
from napari_all.gui.page_scroll import PageScroll
from napari_all.gui.panel_foot import RESEARCH_USE
from napari_all.gui.preview import NAME
from napari_all.gui.review import ReviewPanel
from napari_all.gui.subtype import SubtypePanel
from napari_all.gui.threshold import ThresholdPanel
from napari_all.gui.train import TrainPanel
from napari_all.gui.train_classifier import TrainClassifierPanel
from napari_all.gui.unet import UNetPanel

PANELS = (
    ThresholdPanel, UNetPanel, SubtypePanel, CorrectPanel, ReviewPanel, TrainPanel, TrainClassifierPanel, AuditPanel,
    ExportPanel,
)  # fmt: skip


def test_a_closed_panel_hears_no_more_of_the_viewer(make_napari_viewer, smear):
    viewer = make_napari_viewer(show=True)
    viewer.add_image(smear.rgb)
    kept = [cls(viewer) for cls in PANELS]  # references that outlive the docks
    for panel in kept:
        viewer.window.remove_dock_widget(viewer.window.add_dock_widget(panel))
        panel.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    layer = viewer.add_labels(np.zeros((9, 9), int))
    layer.name = "renamed"
    viewer.layers.remove(layer)
    viewer.layers.clear()


def test_a_panel_fits_a_narrow_dock_and_says_what_it_is_for(make_napari_viewer, smear):
    viewer = make_napari_viewer(show=True)
    viewer.add_image(smear.rgb)
    for cls in PANELS:
        panel = cls(viewer)
        viewer.window.add_dock_widget(panel, tabify=True)
        QApplication.processEvents()
        least = panel.page.parentWidget().minimumSizeHint().width()
        bar = panel.findChild(PageScroll).verticalScrollBar().sizeHint().width()
        assert least + bar <= panel.minimumSizeHint().width() <= 370, cls.__name__  # nothing under the scroll bar
        assert RESEARCH_USE in [label.text() for label in panel.findChildren(QLabel)]


def test_every_key_is_given_once(make_napari_viewer):
    viewer = make_napari_viewer()
    for cls in (SubtypePanel, TrainPanel, TrainClassifierPanel, AuditPanel):
        panel = cls(viewer)
        texts = [button.text() for button in panel.findChildren(QAbstractButton)]
        texts += [label.text() for label in panel.findChildren(QLabel) if label.buddy() is not None]
        keys = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
        assert sorted(keys) == sorted(set(keys)), cls.__name__
        assert len(keys) >= 8, cls.__name__


def test_the_preview_is_shown_only_while_its_tab_is_in_front(make_napari_viewer, smear, wait):
    viewer = make_napari_viewer(show=True)
    viewer.add_image(smear.rgb)
    threshold, export = ThresholdPanel(viewer), ExportPanel(viewer)
    front = viewer.window.add_dock_widget(threshold, tabify=True)
    behind = viewer.window.add_dock_widget(export, tabify=True)

    def raised(dock, panel):
        dock.raise_()  # again, because Qt forgets it while the tabs are laid out
        return panel.in_front

    wait(lambda: raised(behind, export))
    wait(lambda: NAME not in viewer.layers)
    wait(lambda: raised(front, threshold))
    wait(lambda: NAME in viewer.layers)
    wait(lambda: raised(behind, export))
    wait(lambda: NAME not in viewer.layers)
