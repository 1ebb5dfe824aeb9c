"""The classical denoisers, view by view, each by a library that keeps it (scipy, scikit-image)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from recon.errors import UserError
from recon.series import TiltSeries
from recon.sinogram.stabilised import filtered
from recon.stage import Options, Step


def gaussian(series: TiltSeries, *, sigma_px: float = 1.0, stabilise: bool = True) -> TiltSeries:
    """Every view convolved with a Gaussian of standard deviation ``sigma_px``."""
    return filtered(
        series,
        lambda view: ndimage.gaussian_filter(view, sigma_px, mode="nearest"),
        stabilise=stabilise,
        words=f"a Gaussian of {sigma_px:g} px",
    )


def median(series: TiltSeries, *, size_px: int = 3, stabilise: bool = True) -> TiltSeries:
    """Every pixel becomes the median of the square of ``size_px`` pixels around it."""
    return filtered(
        series,
        lambda view: ndimage.median_filter(view, size_px, mode="nearest"),
        stabilise=stabilise,
        words=f"the median of {size_px} x {size_px} px",
    )


def nlm(
    series: TiltSeries,
    *,
    strength: float = 0.8,
    patch_px: int = 5,
    search_px: int = 8,
    stabilise: bool = True,
) -> TiltSeries:
    """Non-local means (Buades, Coll and Morel 2005, doi:10.1109/CVPR.2005.38): pixels whose
    surroundings of ``patch_px`` look alike, up to ``search_px`` away, are averaged. ``strength``:
    by how much they may differ, in standard deviations of the noise."""
    from skimage.restoration import denoise_nl_means

    def by(view: np.ndarray) -> np.ndarray:
        found: np.ndarray = denoise_nl_means(
            view, patch_size=patch_px, patch_distance=search_px, h=strength, sigma=1.0
        )
        return found

    return filtered(series, by, stabilise=stabilise, words=f"non-local means of {strength:g}")


def tv(series: TiltSeries, *, weight: float = 1.0, stabilise: bool = True) -> TiltSeries:
    """Total variation (Rudin, Osher and Fatemi 1992, doi:10.1016/0167-2789(92)90242-F; Chambolle
    2004). ``weight``: of the total variation, where noise has a standard deviation of 1."""
    from skimage.restoration import denoise_tv_chambolle

    def by(view: np.ndarray) -> np.ndarray:
        found: np.ndarray = denoise_tv_chambolle(view, weight=weight, max_num_iter=200)
        return found

    return filtered(series, by, stabilise=stabilise, words=f"total variation of weight {weight:g}")


def _check(options: Options) -> None:
    for name, value in options.items():
        if name in ("size_px", "patch_px") and (value < 1 or value % 2 == 0):
            raise UserError(f"denoise.{name}={value} given, an odd number of pixels wanted")
        if name != "stabilise" and not 0 < value < float("inf"):
            raise UserError(f"denoise.{name}={value} given, a number above 0 wanted")


GAUSSIAN = Step(gaussian, check=_check)
MEDIAN = Step(median, check=_check)
NLM = Step(nlm, check=_check)
TV_VIEWS = Step(tv, check=_check)
