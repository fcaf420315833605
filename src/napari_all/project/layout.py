"""Where the files of a project lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from napari_all.files import WRITING, inside
from napari_all.io.masks import LABELS_ENDING, UNCERTAINTY_ENDING

Shelf: TypeAlias = Literal["labels", "predictions", "proposals"]


@dataclass(frozen=True)
class Layout:
    """Paths inside the project's folder; images go by their name in the project."""

    folder: Path

    @property
    def manifest(self) -> Path:
        """Format version and images."""
        return self.folder / "project.json"

    @property
    def index(self) -> Path:
        """Table of the images."""
        return self.folder / "images.csv"

    @property
    def lock(self) -> Path:
        """Held by the program that has the project open."""
        return self.folder / "project.lock"

    @property
    def models(self) -> Path:
        """Networks that were trained on the project, a folder each."""
        return self.folder / "models"

    def labels(self, image: str, shelf: Shelf = "labels") -> Path:
        """Label image of a shelf; the other files of the image are named after it."""
        return inside(self.folder, f"{shelf}/{stem(image)}{LABELS_ENDING}")

    def uncertainty(self, image: str) -> Path:
        """How unsure the network was of each pixel of what the labels began from; not every method tells."""
        return inside(self.folder, f"predictions/{stem(image)}{UNCERTAINTY_ENDING}")

    def alternative(self, image: str, name: str) -> Path:
        """Label image that lost, under the name of where it came from."""
        return inside(self.folder, f"alternatives/{name}/{stem(image)}{LABELS_ENDING}")

    def log(self, image: str) -> Path:
        """Log of an image."""
        return inside(self.folder, f"log/{stem(image)}.jsonl")

    def log_sizes(self) -> dict[str, int]:
        """Return the size of every log in bytes, by the image's name without its ending."""
        root = self.folder / "log"
        return {p.relative_to(root).as_posix().removesuffix(".jsonl"): p.stat().st_size for p in root.rglob("*.jsonl")}

    def remove_leftovers(self) -> None:
        """Remove temporary files that a kill has left; only for whoever holds the lock."""
        for folder, _, files in os.walk(self.folder):
            for name in files:
                if name.startswith(WRITING):
                    Path(folder, name).unlink(missing_ok=True)


def stem(image: str) -> str:
    """Return an image's name without its ending, sub-folders kept."""
    return str(PurePosixPath(image).with_suffix(""))
