"""The part of z: a window is the same operator on other axes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.geometry import Geometry, column_of
from recon.projectors.base import column_shifts
from recon.projectors.native import NativeProjector
from recon.section.found import Section, Window, window_of

ANGLES = np.arange(-60.0, 61, 10)


def test_a_point_of_the_window_lands_where_it_did() -> None:
    """Equation (1) in both frames."""
    window = Window(thickness_px=20, centre_z_px=7.0, pretilt_deg=5.0)
    turned, p = window.geometry(Geometry(ANGLES)), np.deg2rad(5.0)
    z, x = 9.0, -13.0
    x_flat, z_flat = x * np.cos(p) + z * np.sin(p), z * np.cos(p) - x * np.sin(p)
    lands = column_of(z_flat - 7.0, x_flat, turned.angles_deg) + column_shifts(turned)
    np.testing.assert_allclose(lands, column_of(z, x, ANGLES), atol=1e-12)


def test_a_window_that_is_not_turned_is_cut_out_of_the_volume() -> None:
    """The crop projects as the whole volume does with nothing outside of it, to the bit's scale."""
    width, whole = 33, torch.zeros(33, 2, 33)
    whole[20:26] = torch.rand(6, 2, 33, generator=torch.Generator().manual_seed(0))
    section = Section(is_layer=True, thickness_px=1.0, z_px=(5.0, 8.0))
    window = window_of(section, 2, width, ANGLES)
    assert window.thickness_px is not None
    first = round(window.centre_z_px + 16 - (window.thickness_px - 1) / 2)
    part = whole[first : first + window.thickness_px]
    assert part.sum() == whole.sum()
    A = NativeProjector(Geometry(ANGLES), (width, width), width)
    B = NativeProjector(window.geometry(Geometry(ANGLES)), (window.thickness_px, width), width)
    torch.testing.assert_close(B(part), A(whole), rtol=1e-5, atol=1e-4)


def test_no_layer_and_a_thick_one_keep_all() -> None:
    assert window_of(Section(), 10, 100, ANGLES) == Window()
    thick = Section(is_layer=True, thickness_px=95.0, z_px=(-48.0, 48.0))
    assert window_of(thick, 10, 100, ANGLES) == Window()
    assert not Window().moved


@pytest.mark.parametrize("x_tilt_deg", [0.0, 4.0])
def test_an_x_tilt_makes_the_window_thicker(x_tilt_deg: float) -> None:
    section = Section(is_layer=True, thickness_px=20.0, z_px=(-10.0, 10.0), x_tilt_deg=x_tilt_deg)
    thickness = window_of(section, 200, 512, ANGLES).thickness_px
    assert thickness == pytest.approx(20 + 12 + 200 * np.tan(np.deg2rad(x_tilt_deg)), abs=3)
