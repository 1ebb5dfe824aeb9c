"""A section's thickness, height, pre-tilt and x-tilt are found; what is no section is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recon.geometry import Geometry, take_views
from recon.section.estimate import estimate_section, filled_share
from recon.series import TiltSeries
from tests.section.conftest import Layered


@pytest.mark.parametrize(
    "made",
    [
        {"pretilt_deg": 0.0},
        {"pretilt_deg": 3.0, "top_deg": 69.0},
        {"pretilt_deg": 8.0, "x_tilt_deg": 3.0, "noise": 3.0},
        {"pretilt_deg": -8.0, "z_px": 15.0},
    ],
)
def test_thickness_and_slopes_are_those_of_the_layer(
    layered: Layered, made: dict[str, float]
) -> None:
    found = estimate_section(layered(**made))
    assert found.is_layer
    assert found.thickness_px == pytest.approx(24.0, abs=5)
    assert found.faces_px is not None
    assert sum(found.faces_px) / 2 == pytest.approx(made.get("z_px", 0.0), abs=2.5)
    for key, angle, error in (
        ("pretilt_deg", found.pretilt_deg, found.pretilt_error_deg),
        ("x_tilt_deg", found.x_tilt_deg, found.x_tilt_error_deg),
    ):
        true = made.get(key, 0.0)
        assert error is not None
        # A slope that is not told from 0 is given as 0, and its error says so.
        assert angle == pytest.approx(true, abs=max(1.0, 2.5 * error)), key


def test_the_window_holds_the_layer_flat(layered: Layered) -> None:
    found = estimate_section(layered(pretilt_deg=8.0, z_px=15.0))
    window = found.window
    assert window.thickness_px is not None
    assert window.pretilt_deg == pytest.approx(8.0, abs=1.0)
    middle = 15 * np.cos(np.deg2rad(8))
    assert window.centre_z_px - window.thickness_px / 2 < middle - 12
    assert window.centre_z_px + window.thickness_px / 2 > middle + 12
    assert window.thickness_px < 80  # a layer that is left leaning takes 60 + 2 x 18


def test_a_particle_in_vacuum_is_none() -> None:
    y, x = np.mgrid[-48:48, -48:48]
    disc = np.maximum(30**2 - y**2 - x**2, 0) ** 0.5
    noise = np.random.default_rng(0).normal(size=(41, 96, 96))
    stack = torch.from_numpy((disc + noise).astype(np.float32))
    found = estimate_section(TiltSeries(stack, Geometry(np.arange(-60.0, 61, 3))))
    assert not found.is_layer
    assert "vacuum" in found.why
    assert found.window.thickness_px is None


def test_noise_is_none() -> None:
    noise = 10 + np.random.default_rng(0).normal(size=(41, 96, 96))
    stack = torch.from_numpy(noise.astype(np.float32))
    found = estimate_section(TiltSeries(stack, Geometry(np.arange(-60.0, 61, 3))))
    assert not found.is_layer
    assert found.why


def test_two_layers_far_apart_are_not_taken_for_one(layered: Layered) -> None:
    one, other = layered(thickness=10, z_px=-70, noise=0.3), layered(thickness=10, z_px=70, seed=1)
    found = estimate_section(replace(one, data=one.data + other.data))
    z = found.z_px
    assert not found.is_layer or (z is not None and z[0] < -70 and z[1] > 70)


@pytest.mark.parametrize("views", [slice(0, 8), slice(15, 26)])
def test_few_tilts_say_nothing(layered: Layered, views: slice) -> None:
    series = layered()
    index = np.arange(series.geometry.n_views)[views]
    few = replace(series, data=series.data[views], geometry=take_views(series.geometry, index))
    assert "too few" in estimate_section(few).why


@pytest.mark.parametrize(("rows", "columns"), [(1, 64), (3, 64), (64, 1), (12, 200), (200, 12)])
def test_every_shape_is_answered(rows: int, columns: int) -> None:
    noise = 10 + np.random.default_rng(0).normal(size=(41, rows, columns))
    series = TiltSeries(
        torch.from_numpy(noise.astype(np.float32)), Geometry(np.arange(-60.0, 61, 3))
    )
    assert not estimate_section(series).is_layer


def test_empty_views_and_unmeasured_ones_are_answered(layered: Layered) -> None:
    series = layered(width=128, rows=64)
    assert not estimate_section(replace(series, data=torch.zeros_like(series.data))).is_layer
    dark = replace(series, precision=torch.zeros_like(series.data))
    assert not estimate_section(dark).is_layer


def test_filled_share_counts_what_is_not_vacuum() -> None:
    stack = torch.zeros(3, 64, 64)
    stack[1, :, :32] = 1.0
    assert filled_share(stack) == 0.5
