"""What is looked at when a project is opened: images whose log is not the one that the table was made from."""

from __future__ import annotations

from napari_all.errors import MaskError, ProjectError
from napari_all.io.sidecar import read_sidecar
from napari_all.project.desk import Desk
from napari_all.project.layout import stem
from napari_all.project.loading import first_status
from napari_all.project.log_file import read_log
from napari_all.project.log_lines import Save, parse_line


def recover(desk: Desk) -> list[str]:
    """Bring the table up to date and into memory what a kill left unsaved; return what a person should hear of it.

    Opens only images whose log has another size than their row says, and those of which nothing is known.
    """
    sizes = desk.layout.log_sizes()
    reports: list[str] = []
    for image in desk.references:
        entry, size = desk.table[image], sizes.get(stem(image), 0)
        try:
            if size and not desk.table.knows(image) and _trust_last_save(desk, image, size):
                continue
            if size != entry.log_bytes:
                reports += desk.hold(image)[1]
                desk.table.note(image, log_bytes=size)
            elif entry.status == "none":
                look_for_prediction(desk, image)
        except (ProjectError, MaskError) as error:
            reports.append(f"{image} cannot be opened: {error}")
    return reports


def look_for_prediction(desk: Desk, image: str) -> None:
    """Note what the prediction of an image says, where there is one; `MaskError` when its sidecar is damaged."""
    path = desk.layout.labels(image, "predictions")
    if (sidecar := read_sidecar(path)) is not None:
        desk.table.note(image, status=first_status(sidecar), cells=sidecar.cells, uncertainty=sidecar.uncertainty)


def _trust_last_save(desk: Desk, image: str, size: int) -> bool:
    """Note what the last line of a log says, if it is a save; where the table is lost, that is quick for thousands."""
    lines = read_log(desk.layout.log(image)).lines
    if not lines or lines[-1].found["action"] != "save":
        return False
    save = parse_line(Save, lines[-1].found)
    edits = sum(1 if line.found["undoes"] is None else -1 for line in lines if line.found["action"] == "change")
    values, sidecar = save.state, read_sidecar(desk.layout.labels(image))
    cells = sidecar.cells if sidecar else None
    uncertainty = sidecar.uncertainty if sidecar else None
    desk.table.note(
        image,
        status=values.status,
        flag=values.flag,
        edits=edits,
        dice=save.dice,
        cells=cells,
        uncertainty=uncertainty,
        log_bytes=size,
    )
    return True
