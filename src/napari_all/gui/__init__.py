"""The window: dock widgets, readers, writers and sample data; the only place with Qt and napari."""
