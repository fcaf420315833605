"""The command line: one module per subcommand; computes nothing itself."""

from napari_all.cli.main import main

__all__ = ["main"]
