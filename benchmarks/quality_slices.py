"""Two-dimensional cases (B2, B3, B4, B4n): pictures of 256 x 256 pixels, projected by scikit-image,
as the printed table's were.

The pictures of a case are the rows of one series: independent problems in one geometry, with one
choice of parameters. The convention that reproduces the printed numbers: ``radon(circle=True)`` of
the picture, results clipped to [0, 1] and compared within the inscribed disc (scikit-image's
``circle=True`` sets the rest to zero), peak 1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from scipy import ndimage

from benchmarks.quality_case import Case, Plan
from recon.geometry import Geometry
from recon.phantoms.base import Phantom
from recon.phantoms.phantom_face import phantom_face
from recon.phantoms.polyamide_film import polyamide_film
from recon.phantoms.polygons import polygons
from recon.phantoms.porous_silica import porous_silica
from recon.projectors.native import NativeProjector

SIZE = 256
WEDGES_DEG = (40, 60, 80)
FINE_STEP_DEG = 1.40625  # 128 views over 180 degrees, as in B4
DOSES_E_PX = (100, 1000)  # counts that the brightest pixel of a series expects
MISALIGNMENT_PX = 0.5  # standard deviation

PICTURES = range(6)  # seeds
FEW = range(2)  # seeds, or slices of a volume: each takes minutes of TV and networks
Pictures = Callable[[], np.ndarray]  # (row, z, x) in [0, 1]
Noise = Callable[[np.ndarray], np.ndarray]


def outside_wedge_deg(wedge_deg: float, step_deg: float) -> np.ndarray:
    """scikit-image's theta for a wedge centred on 90 degrees."""
    return np.concatenate(
        [np.arange(0, 90 - wedge_deg / 2, step_deg), np.arange(90 + wedge_deg / 2, 180, step_deg)]
    )


def disc() -> np.ndarray:
    """(z, x) True within scikit-image's circle, about pixel n // 2."""
    z, x = np.ogrid[:SIZE, :SIZE]
    return np.asarray(np.hypot(z - SIZE // 2, x - SIZE // 2) <= SIZE // 2)


def project(pictures: np.ndarray, theta_deg: np.ndarray) -> tuple[np.ndarray, Geometry]:
    """(tilt, row, x) line integrals by scikit-image, as a tilt series between -90 and 90 degrees in
    the order of its angles.

    scikit-image turns a picture about pixel n // 2 by -t, so that theta = -t and the axis lands
    half a pixel from ours, a shift that the geometry carries. Views beyond 90 degrees are seen from
    behind: t + 180, the row of pixels reversed.
    """
    from skimage.transform import radon

    views = np.stack(
        [radon(picture, theta_deg, circle=True).T.astype(np.float32) for picture in pictures],
        axis=1,
    )
    t = np.deg2rad(-theta_deg)
    axis = 0.5 * (1 - np.cos(t) - np.sin(t))  # columns from our centre
    behind = theta_deg > 90
    views[behind] = views[behind, :, ::-1]
    axis[behind] *= -1
    angles = np.where(behind, 180 - theta_deg, -theta_deg)
    order = np.argsort(angles)
    shifts = np.stack([np.zeros(order.size), -axis[order]], axis=1)
    return views[order], Geometry(angles[order], 1.0, 0.0, shifts)


def degrade(views: np.ndarray, dose_e_px: float, misalignment_px: float, seed: int) -> np.ndarray:
    """Each view moved along x by a normal random shift that nobody is told, then counted: Poisson,
    ``dose_e_px`` expected in the brightest pixel of the series."""
    rng = np.random.default_rng(seed)
    moved = [ndimage.shift(view, (0, rng.normal(0, misalignment_px)), order=3) for view in views]
    scale = float(views.max()) / dose_e_px
    return np.asarray(rng.poisson(np.maximum(moved, 0) / scale) * scale, np.float32)


def slice_case(
    benchmark: str, name: str, pictures: Pictures, theta_deg: np.ndarray, noise: Noise | None = None
) -> Case:
    within = disc()
    truth = (pictures() * within).astype(np.float32)
    views, geometry = project(truth, theta_deg)
    y = torch.from_numpy(np.ascontiguousarray(views if noise is None else noise(views)))
    support = torch.from_numpy(within.astype(np.float32))[:, None]
    rows_middle = torch.from_numpy(truth).permute(1, 0, 2).contiguous()
    return Case(
        benchmark, name, y, NativeProjector(geometry, (SIZE, SIZE), SIZE), rows_middle, 1.0, support
    )


def b2() -> list[Plan]:
    return [
        _plan("B2", f"face, wedge {w} deg", face, outside_wedge_deg(w, 2.0)) for w in WEDGES_DEG
    ]


def b3() -> list[Plan]:
    return [
        _plan("B3", f"Shepp-Logan, wedge {w} deg", head, outside_wedge_deg(w, 2.0))
        for w in WEDGES_DEG
    ]


def b4() -> list[Plan]:
    return [
        _plan(
            "B4",
            "six polygon pictures, wedge 45 deg",
            polygon_pictures,
            outside_wedge_deg(45, FINE_STEP_DEG),
        )
    ]


def b4n() -> list[Plan]:
    """B4 with counting noise and misalignment, and things that are not piecewise constant with the
    same."""
    theta = outside_wedge_deg(45, FINE_STEP_DEG)
    low, high = DOSES_E_PX
    kinds: list[tuple[str, Pictures, int]] = [
        ("polygons", polygon_pictures, low),
        ("polygons", polygon_pictures, high),
        ("gradients", gradients, high),
        ("porous silica", porous, high),
        ("polyamide film", film, high),
        ("photograph", photograph, high),
    ]
    plans = []
    for seed, (what, pictures, dose) in enumerate(kinds):
        noise = functools.partial(
            degrade, dose_e_px=dose, misalignment_px=MISALIGNMENT_PX, seed=seed
        )
        plans.append(
            _plan("B4n", f"{what}, {dose} e/px, {MISALIGNMENT_PX} px", pictures, theta, noise)
        )
    return plans


def face() -> np.ndarray:
    return np.asarray(phantom_face(size=SIZE, rows=1).density.permute(1, 0, 2).numpy())


def head() -> np.ndarray:
    """scikit-image's own picture of 400 pixels, resized: not that of recon.phantoms, which is drawn
    at its size."""
    from skimage.data import shepp_logan_phantom
    from skimage.transform import resize

    return np.asarray(resize(shepp_logan_phantom(), (SIZE, SIZE), anti_aliasing=True))[None]


def polygon_pictures() -> np.ndarray:
    return np.stack(
        [polygons(size=SIZE, rows=1, seed=seed).density[:, 0].numpy() for seed in PICTURES]
    )


def gradients() -> np.ndarray:
    """Discs whose density rises from left to right, with cones, parabolic lenses and Gaussian hills
    on them; nowhere flat."""
    k = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    z, x = k[:, None], k[None]
    pictures = []
    for seed in FEW:
        picture = (np.hypot(z, x) < 0.4) * (0.3 + 0.5 * x)
        rng = np.random.default_rng(seed)
        for kind in range(15):
            at, radius, amount = (
                rng.uniform(-0.22, 0.22, 2),
                rng.uniform(0.03, 0.1),
                rng.uniform(-0.25, 0.5),
            )
            r = np.hypot(z - at[0], x - at[1]) / radius
            hill = (np.maximum(1 - r, 0), np.maximum(1 - r * r, 0), np.exp(-2 * r * r))[kind % 3]
            picture = picture + amount * hill
        pictures.append(np.clip(picture, 0, 1))
    return np.stack(pictures)


@functools.cache
def porous() -> np.ndarray:
    """Slices of a porous grain; pores cut at all heights, edges everywhere."""
    return _slices(porous_silica(size=SIZE))


@functools.cache
def film() -> np.ndarray:
    """Slices across a crumpled film; they end at the disc."""
    return _slices(polyamide_film(size=SIZE))


def photograph() -> np.ndarray:
    """scikit-image's cameraman (CC0), faded out towards the disc's edge."""
    from skimage.data import camera
    from skimage.transform import resize

    k = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    r = np.hypot(k[:, None], k[None])
    fade = np.clip((0.48 - r) / 0.06, 0, 1)
    return np.asarray(
        resize(camera() / 255.0, (SIZE, SIZE), anti_aliasing=True) * fade * fade * (3 - 2 * fade)
    )[None]


def _slices(phantom: Phantom) -> np.ndarray:
    rows = np.linspace(0.4, 0.6, len(FEW)) * SIZE
    return np.array(phantom.density[:, rows.astype(int)].permute(1, 0, 2).numpy())


def _plan(
    benchmark: str, name: str, pictures: Pictures, theta: np.ndarray, noise: Noise | None = None
) -> Plan:
    return Plan(
        benchmark, name, functools.partial(slice_case, benchmark, name, pictures, theta, noise)
    )
