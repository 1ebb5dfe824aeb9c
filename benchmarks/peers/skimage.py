"""scikit-image: ``radon`` and ``iradon``, slice by slice. It has no SIRT (iradon_sart is another
method), and its centre is pixel n // 2."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmarks.exact_data import views
from benchmarks.peers.job import Case, Job
from recon.geometry import Geometry

SLICES = 2


def skimage_jobs(case: Case) -> list[Job]:
    from skimage.transform import iradon, radon

    n, angles = case.n, case.geometry.angles_deg
    theta = -angles
    disc = np.hypot(*(np.ogrid[:n, :n][i] - n // 2 for i in (0, 1))) < n // 2 - 1
    image = disc.astype(np.float32)
    t = np.deg2rad(angles)
    # Our views as seen about its centre.
    off = np.stack([np.zeros(t.size), -0.5 * (1 - np.cos(t) - np.sin(t))], 1)
    centred = views(n, SLICES, Geometry(angles, 1.0, 0.0, off)).numpy()
    sinograms = [np.ascontiguousarray(centred[:, i].T) for i in range(SLICES)]

    def back(filter_name: str | None) -> Tensor:
        options = {"filter_name": filter_name, "circle": True, "output_size": n}
        found = [iradon(one, theta, **options).astype(np.float32) for one in sinograms]
        return torch.from_numpy(np.stack(found, 1))

    return [
        Job("skimage", "forward", 1, lambda: radon(image, theta, circle=True)),
        Job("skimage", "adjoint", SLICES, lambda: back(None)),
        Job("skimage", "wbp", SLICES, lambda: back("ramp")),
    ]
