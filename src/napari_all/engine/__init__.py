"""The engine: runs workflows for the window in a process of its own (`python -m napari_all.engine`)."""
