"""Run again what a record of a run (`run.json`) tells, and say what differs from then."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from napari_all.errors import CheckpointError, UsageError
from napari_all.io.images import MAX_PIXELS
from napari_all.monitor import Monitor, NullMonitor
from napari_all.networks.zoo import weights_sha256
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.classify_batch import classify_batch
from napari_all.workflows.run_record import InputRecord, RunRecord
from napari_all.workflows.segment import SegmentConfig
from napari_all.workflows.segment_files import Extras

_RESULTS = ("labels_sha256", "cells", "smudges", "diameter_px", "uncertainty")
"""Facts of an image that must be the same again; pixels first, the others tell where there is no hash of pixels."""
_PROBABILITY_ERROR = 1e-3


@dataclass(frozen=True)
class Replay:
    """What a replay gave.

    Attributes
    ----------
    record
        Of the new run, also written by it.
    differences
        Sentences on what is not as it was: versions, device, inputs, results. Empty = all the same.
    same
        How many images gave the recorded result again.
    """

    record: RunRecord
    differences: tuple[str, ...]
    same: int


def load_record(path: Path) -> RunRecord:
    """Read a record of a run.

    Raises
    ------
    UsageError
        There is none, it is damaged, or a newer program wrote it.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read ({error.strerror}); give the run.json of a run") from error
    except ValueError as error:
        raise UsageError(f"{path.name} is no record of a run (no JSON); give the run.json of a run") from error
    version = found.get("schema_version") if isinstance(found, dict) else None
    known = get_args(RunRecord.model_fields["schema_version"].annotation)
    if isinstance(version, int) and version > max(known):
        raise UsageError(
            f"{path.name} is of version {version}; this program reads {min(known)} to {max(known)}: update napari-all"
        )
    if version not in known:
        raise UsageError(f"{path.name} is no record of a run; give the run.json of a run")
    return RunRecord.parse(found)


def replay(
    record: RunRecord,
    inputs: Sequence[str | Path],
    output: Path,
    *,
    model: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    max_pixels: int = MAX_PIXELS,
    monitor: Monitor | None = None,
) -> Replay:
    """Run a recorded segmentation or classification again, on the same images or others.

    Parameters
    ----------
    record
        What was done; see `load_record`.
    inputs, output
        As `segment_batch` or `classify_batch` take them.
    model
        The same network where it is not known here by its name: path of its weights.

    Raises
    ------
    UsageError
        The record is of a job that cannot be run again, or holds settings that are not valid here.
    CheckpointError
        The network is not here, or has other weights than the recorded one. Nothing was done.
    FileExistsRefused
        As the jobs themselves.
    """
    watch = monitor or NullMonitor()
    before = [*_environment(record)]
    rules: dict[str, Any] = {"overwrite": overwrite, "resume": resume, "max_pixels": max_pixels, "monitor": watch}
    settings = dict(record.settings)
    if record.command == "segment":
        extras = Extras.parse(settings.pop("extras", {}))
        config = SegmentConfig.parse(settings)
        if "model" in config.settings:
            config = config.updated(settings=config.settings | {"model": _same_model(record, model)})
        done = segment_batch(inputs, output, config, extras=extras, **rules)
    elif record.command == "classify":
        if settings.pop("cells", None) is not None or settings.pop("explain", False):
            raise UsageError(
                "the record is of a classification with cells or heat maps, which are not run again; use "
                "'napari-all classify' with --cells or --explain"
            )
        asked = ClassifyConfig.parse(settings)
        done = classify_batch(inputs, output, asked.updated(model=_same_model(record, model)), **rules)
    else:
        raise UsageError(f"a record of {record.command!r} cannot be run again; segment and classify can")
    changed, same = _changes(record, done)
    return Replay(done, (*before, *changed), same)


def _same_model(record: RunRecord, given: str | None) -> str | None:
    """Return what to call the recorded network by, after a look at its weights."""
    name = given or _setting(record, "model") or record.model
    if record.model_sha256 is None or name is None:
        return name
    here = weights_sha256(name)
    if here != record.model_sha256:
        raise CheckpointError(
            f"model {name!r} has other weights here ({here[:12]}…) than in the record ({record.model_sha256[:12]}…), "
            "so other results; import the recorded one ('napari-all models import') or give --model PATH"
        )
    return name


def _setting(record: RunRecord, name: str) -> str | None:
    found = record.settings.get("settings", record.settings).get(name)
    return found if isinstance(found, str) else None


def _environment(record: RunRecord) -> list[str]:
    """Say which versions are not those of the record."""
    here = RunRecord(command=record.command)
    pairs = {
        "program": (record.software, here.software),
        "Python": (record.python, here.python),
        "system": (record.system, here.system),
        **{name: (record.libraries.get(name), here.libraries.get(name)) for name in record.libraries},
    }
    return [f"{what}: {then} then, {now or 'none'} now" for what, (then, now) in pairs.items() if then != now]


def _changes(then: RunRecord, now: RunRecord) -> tuple[list[str], int]:
    """Say which inputs and results are not those of the record, and count those that are."""
    told = [] if then.device == now.device else [f"device: {then.device} then, {now.device} now"]
    recorded = {entry.image: entry for entry in then.inputs if entry.status in ("done", "skipped")}
    same = 0
    for entry in now.inputs:
        old = recorded.get(entry.image)
        if old is None or entry.status not in ("done", "skipped"):
            continue
        if old.sha256 != entry.sha256:
            told.append(f"{entry.image}: another file than then")
        elif other := _other_results(old, entry):
            told.append(f"{entry.image}: {', '.join(other)}")
        else:
            same += 1
    return told, same


def _other_results(old: InputRecord, new: InputRecord) -> list[str]:
    told = []
    for fact in _RESULTS:
        then, now = getattr(old, fact), getattr(new, fact)
        if then is not None and now is not None and then != now:
            told.append("other labels" if fact == "labels_sha256" else f"{fact} {then} then, {now} now")
    if old.prediction is not None and new.prediction is not None:
        pairs = zip(old.prediction.probabilities, new.prediction.probabilities, strict=True)
        if max(abs(a - b) for a, b in pairs) > _PROBABILITY_ERROR:
            told.append(
                f"predicted {old.prediction.predicted} ({old.prediction.confidence:.1%}) then, "
                f"{new.prediction.predicted} ({new.prediction.confidence:.1%}) now"
            )
    return told
