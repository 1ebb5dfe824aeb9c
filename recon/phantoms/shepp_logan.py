"""The Shepp-Logan head with the contrast of Toft 1996 (thesis, Technical University of Denmark),
that everybody uses.

Shepp and Logan 1974, doi:10.1109/TNS.1974.6499235
"""

from __future__ import annotations

from recon.phantoms.base import Phantom, generator
from recon.phantoms.planar import Ellipse, add_ellipses, lift

HEAD = tuple(
    Ellipse(*row)
    for row in (
        (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),  # skull
        (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),  # brain
        (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),  # ventricles
        (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
        (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
        (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
        (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
        (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
        (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
        (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
    )
)


def shepp_logan(
    *, size: int = 128, seed: int = 0, rows: int | None = None, box_nm: float = 128.0
) -> Phantom:
    """The head in the (z, x) plane, densities 0 to 1, one label an ellipse, 0 in the empty
    ventricles. ``seed`` changes nothing.

    ``rows``: voxels along y; null: as many as ``size``.
    """
    generator(seed)  # refuses what the other families refuse
    return lift(
        add_ellipses(HEAD),
        size=size,
        rows=rows,
        name="shepp_logan",
        step="10 ellipses",
        box_nm=box_nm,
    )
