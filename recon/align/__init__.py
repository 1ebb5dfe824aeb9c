"""Alignment: finds the geometry and leaves the pixels alone; only ``resample.py`` interpolates,
once."""
