"""Parts of a dataset to train, validate and test on, without the leaks that this kind of data has."""

from napari_all.data.split.files import learned_keys, read_split, write_split
from napari_all.data.split.makers import grouped_folds, grouped_holdout, paper_split, random_folds
from napari_all.data.split.parts import Split, clear_of, make_split

__all__ = [
    "Split",
    "clear_of",
    "grouped_folds",
    "grouped_holdout",
    "learned_keys",
    "make_split",
    "paper_split",
    "random_folds",
    "read_split",
    "write_split",
]
