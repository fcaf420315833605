"""Jobs that write labels of the window: exported, saved, put back into the slide that they were cut out of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_all.engine.server import Job, Reply
from napari_all.io.sidecar import Sidecar
from napari_all.monitor import Monitor
from napari_all.workflows.export import export_labels, make_item
from napari_all.workflows.export_items import NamedItem, export_items
from napari_all.workflows.slide_region import cut_region, put_back

Config = dict[str, Any]
Arrays = Mapping[str, NDArray[Any]]


def _export(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    files = export_items(
        _items(config, arrays),
        config["formats"],
        Path(config["folder"]),
        together=config["together"],
        overwrite=config["overwrite"],
        monitor=monitor,
    )
    return Reply({"files": [file.name for file in files]})


def _save_labels(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    files = export_labels(Path(config["path"]), "tiff", _items(config, arrays)[0].item)
    return Reply({"files": [file.name for file in files]})


def _cut_region(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    y, x, height, width = config["region"]
    labels = Path(config["labels"]) if config["labels"] else None
    image = cut_region(Path(config["slide"]), (y, x, height, width), Path(config["output"]), labels)
    return Reply({"image": str(image)})


def _put_back(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    _save_labels(config, arrays, monitor)
    return Reply(asdict(put_back(Path(config["path"]), Path(config["labels"]))))


def _items(config: Config, arrays: Arrays) -> list[NamedItem]:
    return [
        NamedItem(
            told["stem"],
            make_item(
                told["image"],
                arrays[f"labels{index}"],
                Sidecar.parse(told["sidecar"]),
                arrays.get(f"classes{index}"),
                {int(label): name for label, name in told["cell_classes"].items()},
            ),
        )
        for index, told in enumerate(config["items"])
    ]


LABEL_JOBS: dict[str, Job] = {
    "export": _export,
    "save_labels": _save_labels,
    "cut_region": _cut_region,
    "put_back": _put_back,
}
