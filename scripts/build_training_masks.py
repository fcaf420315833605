"""Rebuild the training masks of the Taleqani dataset from the committed recipe.

python scripts/build_training_masks.py --data ../shared/data/taleqani-all --output runs/masks

Writes <stem>_labels.tif (instances), <stem>_ignore.png (255 = leave out), <stem>_smudges.png (255 = remains of a broken
cell; only when there are any) and, for fields with nuclei, <stem>_classes.tif (0 background, 1 cytoplasm, 2 nucleus,
3 cell whose nucleus is not known). Exit code 1 when an image is missing, is another file, or gives another mask
than the recipe was accepted with. After a wanted change of the segmentation code, look at the masks, then store their
new hashes with --accept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_all.workflows.play_recipe import Played, play_recipe
from napari_all.workflows.recipe import Recipe, read_recipe, write_recipe

RECIPE = Path(__file__).parents[1] / "recipes" / "taleqani-masks.json"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with Original/<class>/…")
    parser.add_argument("--output", type=Path, default=Path("runs/masks"))
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--accept", action="store_true", help="store the hashes of the results in the recipe")
    options = parser.parse_args(arguments)
    recipe = read_recipe(options.recipe)
    report = play_recipe(recipe, options.data, options.output, check=not options.accept)
    failed = [line for line in report if line.error]
    for line in failed:
        print(line.error, file=sys.stderr)
    if options.accept and not failed:
        # read again: an editor may have saved other fields while the masks were built
        write_recipe(options.recipe, accepted(read_recipe(options.recipe), report))
    done = [line for line in report if not line.error]
    print(f"{len(done)} of {len(report)} masks with {sum(line.cells for line in done)} cells in {options.output}")
    return 1 if failed else 0


def accepted(recipe: Recipe, report: list[Played]) -> Recipe:
    fields = [field.updated(result_sha256=line.sha256) for field, line in zip(recipe.fields, report, strict=True)]
    return recipe.model_copy(update={"fields": tuple(fields)})


if __name__ == "__main__":
    sys.exit(main())
