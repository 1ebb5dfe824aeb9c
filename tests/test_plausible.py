"""The safety net speaks where something is odd, and is silent where all is well."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.geometry import Geometry
from recon.plausible import (
    doubt_geometry,
    doubt_order,
    doubt_result,
    doubt_rows,
    wedge_share,
)
from recon.series import TiltSeries

ANGLES = np.linspace(-60, 60, 21)
DOSE_SYMMETRIC = np.argsort(np.abs(ANGLES) + 0.1 * (ANGLES > 0), kind="stable")


@pytest.fixture
def views() -> np.ndarray:
    """(tilt, y, x) in order of angle: two particles that turn."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :48].astype(float)
    stack = [
        200 * np.exp(-(((x - 24 - 14 * np.sin(t + p)) / 4) ** 2) - ((y - 20 - d) / 5) ** 2)
        for t in np.deg2rad(ANGLES)
        for p, d in ((0.3, -8), (1.8, 9))
    ]
    return np.asarray(stack).reshape(21, 2, 40, 48).sum(1) + rng.normal(0, 4, (21, 40, 48))


def series(stack: np.ndarray, angles: np.ndarray) -> TiltSeries:
    return TiltSeries(torch.from_numpy(stack.astype(np.float32)), Geometry(angles, 1.0))


def test_angles_in_another_order_than_the_views_are_noticed(views: np.ndarray) -> None:
    said = doubt_order(series(views, ANGLES[DOSE_SYMMETRIC]))
    assert "tilt angles are in another order" in said
    assert "angles=" in said


@pytest.mark.parametrize("order", [np.arange(21), np.arange(21)[::-1], DOSE_SYMMETRIC])
def test_right_orders_are_not(views: np.ndarray, order: np.ndarray) -> None:
    assert doubt_order(series(views[order], ANGLES[order])) == ""
    noise = np.random.default_rng(1).normal(size=views.shape)
    assert doubt_order(series(noise[order], ANGLES[order])) == ""


def test_geometry() -> None:
    assert doubt_geometry(Geometry(ANGLES, 1.0)) == []
    assert doubt_geometry(Geometry(np.arange(0, 179, 2.0), 1.0)) == []  # a needle, turned around
    assert "beyond +-90" in doubt_geometry(Geometry(ANGLES + 60, 1.0))[0]
    assert "beyond +-90" in doubt_geometry(Geometry(np.linspace(-150, 150, 21), 1.0))[0]
    assert "no tomogram" in doubt_geometry(Geometry(np.linspace(-8, 8, 21), 1.0))[0]
    equal = np.where(np.arange(21) < 4, 3.0, ANGLES)
    assert "have one tilt angle" in doubt_geometry(Geometry(equal, 1.0))[0]
    assert "its unit" in doubt_geometry(Geometry(ANGLES, 5e3))[0]


def test_few_rows(views: np.ndarray) -> None:
    few = series(views[:, :3], ANGLES)
    assert "3 rows" in doubt_rows(few, looked_for=True)
    assert doubt_rows(few, looked_for=False) == ""
    assert doubt_rows(series(views, ANGLES), looked_for=True) == ""


def test_the_wedge_takes_its_share_of_directions() -> None:
    assert wedge_share(np.arange(-60, 61, 2.0)) == pytest.approx(1 / 3, abs=0.02)
    assert wedge_share(np.arange(0, 180, 2.0)) == 0
    assert wedge_share(np.arange(-89, 90, 1.0)) == 0


def test_results() -> None:
    def said(**changed: float | None) -> list[str]:
        usual = {"residual": 0.1, "lowest": -0.1, "highest": 1.0, "wedge_energy": 0.05}
        return doubt_result(**{**usual, **changed}, angles_deg=ANGLES)  # type: ignore[arg-type]

    assert said() == []
    assert "empty" in said(residual=0.9999)[0]
    assert "empty" in said(lowest=0.0, highest=0.0)[0]
    assert "below zero" in said(lowest=-0.9)[0]
    assert "mostly the method's" in said(wedge_energy=0.8)[0]
    assert said(residual=None, wedge_energy=None) == []
