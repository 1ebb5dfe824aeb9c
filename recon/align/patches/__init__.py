"""Patches of the images, followed through the series and solved for: alignment of a specimen
without beads."""
