"""Projects: folders of images under correction, with labels, status, undo and an audit log; knows no screen.

A project is a folder of plain files; the images stay where they are. `<image>` is an image's path without its
ending, relative to the folder of the images (sub-folders are mirrored).

=============================== =======================================================================================
`project.json`                  format version, where the images lie, and every image's path, SHA-256 and size
`images.csv`                    one row per image: status, flag, and numbers to order by; made again from the logs
                                where it is lost
`labels/<image>_labels.tif`     corrected cells: with `_classes.tif` and `_labels.json` as `napari-all segment` writes
                                them, `_ignore.tif`, `_smudges.tif` and `_artefacts.tif` (255; only where there are
                                any) and `_cell_classes.csv` (`label, cell_class`). `napari-all train segmenter --masks
                                PROJECT/labels` reads this folder as it is: images that are not yet corrected or
                                accepted count as mere predictions and are left out
`predictions/<image>_…`         what the corrections of an image began from; never edited. `_uncertainty.tif` beside it:
                                how unsure the network was of each pixel
`proposals/<image>_…`           what a model said later of an image that a person had already corrected
`alternatives/<name>/<image>_…` labels that lost in a merge of two copies, or were found changed by another program
`models/<name>/`                networks that learned from the project: weights and card, report, curves, pictures, the
                                `masks` as they were, and `split.csv`: who was kept aside, by which later trainings go
`log/<image>.jsonl`             append-only: what the labels began from, every change, every save (`log_lines`)
`project.lock`                  held by the program that has the project open
=============================== =======================================================================================

The labels of an image are those of its last save and the changes logged after it; or, where the saved files are
damaged, the prediction and all changes since. Version 1 is the only one so far; newer ones are refused, older ones
would be copied, then brought to today's (`migration`).

A change is in memory when it is recorded and in its log some milliseconds later: the log is written by a thread of its
own, and the next change waits for it. So a kill at any moment costs one change at most. Where the disk takes longer
than a second for a line, or refuses, that is told (`Project.failure`), nobody moves on to another image, and what is
done meanwhile is in memory only.
"""
