"""Predict the subtype of the images of a batch on a Dask cluster."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from napari_all.classification.predictor import DEFAULT_MODEL
from napari_all.monitor import Monitor
from napari_all.workflows.classify_task import Classified, ClassifyTask, Shown
from napari_all.workflows.cluster import cluster_at
from napari_all.workflows.cluster_images import ImagesOnCluster, absolute, absolute_model
from napari_all.workflows.segment import SegmentConfig
from napari_all.workflows.segment_cluster import placed_config


def classify_on_cluster(
    address: str, tasks: Sequence[ClassifyTask], output: Path, monitor: Monitor
) -> Generator[Classified, None, None]:
    """Classify images on the workers of a cluster; see `ImagesOnCluster.records`.

    Parameters
    ----------
    address
        Of the scheduler.
    tasks
        The images, with one configuration.
    output
        Folder of the results.
    """
    config, cells, explain = tasks[0].config, tasks[0].cells, tasks[0].explain
    models = [absolute_model(config.model or DEFAULT_MODEL)]
    if config.model is not None:
        config = config.updated(model=models[0])
    if isinstance(cells, SegmentConfig):
        cells, more = placed_config(cells)
        models += more
    elif cells is not None:
        cells = cells.absolute()
    explain = explain and explain.absolute()
    placed = [replace(t, image=absolute(t.image), config=config, cells=cells, explain=explain) for t in tasks]
    images = [task.image for task in placed]
    with cluster_at(address, [image.path for image in images], models, output.absolute(), monitor) as cluster:
        yield from ImagesOnCluster[Shown](cluster, images, Shown(), monitor).records(placed)
