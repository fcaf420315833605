"""napari-all: stained blood smears to corrected, classified, exported cells. For research use only."""

from importlib.metadata import version as _version

__version__ = _version("napari-all")
