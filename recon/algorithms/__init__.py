"""Reconstruction algorithms: one file, one function, one citation each; ``f(A, y, *, ...) ->
volume``."""
