"""What a training is fed with: pairs read, groups told apart, validation held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_all.config import Settings
from napari_all.data.grouping import PARTS, hold_out, look_up, read_column
from napari_all.data.mask_folder import MaskFolder, find_pairs, load_item
from napari_all.data.mask_items import CODE_NAMES, MaskItem, codes_present, painted_items
from napari_all.errors import UsageError
from napari_all.files import sha256_array
from napari_all.io.pairing import Pair
from napari_all.monitor import Monitor
from napari_all.workflows.train_config import SourceConfig, TrainSegmenterConfig

_PAINTED = 120


_READ_AS = {
    "labels": "numbered cells",
    "classes": "classes (0 background, 1 cytoplasm, 2 nucleus)",
    "binary": "one value for all cells",
}


class DataSummary(Settings):
    """What a training would be fed with, for people to check before it starts."""

    images: int
    without_mask: list[str]
    predicted: list[str]
    train: int
    validation: int
    groups: int
    grouped: bool
    codes: list[str]
    classes: list[str]
    diameter_px: tuple[float, float, float] | None
    fingerprint: str
    reading: list[str]

    def lines(self) -> list[str]:
        """Return it as lines of text."""
        said = [
            f"{self.images} images with a mask: {self.train} to train on, {self.validation} to validate on",
            f"masks without a sidecar are read as {' or '.join(self.reading)}",
            f"they show {', '.join(self.codes)}; the network learns {', '.join(self.classes)}",
        ]
        if self.diameter_px:
            low, middle, high = self.diameter_px
            said.append(f"cell diameter {middle:.0f} px (from {low:.0f} to {high:.0f})")
        if self.grouped:
            said.append(f"{self.groups} groups, none on both sides")
        else:
            said.append("no groups were given: fields of one patient or slide may lie on both sides, which flatters")
        for names, what in ((self.without_mask, "without a mask"), (self.predicted, "with a mere prediction")):
            if names:
                rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
                said.append(f"left out, {what}: {', '.join(names[:3])}{rest}")
        return said


@dataclass(frozen=True)
class LoadedSource:
    """Items of one folder, parted into training and validation."""

    train: tuple[MaskItem, ...]
    validation: tuple[MaskItem, ...]
    share: float


@dataclass(frozen=True)
class TrainingData:
    """All that a training needs to know of its data."""

    sources: tuple[LoadedSource, ...]
    classes: tuple[str, ...]
    summary: DataSummary

    @property
    def validation(self) -> list[MaskItem]:
        """The validation items of all folders."""
        return [item for source in self.sources for item in source.validation]


def load_training_data(sources: Sequence[SourceConfig], config: TrainSegmenterConfig, monitor: Monitor) -> TrainingData:
    """Read every pair, hold whole groups out, and tell what the network can learn.

    Raises
    ------
    UsageError, MaskError, ImageError
        A folder, a table or a file does not fit; nothing was written.
    """
    if not sources:
        raise UsageError("no folder of images was given; give one with its folder of masks")
    folders = [
        find_pairs(s.images, s.masks, code=s.code, parts=s.parts, use_predicted=config.use_predicted) for s in sources
    ]
    total, done = sum(len(f.pairs) for f in folders), 0
    read, grouped = [], True
    for source, folder in zip(sources, folders, strict=True):
        if source.ignore is not None and not source.ignore.is_dir():
            raise UsageError(f"folder {str(source.ignore)!r} does not exist; give the folder of the ignore masks")
        items = []
        for pair in folder.pairs:
            monitor.raise_if_cancelled()
            monitor.report("read", done, total)
            items.append(load_item(pair, folder, source.ignore))
            done += 1
        named, known = _groups(source, folder, items)
        grouped &= known
        read.append((source, folder, items, named))
    monitor.report("read", total, total)
    settled: dict[str, bool] = {}
    loaded: dict[int, LoadedSource] = {}
    pairs = []
    # what a table of parts says is settled first; a group of that name in another folder follows it
    for number in sorted(range(len(read)), key=lambda number: sources[number].split is None):
        source, folder, items, named = read[number]
        used, held = _parts(source, folder, named, config, settled)
        pairs += [pair for pair, use in zip(folder.pairs, used, strict=True) if use]
        loaded[number] = LoadedSource(
            tuple(i for i, use, out in zip(items, used, held, strict=True) if use and not out),
            tuple(i for i, use, out in zip(items, used, held, strict=True) if use and out),
            source.share,
        )
    ordered = [loaded[number] for number in range(len(read))]
    _refuse_shared_images(ordered)
    return _told(ordered, folders, pairs, (len(settled), grouped), config)


def painted_source(config: TrainSegmenterConfig, sources: Sequence[LoadedSource]) -> LoadedSource | None:
    """Paint the synthetic smears that the configuration asks for."""
    if not config.synthetic_share:
        return None
    others = sum(source.share for source in sources)
    share = others * config.synthetic_share / (1.0 - config.synthetic_share)
    return LoadedSource(tuple(painted_items(_PAINTED)), (), share)


def _groups(source: SourceConfig, folder: MaskFolder, items: Sequence[MaskItem]) -> tuple[list[str], bool]:
    """Return a group per item; without a table, equal images form one and every other image its own."""
    names = [pair.image.name for pair in folder.pairs]
    if source.groups is not None:
        return look_up(names, read_column(source.groups, source.group_column), source.groups.name), True
    return [sha256_array(item.rgb) for item in items], source.split is not None


def _parts(
    source: SourceConfig,
    folder: MaskFolder,
    groups: Sequence[str],
    config: TrainSegmenterConfig,
    settled: dict[str, bool],
) -> tuple[list[bool], list[bool]]:
    """Return which items are used, and which of these are held out; note in `settled` on which side each group is."""
    if source.split is None:
        held = hold_out(groups, config.validation_share, config.training.seed, settled)
        settled.update(zip(groups, held, strict=True))
        return [True] * len(groups), held
    names = [pair.image.name for pair in folder.pairs]
    told = look_up(names, read_column(source.split, "part"), source.split.name)
    if wrong := sorted(set(told) - set(PARTS)):
        raise UsageError(f"{source.split.name} has the part {wrong[0]!r}; choose one of {', '.join(PARTS)}")
    for name, group, part in zip(names, groups, told, strict=True):
        if part != "none" and settled.setdefault(group, part == "val") != (part == "val"):
            raise UsageError(
                f"{name} is in the part {part!r} of {source.split.name}, another image of its group ({group[:40]}) is "
                "in the other one; keep groups whole"
            )
    return [part != "none" for part in told], [part == "val" for part in told]


def _refuse_shared_images(loaded: Sequence[LoadedSource]) -> None:
    """One image must not be trained on through one folder and validated on through another."""
    trained = {sha256_array(item.rgb): item.name for source in loaded for item in source.train}
    for source in loaded:
        for item in source.validation:
            if (other := trained.get(sha256_array(item.rgb))) is not None:
                raise UsageError(f"{other} and {item.name} are one image, on both sides; take one of them out")
    if not trained or not any(source.validation for source in loaded):
        raise UsageError("a training needs images to train on and images to validate on; check the split")


def _told(
    loaded: Sequence[LoadedSource],
    folders: Sequence[MaskFolder],
    pairs: Sequence[Pair],
    groups: tuple[int, bool],
    config: TrainSegmenterConfig,
) -> TrainingData:
    trained = [item for source in loaded for item in source.train]
    codes = codes_present([*trained, *(item for source in loaded for item in source.validation)])
    classes = _classes({CODE_NAMES[code] for code in codes} | ({"smudge"} if config.synthetic_share else set()))
    diameters = [item.diameter_px for item in trained if item.diameter_px is not None]
    summary = DataSummary(
        images=len(pairs),
        without_mask=[name for folder in folders for name in folder.without_mask],
        predicted=[name for folder in folders for name in folder.predicted],
        train=len(trained),
        validation=len(pairs) - len(trained),
        groups=groups[0],
        grouped=groups[1],
        codes=[CODE_NAMES[code] for code in sorted(codes)],
        classes=list(classes),
        diameter_px=tuple(np.percentile(diameters, (0, 50, 100)).tolist()) if diameters else None,
        fingerprint=_fingerprint(loaded),
        reading=sorted({_READ_AS[folder.code] for folder in folders}),
    )
    return TrainingData(tuple(loaded), classes, summary)


def _fingerprint(loaded: Sequence[LoadedSource]) -> str:
    """Return one hash of all that is learned from: pixels, masks with what does not count, and who validates."""
    lines = sorted(
        f"{part} {sha256_array(item.rgb)} {sha256_array(item.targets[0])}"
        for source in loaded
        for part, items in (("train", source.train), ("val", source.validation))
        for item in items
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _classes(codes: set[str]) -> tuple[str, ...]:
    """Return the classes that a network can learn from masks of these codes."""
    if not codes & {"cytoplasm", "nucleus", "cell"}:
        raise UsageError("no mask shows a cell; there is nothing to learn")
    if "nucleus" not in codes:
        cells: tuple[str, ...] = ("cell",)
    elif codes & {"cytoplasm", "cell"}:
        cells = ("cytoplasm", "nucleus")
    else:
        cells = ("nucleus",)
    return ("background", *cells, *(("smudge",) if "smudge" in codes else ()))
