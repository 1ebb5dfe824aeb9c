"""A face of fifteen ellipses: a stand-in for the "phantom face" of Wang et al. 2020,
doi:10.1002/aisy.202000152 (their picture is not public)."""

from __future__ import annotations

from recon.phantoms.base import Phantom, generator
from recon.phantoms.planar import Ellipse, add_ellipses, lift

FACE = tuple(
    Ellipse(*row)
    for row in (
        (0.60, 0.62, 0.82, 0.0, 0.0, 0.0),  # head
        (-0.10, 0.56, 0.76, 0.0, 0.0, 0.0),
        (0.40, 0.13, 0.075, -0.22, 0.24, 0.0),  # eyes
        (0.40, 0.13, 0.075, 0.22, 0.24, 0.0),
        (-0.80, 0.045, 0.05, -0.22, 0.24, 0.0),  # pupils
        (-0.80, 0.045, 0.05, 0.22, 0.24, 0.0),
        (0.25, 0.05, 0.17, 0.0, -0.02, 0.0),  # nose
        (-0.40, 0.26, 0.05, 0.0, -0.40, 0.0),  # mouth
        (0.20, 0.10, 0.02, 0.0, -0.40, 0.0),
        (0.35, 0.15, 0.022, -0.23, 0.41, 10.0),  # eyebrows
        (0.35, 0.15, 0.022, 0.23, 0.41, -10.0),
        (-0.25, 0.03, 0.03, -0.38, -0.12, 0.0),  # freckles
        (-0.25, 0.02, 0.02, -0.33, -0.2, 0.0),
        (-0.25, 0.03, 0.03, 0.38, -0.12, 0.0),
        (-0.25, 0.02, 0.02, 0.33, -0.2, 0.0),
    )
)


def phantom_face(
    *, size: int = 128, seed: int = 0, rows: int | None = None, box_nm: float = 128.0
) -> Phantom:
    """The benchmark's face in the (z, x) plane, densities 0 to 1, one label an ellipse. Nothing is
    random: ``seed`` changes nothing.

    ``rows``: voxels along y; null: as many as ``size``.
    """
    generator(seed)  # refuses what the other families refuse
    return lift(
        add_ellipses(FACE),
        size=size,
        rows=rows,
        name="phantom_face",
        step="15 ellipses",
        box_nm=box_nm,
    )
