"""`python -m napari_all`: the same as `napari-all`."""

import sys

from napari_all.cli import main

sys.exit(main())
