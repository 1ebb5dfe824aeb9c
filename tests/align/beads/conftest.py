"""One small simulated series for all tests of beads, and beads drawn without noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recon.preprocess import preprocess
from recon.series import TiltSeries
from recon.simulate.bead_film import STAGE, VIEWS, beads
from recon.simulate.fiducials import bead_chords
from recon.simulate.sample import Sample


@pytest.fixture(scope="session")
def sample() -> Sample:
    """12 beads and those that come in, 23 views of 256 x 256."""
    return beads(
        size=256,
        n_beads=12,
        views=replace(VIEWS, max_tilt_deg=55.0, step_deg=5.0),
        stage=replace(STAGE, drift_px=3.0),
        seed=3,
    )


@pytest.fixture(scope="session")
def series(sample: Sample) -> TiltSeries:
    return preprocess(sample.series, log=True)


@pytest.fixture
def drawn() -> Callable[..., np.ndarray]:
    """(y, x) float32 beads of ``diameter`` pixels at (n, 2) positions on a flat ground, with a
    little noise."""

    def draw(
        at: np.ndarray,
        diameter: float = 10.0,
        shape: tuple[int, int] = (160, 180),
        noise: float = 0.3,
    ) -> np.ndarray:
        clean = bead_chords(shape, np.asarray(at, float), np.full(len(at), diameter))
        return (clean + noise * np.random.default_rng(1).normal(size=shape)).astype(np.float32)

    return draw
