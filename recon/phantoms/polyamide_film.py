"""A crumpled polyamide film, as on reverse-osmosis membranes: a thin skin thrown into domes and
folds over a flat base, with voids between.

The dome-dimple-pancake morphology of An et al. 2022, doi:10.1126/sciadv.abk1888.
"""

from __future__ import annotations

import numpy as np

from recon.errors import UserError
from recon.phantoms.base import VACUUM, Phantom, Region, generator, in_range, render
from recon.phantoms.shapes import around, body, stamp
from recon.phantoms.waves import Waves, random_waves

FLOOR = -0.3  # height of the base, box units
STEEP = 1.4  # of the step from valley to crest: the field has variance 1


def polyamide_film(
    *,
    size: int = 128,
    seed: int = 0,
    thickness_nm: float = 12.0,
    height_nm: float = 110.0,
    crumple_nm: float = 90.0,
    overhang: float = 0.5,
    n_pores: int = 60,
    box_nm: float = 256.0,
) -> Phantom:
    """Density 1; label 1 is the base, label 2 the crumpled skin; voids and the outside are vacuum.
    The film crosses the box in y and x.

    The skin, of ``thickness_nm``, touches the base in its valleys and rises ``height_nm`` in its
    crests, ``crumple_nm`` apart; domes lean and hang over with ``overhang`` (0 to 1). ``n_pores``:
    small round voids within skin and base.
    """
    rng = generator(seed)
    in_range("overhang", overhang, 0.0, 1.0)
    in_range("n_pores", n_pores, 0, 5000)
    if not (
        0 < thickness_nm <= 0.15 * box_nm
        and 0 <= height_nm <= 0.6 * box_nm
        and 0.1 * box_nm <= crumple_nm <= 2 * box_nm
    ):
        raise UserError(
            f"thickness_nm={thickness_nm}, height_nm={height_nm} and crumple_nm={crumple_nm} "
            f"given, at most {0.15 * box_nm:g}, at most "
            f"{0.6 * box_nm:g} and {0.1 * box_nm:g} to {2 * box_nm:g} wanted in a box of "
            f"{box_nm:g} nm"
        )
    skin = Skin(rng, thickness_nm / box_nm, height_nm / box_nm, crumple_nm / box_nm, overhang)
    pores = np.column_stack(
        [rng.uniform(FLOOR, FLOOR + skin.height, n_pores), rng.uniform(-0.5, 0.5, (n_pores, 2))]
    )
    radii = thickness_nm / box_nm * rng.uniform(0.15, 0.4, n_pores)

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        ids = np.zeros((z.size, y.size, x.size), np.uint8)
        high = around(
            z, FLOOR + skin.height / 2, (skin.height + skin.thickness) / 2
        )  # nothing lies above or below
        ids[high][skin.inside(z[high], y, x)] = 2
        ids[np.abs(z - FLOOR) < skin.thickness / 2] = 1
        for pore, radius in zip(pores, radii, strict=True):
            stamp(
                ids,
                z,
                y,
                x,
                body("sphere", 0, radius=float(radius), centre=pore, turn=np.eye(3)),
                0,
            )
        return ids

    done = render(
        regions_at, [VACUUM, Region(1, 1.0), Region(2, 1.0)], (size, size, size), (3, 3, 3)
    )
    step = (
        f"phantom polyamide_film: seed {seed}, skin of {thickness_nm:g} nm, {height_nm:g} nm "
        f"high, {size}^3 voxels of {box_nm / size:g} nm"
    )
    return done.phantom("polyamide_film", step, box_nm / size)


class Skin:
    """The level set F = z - FLOOR - height s(w(z, y, x)) of a smooth field w; s, a logistic step,
    goes from valleys (0) to crests (1).

    Where w varies along z, domes hang over. |F| / |grad F| is the distance to first order, so the
    thickness is even.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        thickness: float,
        height: float,
        length: float,
        overhang: float,
    ) -> None:
        self.thickness, self.height = thickness, height
        wave = random_waves(rng, 40, 0.7 * length, 1.6 * length, flat=True)
        tilted = wave.k + np.column_stack(
            [overhang * 0.7 / length * rng.normal(size=40), np.zeros((40, 2))]
        )
        self.wave = Waves(tilted, wave.phase, wave.amplitude)

    def inside(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """(k, m, n) bool: |F| < |grad F| thickness / 2."""
        step = 1 / (1 + np.exp(-STEEP * self.wave(z, y, x)))
        distance = z[:, None, None] - FLOOR - self.height * step
        slope = self.height * STEEP * step * (1 - step)  # dF = dz - slope dw
        squared = (1 - slope * self._along(0, z, y, x)) ** 2
        for axis in (1, 2):
            squared += (slope * self._along(axis, z, y, x)) ** 2
        return np.asarray(np.abs(distance) < np.maximum(np.sqrt(squared), 0.5) * self.thickness / 2)

    def _along(self, axis: int, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Derivative of the field: -2 pi k sin = 2 pi k cos(. + pi / 2)."""
        wave = self.wave
        return Waves(wave.k, wave.phase + np.pi / 2, 2 * np.pi * wave.k[:, axis] * wave.amplitude)(
            z, y, x
        )
