"""Electron tomography from a raw tilt series to a tomogram.

    import tiltwise as tw

    s = tw.read("HAADF.mrc")  # or tw.series(stack, angles_deg, pixel_nm=0.7), of any array
    tomogram = tw.reconstruct(tw.align(tw.clean(s)), tw.TV())
    tw.show(tomogram)
    tw.write(tomogram, "tomogram.mrc")

Names load when they are used: importing this package loads neither torch nor numba.
"""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING

from tiltwise.neighbours import check_neighbours

if TYPE_CHECKING:
    from recon.algorithms.cgls import CGLS
    from recon.algorithms.sart import SART
    from recon.algorithms.sart_scheme import Scheme
    from recon.algorithms.sirt import SIRT
    from recon.algorithms.tv import TV
    from recon.algorithms.wbp import WBP
    from recon.align.auto import AUTO
    from recon.align.beads.fiducial import FIDUCIAL
    from recon.align.fixed import FIXED
    from recon.align.patches.patch import PATCH
    from recon.align.xcorr import XCORR
    from recon.api import (
        align,
        clean,
        denoise,
        inpaint,
        projector,
        read,
        reconstruct,
        report,
        sample,
        score,
        section,
        series,
        show,
        volume,
        write,
    )
    from recon.errors import UserError
    from recon.geometry import Geometry
    from recon.learned.irdm2020 import IRDM2020
    from recon.learned.restore import IRDM, PRIMAL_DUAL
    from recon.preprocess import PREPROCESS
    from recon.series import TiltSeries, Volume
    from recon.sinogram.classical import GAUSSIAN, MEDIAN, NLM, TV_VIEWS
    from recon.sinogram.gan import GAN
    from recon.sinogram.noise2noise import NOISE2NOISE
    from recon.sinogram.unet import UNET
    from recon.stage import Bound, Method, Needs, Settled, Step

_WHERE = {
    "AUTO": "recon.align.auto",
    "Bound": "recon.stage",
    "CGLS": "recon.algorithms.cgls",
    "FIDUCIAL": "recon.align.beads.fiducial",
    "FIXED": "recon.align.fixed",
    "GAUSSIAN": "recon.sinogram.classical",
    "GAN": "recon.sinogram.gan",
    "Geometry": "recon.geometry",
    "IRDM": "recon.learned.restore",
    "IRDM2020": "recon.learned.irdm2020",
    "MEDIAN": "recon.sinogram.classical",
    "Method": "recon.stage",
    "NLM": "recon.sinogram.classical",
    "NOISE2NOISE": "recon.sinogram.noise2noise",
    "Needs": "recon.stage",
    "PATCH": "recon.align.patches.patch",
    "PREPROCESS": "recon.preprocess",
    "PRIMAL_DUAL": "recon.learned.restore",
    "SART": "recon.algorithms.sart",
    "SIRT": "recon.algorithms.sirt",
    "Scheme": "recon.algorithms.sart_scheme",
    "Settled": "recon.stage",
    "Step": "recon.stage",
    "TV": "recon.algorithms.tv",
    "TV_VIEWS": "recon.sinogram.classical",
    "TiltSeries": "recon.series",
    "UNET": "recon.sinogram.unet",
    "UserError": "recon.errors",
    "Volume": "recon.series",
    "WBP": "recon.algorithms.wbp",
    "XCORR": "recon.align.xcorr",
    "align": "recon.api",
    "clean": "recon.api",
    "denoise": "recon.api",
    "inpaint": "recon.api",
    "projector": "recon.api",
    "read": "recon.api",
    "reconstruct": "recon.api",
    "report": "recon.api",
    "sample": "recon.api",
    "score": "recon.api",
    "section": "recon.api",
    "series": "recon.api",
    "show": "recon.api",
    "volume": "recon.api",
    "write": "recon.api",
}

__all__ = [
    "AUTO",
    "CGLS",
    "FIDUCIAL",
    "FIXED",
    "GAN",
    "GAUSSIAN",
    "IRDM",
    "IRDM2020",
    "MEDIAN",
    "NLM",
    "NOISE2NOISE",
    "PATCH",
    "PREPROCESS",
    "PRIMAL_DUAL",
    "SART",
    "SIRT",
    "TV",
    "TV_VIEWS",
    "UNET",
    "WBP",
    "XCORR",
    "Bound",
    "Geometry",
    "Method",
    "Needs",
    "Scheme",
    "Settled",
    "Step",
    "TiltSeries",
    "UserError",
    "Volume",
    "align",
    "clean",
    "denoise",
    "inpaint",
    "projector",
    "read",
    "reconstruct",
    "report",
    "sample",
    "score",
    "section",
    "series",
    "show",
    "volume",
    "write",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return importlib.import_module("recon").__version__
    if name not in _WHERE:
        low = {known.lower(): known for known in _WHERE}
        close = difflib.get_close_matches(name.lower(), low, 1, 0.6)
        hint = f"did you mean {low[close[0]]}?" if close else f"it has {', '.join(__all__)}"
        raise AttributeError(f"tiltwise has no {name!r}; {hint}")
    check_neighbours()
    found = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = found  # found without this detour from now on
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
