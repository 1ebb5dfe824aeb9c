"""A film of blobs that fills the views, each turned and enlarged a little by its own: no beads,
nothing isolated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from recon.align.bundle import Cameras, project
from recon.align.bundle.model import MAGNIFICATION, ROTATION, X, Y, nominal
from recon.geometry import Geometry
from recon.series import TiltSeries


@dataclass(frozen=True, eq=False)
class Film:
    series: TiltSeries
    cameras: Cameras


@pytest.fixture(scope="session")
def film() -> Film:
    """31 views of 96 x 96: rotation sigma 0.6 deg about 3 deg, magnification sigma 0.5 %, drift
    sigma 1.5 px, counting noise."""
    rng = np.random.default_rng(4)
    n, angles = 96, np.arange(-45.0, 46.0, 3.0)
    truth = nominal(angles, 3.0)
    truth = truth.with_column(ROTATION, np.deg2rad(3.0 + rng.normal(0, 0.6, angles.size)))
    truth = truth.with_column(MAGNIFICATION, rng.normal(0, 0.005, angles.size))
    truth = truth.with_column(X, rng.normal(0, 1.5, angles.size)).with_column(
        Y, rng.normal(0, 1.5, angles.size)
    )
    blobs = np.column_stack(
        [rng.uniform(-5, 5, 900), rng.uniform(-75, 75, 900), rng.uniform(-100, 100, 900)]
    )
    where = project(truth, blobs) + (n - 1) / 2
    pixel = np.arange(n)
    views = np.empty((angles.size, n, n), np.float32)
    for view, at in zip(views, where, strict=True):
        rows = np.exp(-((pixel[:, None] - at[:, 0]) ** 2) / 6)
        columns = np.exp(-((pixel[:, None] - at[:, 1]) ** 2) / 6)
        view[:] = 2 + rows @ columns.T
    counts = rng.poisson(30 * views).astype(np.float32)
    return Film(TiltSeries(torch.from_numpy(counts), Geometry(angles, 1.0)), truth)
