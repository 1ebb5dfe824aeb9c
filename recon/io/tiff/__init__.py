"""TIFF: stacks, and folders with one file a view."""
