"""Train the segmentation network that ships with napari-all, from random weights, with the program's own training.

    python scripts/build_training_masks.py --data ../shared/data/taleqani-all --output runs/masks
    python scripts/build_training_masks.py --recipe recipes/other-labs-masks.json --data ../shared/data/other-labs \\
        --output runs/masks_other
    python scripts/prepare_zheng.py --data ../shared/data/wbc-zheng --output runs/zheng
    python scripts/train_segmenter.py --data ../shared/data --output runs/smear-unet-1
    python scripts/train_segmenter.py --data ../shared/data --smudges runs/smear-unet-1/smear-unet.safetensors \\
        --output runs/smear-unet

With `--without-zheng` it learns nothing of wbc-zheng, for `benchmarks/fine_tuning.py`.
Goes on with an interrupted run. Takes about an hour of one core with bfloat16. Then measure it and ship it:

    python benchmarks/segmentation_quality.py --write-card runs/smear-unet/smear-unet.safetensors
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from napari_all.cli.common import terminal_monitor
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.workflows.train_config import SourceConfig, make_train_config
from napari_all.workflows.train_segmenter import train_segmenter

TERMS = (
    "Weights for research use only, see docs/models/smear-unet.md. Trained on wbc-zheng (GPL-3.0 file in its source; "
    "cite Zheng et al. 2018, Micron 107:55), on fields of the Taleqani ALL dataset (research use; cite Int J Intell "
    "Syst 2022;37:5113), on lymphocytes of the PBC dataset (cite Acevedo et al. 2020) and on malaria fields of BBBC041 "
    "(cite Depto et al. 2021). The images themselves are not passed on."
)
DATA = (
    "wbc-zheng, folds 1-4 (Zheng et al. 2018, Micron 107:55)",
    "Taleqani ALL fields with this project's masks (doi 10.34740/KAGGLE/DSV/2175623)",
    "PBC lymphocytes with this project's masks (Acevedo et al. 2020)",
    "BBBC041 malaria fields, as fields without white cells (Depto et al. 2021)",
    "synthetic smears that this project paints",
)
SETTINGS = (
    "name=smear-unet", "epochs=35", "steps_per_epoch=200", "patience=35", "batch_size=16", "patch_px=96", "cell_px=48",
    "synthetic_share=0.08", "validation_share=0.1", "debris=0.2",
)  # fmt: skip


SMUDGES = (
    "epochs=6", "learning_rate=0.0005", "patch_px=128", "batch_size=9", "class_weights=1,1,1,3", "stain=0.6",
)  # fmt: skip
"""A short second stage: more context and less change of stain, for a smudge is pale beside the cells of its field."""
WITHOUT_ZHENG = ("name=no-zheng", "epochs=15", "synthetic_share=0.2")


def sources(data: Path, runs: Path, *, without_zheng: bool = False, taleqani_share: float = 0.37) -> list[SourceConfig]:
    """Return what the shipped network is trained on; fold 0 of wbc-zheng, and what the recipes leave out, is not."""
    zheng = [
        SourceConfig(
            images=data / "wbc-zheng" / name / "images",
            masks=data / "wbc-zheng" / name / "masks",
            ignore=runs / "zheng" / name / "ignore",
            split=runs / "zheng" / name / "fold0.csv",
            share=share,
        )
        for name, share in (("dataset1", 0.25), ("dataset2", 0.22))
    ]
    taleqani = SourceConfig(
        images=data / "taleqani-all" / "Original",
        masks=runs / "masks",
        groups=data / "taleqani-all" / "overlap_groups.csv",
        group_column="appearance_cluster",
        share=taleqani_share,
    )
    others = [
        SourceConfig(images=data / "other-labs" / folder, masks=runs / "masks_other", share=share)
        for folder, share in (
            ("barcelona-lymphocytes", 0.05 if not without_zheng else 0.2),
            ("malaria-fields/images", 0.04),
        )
    ]
    return [*([] if without_zheng else zheng), taleqani, *others]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parents[1]
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("NAPARI_ALL_DATA", root.parent / "shared" / "data"))
    )
    parser.add_argument("--runs", type=Path, default=root / "runs", help="folder of the prepared masks")
    parser.add_argument("--output", type=Path, default=root / "runs" / "smear-unet")
    parser.add_argument("--without-zheng", action="store_true", help="learn nothing of wbc-zheng")
    parser.add_argument("--smudges", type=Path, metavar="MODEL", help="second stage: go on from MODEL towards smudges")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a training setting")
    options = parser.parse_args(arguments)
    stage = (*SMUDGES, f"init={options.smudges}") if options.smudges else ()
    config = make_train_config([*SETTINGS, *(WITHOUT_ZHENG if options.without_zheng else ()), *stage, *options.set])
    chosen = sources(
        options.data,
        options.runs,
        without_zheng=options.without_zheng,
        taleqani_share=0.8 if options.smudges else 0.37,
    )
    with terminal_monitor(quiet=False) as monitor:
        report = train_segmenter(
            chosen,
            options.output,
            config,
            resume=options.output.exists(),
            monitor=monitor,
        )
    if report is None:
        return
    path = options.output / report.checkpoint
    checkpoint = load_checkpoint(path)
    card = checkpoint.card.updated(
        summary="White cells in stained blood smears, nucleus and cytoplasm, smudge cells apart, at any magnification.",
        data=DATA[1:] if options.without_zheng else DATA,
        licence=TERMS,
    )
    save_checkpoint(path, checkpoint.tensors, card)
    print("\n".join(report.lines()))


if __name__ == "__main__":
    main()
