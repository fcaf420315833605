"""Write the schemas of what napari-all writes into docs/schemas: JSON Schema for JSON files, columns for tables.

python scripts/make_schemas.py
"""

import json
from pathlib import Path

from pydantic import TypeAdapter

from napari_all.evaluation.audit_report import AuditReport
from napari_all.evaluation.classifier_report import ClassifierReport
from napari_all.evaluation.report import SegmentationReport
from napari_all.io import tables
from napari_all.io.cell_class_table import CELL_CLASS_FIELDS, CELL_CLASS_VERSION
from napari_all.io.sidecar import Sidecar
from napari_all.project.index import INDEX_FIELDS, INDEX_VERSION
from napari_all.project.log_lines import LogLine
from napari_all.project.manifest import Manifest
from napari_all.workflows.export_model import ExportedModel
from napari_all.workflows.models import ModelList
from napari_all.workflows.region_file import Region
from napari_all.workflows.run_record import RunRecord

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schemas"


def schemas():
    """Return the text of each schema by file name."""
    models = {
        "run": RunRecord,
        "labels": Sidecar,
        "segmentation-report": SegmentationReport,
        "models": ModelList,
        "exported-model": ExportedModel,
        "audit": AuditReport,
        "classifier-report": ClassifierReport,
        "project": Manifest,
        "region": Region,
    }
    found = {f"{name}.schema.json": model.model_json_schema(mode="serialization") for name, model in models.items()}
    found["project-log.schema.json"] = TypeAdapter(LogLine).json_schema(mode="serialization")
    found["tables.json"] = {
        "cells": {"schema_version": tables.CELLS_VERSION, "columns": tables.CELL_FIELDS},
        "images": {"schema_version": tables.IMAGES_VERSION, "columns": tables.IMAGE_FIELDS},
        "exported cells": {
            "schema_version": tables.CELLS_VERSION,
            "columns": {"image": tables.PREDICTION_FIELDS["image"], **tables.EXPORTED_CELL_FIELDS},
        },
        "exported cells, in detail": {
            "schema_version": tables.CELLS_VERSION,
            "columns": {"image": tables.PREDICTION_FIELDS["image"], **tables.DETAILED_CELL_FIELDS},
        },
        "differential": {"schema_version": tables.DIFFERENTIAL_VERSION, "columns": tables.DIFFERENTIAL_FIELDS},
        "predictions": {"schema_version": tables.PREDICTIONS_VERSION, "columns": tables.PREDICTION_FIELDS},
        "predictions, explained": {
            "schema_version": tables.PREDICTIONS_VERSION,
            "columns": tables.EXPLAINED_FIELDS,
        },
        "cell predictions": {
            "schema_version": tables.PREDICTIONS_VERSION,
            "columns": tables.CELL_PREDICTION_FIELDS,
        },
        "images of a project": {"schema_version": INDEX_VERSION, "columns": INDEX_FIELDS},
        "cell classes of a project": {"schema_version": CELL_CLASS_VERSION, "columns": CELL_CLASS_FIELDS},
    }
    return {name: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for name, value in found.items()}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
