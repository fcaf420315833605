"""Tab of the Review widget: correct the cells of the image with tools on the canvas."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from napari import Viewer
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout

from napari_all.gui.canvas_tools import Need, Points, Tool
from napari_all.gui.front_keys import Keys
from napari_all.gui.review_compare import CompareRow
from napari_all.gui.review_corrections import LACKING, REVIEW_TOOLS
from napari_all.gui.review_findings import FindingsBox
from napari_all.gui.review_keys import COMPARE, FINDING
from napari_all.gui.review_prediction import PredictionAtHand
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.review_tab import ReviewTab
from napari_all.gui.tool_buttons import ToolButtons
from napari_all.segmentation.stain import prepare_colours


class CorrectTab(ReviewTab):
    """The tools, and how the cells are shown."""

    title = "Correct"

    def __init__(self, viewer: Viewer, say: Callable[[str], None]) -> None:
        super().__init__(viewer, say)
        self.prediction: PredictionAtHand | None = None
        self.toolbox = ToolButtons(REVIEW_TOOLS, viewer, self._labels, self._on_gesture, say)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.toolbox)
        self.compare = CompareRow()
        self.findings = FindingsBox()
        layout.addLayout(self._sight())
        layout.addWidget(self.compare)
        layout.addWidget(self.findings)

    @property
    def keys(self) -> Keys:
        """The keys of the tools, and of looking at what they made."""
        looking = {COMPARE: self.compare.box.click, FINDING: self.findings.next.click}
        return {**self.toolbox.keys, **looking, "Escape": self.toolbox.lay_down}

    def use(self, session: ReviewSession | None) -> None:
        """Work on a project's images, or lay the tool down."""
        super().use(session)
        if self.prediction is not None:
            self.prediction.close()
            self.prediction = None
        self.compare.use(session)
        self.findings.use(session)
        if session is None:
            self.toolbox.lay_down()
            return
        Thread(target=prepare_colours, daemon=True).start()
        self.prediction = PredictionAtHand(session, self)
        session.moved.connect(self.toolbox.renew)
        for event in (session.moved, session.edited, self.prediction.arrived):
            event.connect(self._show_lacking)
        self.prediction.arrived.connect(self.compare.allow)
        self._on_sight()

    def on_front(self, front: bool) -> None:
        """Lay the tool down when another tab comes."""
        if not front:
            self.toolbox.lay_down()

    def _sight(self) -> QHBoxLayout:
        self.outlines = QCheckBox("Outli&nes")
        self.outlines.setToolTip("Show the edges of the cells instead of filled areas")
        self.outlines.setChecked(True)
        self.parts = QCheckBox("N&ucleus")
        self.parts.setToolTip("Show the parts of the cells: nucleus reddish, cytoplasm bluish")
        self.marks = QCheckBox("&Marks")
        self.marks.setToolTip("Show what is marked: smudges violet, artefacts grey, ignored places white")
        self.marks.setChecked(True)
        row = QHBoxLayout()
        row.addWidget(QLabel("Show"))
        for box in (self.outlines, self.parts, self.marks):
            box.toggled.connect(self._on_sight)
            row.addWidget(box)
        return row

    def _on_sight(self) -> None:
        if self.session is not None:
            self.session.shown.show_outlines(self.outlines.isChecked())
            self.session.shown.parts.want(self.parts.isChecked())
            self.session.shown.marks.want(self.marks.isChecked())

    def _labels(self) -> Any:
        return self.session.shown.labels if self.session is not None else None

    def _on_gesture(self, tool: Tool, points: Points) -> None:
        if self.session is not None:
            self.say(tool.hint)
            self.session.gesture(tool, points)

    def _show_lacking(self) -> None:
        """Switch off what is of no use for this image as it is."""
        if self.session is None:
            return
        shown = self.session.shown
        there: dict[Need, bool] = {
            "cells": len(shown.cells) > 0,
            "parts": shown.parted,
            "marks": shown.marks.seen,
            "prediction": shown.predicted is not None,
        }
        self.toolbox.allow({need: LACKING[need] for need, found in there.items() if not found})
