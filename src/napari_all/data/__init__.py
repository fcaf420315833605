"""Smears as data: the labelled dataset, its folds, the scale bar, synthetic smears."""
