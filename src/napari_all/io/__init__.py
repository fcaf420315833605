"""Files in and out: images, masks, tables and export formats. Imports neither torch nor a screen."""
