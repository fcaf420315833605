"""Every method side by side with its peers: same images, same rules, one run, on masks that nothing here was tuned on.

`reference-masks`: 21 Taleqani fields, whole cells, `ignore` left out. `wbc-zheng`: fold 0 of five (sorted file names,
index mod 5, within each dataset), nucleus = class 2, whole cell = classes 1 and 2; with `--all-images` also all of
them, for what learned from none. Peers (`benchmarks/peers`) get the cleaning that our methods get, or none, whichever
fits the set better. Prints tables and writes `docs/results/segmentation_quality.json`; pictures of the worst fields
go to `--sheet`, which must be a folder that git ignores: the images may not be passed on.

    python benchmarks/segmentation_quality.py [--data DIR] [--method NAME ...] [--model MODEL [--write-card]]
        [--smp-model MODEL] [--all-images] [--sheet runs/worst] [--output FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from peers.colour import around_nuclei, darkest, kmeans_lab, multi_otsu_green, otsu_saturation, tavakoli
from peers.forest import forests
from quality.samples import (
    ALL,
    FOLDS,
    REFERENCE,
    ZHENG,
    Contender,
    Result,
    Runner,
    Sample,
    cleaned_or_not,
    reference_samples,
    zheng_samples,
)
from quality.scoring import measure_reference, measure_zheng, score_best
from quality.sheet import LEGEND, write_sheet
from quality.tables import as_markdown, write_card

from napari_all import __version__
from napari_all.errors import unknown_name
from napari_all.networks.checkpoint import load_checkpoint
from napari_all.segmentation.methods import METHODS
from napari_all.types import ClassesMap, RGBImage
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]


def ours(method: str, title: str, model: str | None = None) -> Contender:
    """Return one of our methods with default settings."""
    config = make_config(method, assignments=[f"model={model}"] if model else [])

    def run(rgb: RGBImage) -> dict[str, Result]:
        found = segment_image(rgb, config)
        return {"shared": Result(found.labels, found.classes, found.parts)}

    def about() -> dict[str, object]:
        checkpoint = load_checkpoint(config.settings["model"], "segmentation")
        return {"model": checkpoint.card.name, "model_sha256": checkpoint.sha256}

    trained = "model" in METHODS[method].settings.model_fields
    return Contender(title, lambda _: run, trained, about if trained else dict)


def three_levels(segment: Callable[[RGBImage], ClassesMap], set_name: str) -> Runner:
    """Read three levels the way that suits the set: cells of reference-masks are nearly all nucleus."""
    read, parts = (darkest, "cell") if set_name == REFERENCE else (around_nuclei, "nucleus+cytoplasm")

    def run(rgb: RGBImage) -> ClassesMap:
        return read(segment(rgb))

    return cleaned_or_not(run, parts)


def contenders(data: Path, model: str | None, smp_model: str | None) -> dict[str, Contender]:
    """Return every method and peer by the name that `--method` takes."""
    grown = forests(data)

    def forest(set_name: str) -> Runner:
        return cleaned_or_not(grown[set_name], "cell" if set_name == REFERENCE else "nucleus+cytoplasm")

    found = {
        "otsu-saturation": Contender("Otsu on saturation", lambda _: cleaned_or_not(otsu_saturation, "cell")),
        "kmeans-lab": Contender("k-means in Lab", partial(three_levels, kmeans_lab)),
        "multi-otsu-green": Contender("multi-Otsu on green", partial(three_levels, multi_otsu_green)),
        "tavakoli": Contender("Tavakoli 2021", lambda _: cleaned_or_not(tavakoli, "nucleus")),
        "forest": Contender(
            "random forest, scribbles", forest, True, lambda: {name: one.about() for name, one in grown.items()}
        ),
    }
    if smp_model:
        found["smp-unet"] = ours("unet", "smp U-Net (resnet34)", smp_model)
    return found | {name: ours(name, name, model if name == "unet" else None) for name in METHODS}


@cache
def scored_on(data: Path, every: bool) -> dict[str, list[Sample]]:
    """Return the images by set; with `every`, all of wbc-zheng beside its fold 0."""
    sets = {REFERENCE: reference_samples(data / "reference-masks")}
    for folds, ending in [({0}, "")] + [(set(range(FOLDS)), ALL)] * every:
        for name in ZHENG:
            sets[name + ending] = zheng_samples(data / "wbc-zheng" / name.removeprefix("zheng_"), folds)
    return sets


def commit() -> str:
    """Return the commit that was measured, with '+' when the tree was changed."""
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("NAPARI_ALL_DATA", shared)))
    parser.add_argument("--method", nargs="*", metavar="NAME", help="methods and peers to measure (default: all)")
    parser.add_argument("--model", help="model of --method unet (default: the shipped one)")
    parser.add_argument("--write-card", action="store_true", help="write the figures into the card of --model")
    parser.add_argument("--smp-model", help="U-Net with a resnet34 encoder, made by `train segmenter`; without, no row")
    parser.add_argument("--all-images", action="store_true", help="also score all of wbc-zheng where nothing learned")
    parser.add_argument("--sheet", type=Path, metavar="DIR", help=f"where pictures of the worst fields go; {LEGEND}")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "segmentation_quality.json")
    options = parser.parse_args()
    known = contenders(options.data, options.model, options.smp_model)
    if unknown := [name for name in options.method or [] if name not in known]:
        parser.error(str(unknown_name("method or peer", unknown[0], known)))
    if options.write_card and not options.model:
        parser.error("--write-card needs --model: the file whose card the figures go into")
    if not options.smp_model:
        print("smp U-Net (resnet34): left out, no --smp-model given")
    methods: dict[str, dict[str, object]] = {}
    about: dict[str, object] = {"software": f"napari-all {__version__}", "commit": commit()}
    for name in options.method or known:
        one, start = known[name], time.perf_counter()
        sets: dict[str, object] = {}
        for key, samples in scored_on(options.data, options.all_images and not one.trained).items():
            set_name = key.removesuffix(ALL)
            measure = measure_reference if set_name == REFERENCE else measure_zheng
            scored = score_best(samples, one.runner(set_name), measure)
            sets[key] = scored.scores
            if options.sheet:
                write_sheet(options.sheet / f"{name}_{key}.png", set_name, scored.fields)
        methods[one.title] = sets
        if facts := one.about():
            about[one.title] = facts
        print(f"{one.title}: {time.perf_counter() - start:.1f} s", flush=True)
    print(as_markdown(methods))
    if options.write_card:
        write_card(Path(options.model), methods["unet"])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({"about": about, "methods": methods}, indent=1) + "\n")


if __name__ == "__main__":
    main()
