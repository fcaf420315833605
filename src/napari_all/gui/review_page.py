"""What the Review widget shows of an open project: how far it is, the image, where to go, undo, saving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_all.gui.panel import primary
from napari_all.gui.review_keys import ACCEPT, EXCLUDE, FLAG, HELP, NEXT, PREVIOUS, REDO, SKIP, UNDO
from napari_all.gui.review_saving import SavingState
from napari_all.project.history import Step
from napari_all.project.index import ImageEntry
from napari_all.project.order import ORDERS, Order, Progress

STATUS_COLOURS = {
    "none": "#999999",
    "predicted": "#56b4e9",
    "in work": "#e69f00",
    "corrected": "#009e73",
    "accepted": "#009e73",
    "excluded": "#cc79a7",
}
"""Of Okabe and Ito's colour-blind safe set; the words stand beside."""


class ReviewPage(QWidget):
    """Buttons and words; what they do is connected by the panel.

    Parameters
    ----------
    proposals
        What a model proposes for the image.
    tabs
        What one works with, below the image's own buttons.
    """

    order_chosen = Signal(str)

    def __init__(self, proposals: QWidget, tabs: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self._project())
        layout.addWidget(self._prediction())
        layout.addWidget(self._image())
        layout.addWidget(proposals)
        layout.addWidget(tabs)
        self.saving = SavingState()
        layout.addWidget(self.saving)
        layout.addStretch(1)

    def _project(self) -> QVBoxLayout:
        self.title = QLabel()
        self.close_project = QPushButton("&Close")
        self.close_project.setToolTip("Save everything and close the project")
        self.add = QPushButton("A&dd images")
        self.add.setToolTip("Add the images that have come into the folder of images since the project was made")
        self.keys = QPushButton(f"Keys…   [{HELP}]")
        self.keys.setToolTip("All keys, in a small window")
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.add)
        top.addWidget(self.close_project)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.counts = QLabel()
        self.counts.setWordWrap(True)
        self.order = QComboBox()
        for name, words in ORDERS.items():
            self.order.addItem(words, name)
        self.order.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.order.setToolTip("In which order the images come")
        self.order.activated.connect(lambda index: self.order_chosen.emit(self.order.itemData(index)))
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("O&rder", self.order)
        box = QVBoxLayout()
        box.addLayout(top)
        box.addWidget(self.bar)
        box.addWidget(self.counts)
        box.addLayout(form)
        return box

    def _prediction(self) -> QWidget:
        """One row: a button while images have no labels, a bar while they are predicted, else nothing."""
        self.prediction = QWidget()
        self.predict = QPushButton()
        self.predict.setToolTip("Predict them in the background; go on with others meanwhile")
        self.predicting = QProgressBar()
        self.predicting.setFormat("predicting %v of %m")
        self.stop = QPushButton("&Stop")
        self.stop.setToolTip("Stop predicting; what came is kept")
        row = QHBoxLayout(self.prediction)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.predict, self.predicting, self.stop):
            row.addWidget(widget, 0 if widget is self.stop else 1)
        return self.prediction

    def _image(self) -> QWidget:
        group = QGroupBox("Image")
        self.name, self.state = QLabel(), QLabel()
        for label in (self.name, self.state):
            label.setWordWrap(True)
        self.accept = primary(f"✔ Accept   [{ACCEPT}]", "The labels are right; go on to the next image that is left")
        self.skip = _button(f"Skip   [{SKIP}]", "Leave it for later; go on to the next image that is left")
        self.previous = _button(f"◀ Previous   [{PREVIOUS}]", "The image before this one")
        self.next = _button(f"Next ▶   [{NEXT}]", "The image after this one, done or not")
        self.flag = _button(f"⚑ Flag   [{FLAG}]", "Flag the image to come back to it, or take the flag away")
        self.exclude = _button(f"Exclude   [{EXCLUDE}]", "Leave the image out of training and counts")
        self.undo = _button(f"Undo   [{UNDO}]", "")
        self.redo = _button(f"Redo   [{REDO}]", "")
        self.flag.setCheckable(True)
        grid = QGridLayout()
        grid.addWidget(self.accept, 0, 0, 1, 2)
        pairs = ((self.previous, self.next), (self.skip, self.flag), (self.exclude, self.keys), (self.undo, self.redo))
        for row, pair in enumerate(pairs, start=1):
            for column, button in enumerate(pair):
                grid.addWidget(button, row, column)
        layout = QVBoxLayout(group)
        layout.addWidget(self.name)
        layout.addWidget(self.state)
        layout.addLayout(grid)
        return group

    def bind(self, slots: dict[str, Callable[[], object]]) -> None:
        """Connect the buttons, by the names that they have here."""
        for name, slot in slots.items():
            button: QPushButton = getattr(self, name)
            button.clicked.connect(lambda checked=False, do=slot: do())

    def show_progress(self, done: Progress, running: bool) -> None:
        """Show what is done and what is left."""
        self.bar.setRange(0, max(1, done.total))
        self.bar.setValue(done.done)
        self.bar.setFormat(f"{done.done} of {done.total} done, {done.left} left")
        words = [f"{count} {'without labels' if s == 'none' else s}" for s, count in sorted(done.by_status.items())]
        if done.flagged:
            words.append(f"{done.flagged} flagged")
        self.counts.setText("  ·  ".join(words))
        without = done.by_status.get("none", 0)
        self.predict.setText(f"Predict {without} image{'' if without == 1 else 's'} without labels")
        self.predict.setVisible(not running)
        self.predicting.setVisible(running)
        self.stop.setVisible(running)
        self.prediction.setVisible(running or without > 0)

    def show_image(self, entry: ImageEntry, place: int, total: int, cells: int) -> None:
        """Show what is known of the image."""
        self.name.setText(f"<b>{escape(entry.image)}</b>")
        status = "no labels yet" if entry.status == "none" else entry.status
        parts = [f"<b style='color: {STATUS_COLOURS[entry.status]}'>● {status}</b>", f"{place} of {total}"]
        parts.append(f"{cells} cell{'' if cells == 1 else 's'}")
        if entry.uncertainty is not None:
            parts.append(f"uncertainty {entry.uncertainty:.2f}")
        if entry.predicted:
            sure = "" if entry.confidence is None else f" ({entry.confidence:.0%})"
            parts.append(f"predicted subtype {escape(entry.predicted)}{sure}")
        if entry.quality:
            parts.append(escape(entry.quality))
        if entry.flag:
            parts.append("<b>⚑ flagged</b>")
        self.state.setText("  ·  ".join(parts))
        self.flag.setChecked(entry.flag)
        self.exclude.setText(f"{'Include' if entry.status == 'excluded' else 'Exclude'}   [{EXCLUDE}]")

    def show_steps(self, undo: Sequence[Step], redo: Sequence[Step]) -> None:
        """Say what an undo would take back, and a redo do again."""
        for button, steps, key, verb in (
            (self.undo, undo, UNDO, "Take back"),
            (self.redo, redo, REDO, "Do again"),
        ):
            button.setEnabled(bool(steps))
            button.setToolTip(f"{verb}: {_words(steps)} ({key})" if steps else f"Nothing ({key})")

    def choose_order(self, order: Order) -> None:
        """Show the order that is in use."""
        self.order.setCurrentIndex(self.order.findData(order))


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button


def _words(steps: Sequence[Step]) -> str:
    change, images = steps[0].change, {step.image for step in steps}
    where = steps[0].image if len(images) == 1 else f"{len(images)} images"
    return f"{'a change' if change is None else change.tool} in {where}"
