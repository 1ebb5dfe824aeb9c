"""The section with beads: what is returned as truth is what was recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector
from recon.simulate.bead_film import FILM_FREE_PATH_NM, Section, beads
from recon.simulate.goniometer import Goniometer
from recon.simulate.views import Views

VIEWS = Views(max_tilt_deg=60.0, step_deg=20.0, dose_e_nm2=150.0)
THIN = Section(film_nm=60.0)
CLEAR = Section(film_nm=60.0, texture=0.0, tilt_blur_px=0.0, bar_from_deg=90.0)
SMALL = {"size": 128, "views": VIEWS, "n_beads": 12, "section": THIN}
STILL = {**SMALL, "stage": Goniometer(drift_px=0.0, axis_deg=0.0), "section": CLEAR}


def test_tracks_are_the_centres_of_mass_of_isolated_beads() -> None:
    """At a dose that leaves no noise, in focus and on a film without texture; everything else is
    on."""
    options = {
        **SMALL,
        "views": replace(VIEWS, dose_e_nm2=1e8),
        "section": replace(THIN, texture=0.0),
    }
    sample = beads(**options, seed=1, defocus_um=0.0, clustered=0.0)
    seen, applied = sample.fiducials, sample.applied
    free, errors = seen.visible & ~seen.overlapped, []
    for view, image in enumerate(sample.series.data.double().numpy()):
        dark = -np.log(np.maximum(image, 1) / 1e8)
        dark -= np.median(dark[image > 0.1 * np.median(image)])
        for bead in np.flatnonzero(free[view]):
            at = np.rint(seen.tracks_px[view, bead]).astype(int)
            others = np.linalg.norm(seen.tracks_px[view] - seen.tracks_px[view, bead], axis=1)
            reach = 10
            if (
                (at < reach).any()
                or (at >= 128 - reach).any()
                or np.sort(others)[1] < 24
                or applied.shadowed[view] > 0
            ):
                continue
            part = dark[at[0] - reach : at[0] + reach + 1, at[1] - reach : at[1] + reach + 1]
            errors.append(
                np.array(ndimage.center_of_mass(part)) - reach + at - seen.tracks_px[view, bead]
            )
    assert len(errors) > 12
    assert np.abs(errors).max() < 0.02


def test_the_dose_is_counted_behind_a_film_that_thickens_with_the_tilt() -> None:
    sample = beads(**STILL, defocus_um=0.0)
    expected = 150 * np.exp(
        -60 / FILM_FREE_PATH_NM / np.cos(np.deg2rad(sample.geometry.angles_deg))
    )
    for view, mean in zip(sample.series.data.numpy(), expected, strict=True):
        assert np.median(view) == pytest.approx(mean, abs=1.5)
    assert sample.series.data.numpy().min() >= 0


def test_counts_spread_by_the_root_of_their_mean() -> None:
    sample = beads(**{**STILL, "n_beads": 0})
    assert sample.fiducials.tracks_px.shape == (7, 0, 2)
    for view in sample.series.data.double():
        assert float(view.var() / view.mean()) == pytest.approx(1, abs=0.06)


def test_defocus_rings_the_beads_and_moves_no_electron_out_of_the_view() -> None:
    options = {**STILL, "views": replace(VIEWS, dose_e_nm2=1e6)}
    focus, under = (beads(**options, defocus_um=d) for d in (0.0, 4.0))
    y, x = np.indices((128, 128))
    view = 3
    seen = under.fiducials
    distance = np.min([np.hypot(y - r, x - c) for r, c in seen.tracks_px[view]], axis=0)
    ring, film = (distance > 5.5) & (distance < 7.5), distance > 16
    for sample, low, high in ((focus, 0.9, 1.0), (under, 1.05, 1.6)):
        image = sample.series.data[view].numpy()
        assert low < image[ring].mean() / np.median(image[film]) < high
    assert under.series.data.mean() == pytest.approx(float(focus.series.data.mean()), rel=0.01)


def test_the_truth_projects_to_the_series() -> None:
    options = {
        **STILL,
        "n_beads": 6,
        "views": replace(VIEWS, dose_e_nm2=1e7),
        "section": replace(CLEAR, texture=0.4),
    }
    sample = beads(**options, defocus_um=0.0, seed=2)
    measured = -np.log(sample.series.data.numpy() / 1e7)
    view = 3
    assert sample.geometry.angles_deg[view] == 0
    thick = sample.truth.data.shape[0]
    A = NativeProjector(Geometry(np.zeros(1), None), (thick, 128), 128)
    expected = A(sample.truth.data)[0].numpy()
    assert np.abs(measured[view] - expected).mean() < 0.01
    assert np.corrcoef(measured[view].ravel(), expected.ravel())[0, 1] > 0.99


def test_beads_outside_the_field_come_in_at_high_tilt_and_bars_hide_some() -> None:
    sample = beads(**{**SMALL, "section": replace(THIN, bar_from_deg=59.0)}, seed=3)
    seen = sample.fiducials
    assert len(seen.positions_nm) > 12
    assert np.abs(seen.positions_nm[:12, 1:]).max() <= 64
    late = seen.visible[:, 12:]
    assert late[[0, -1]].any()
    shadowed = sample.applied.shadowed
    assert 0.05 < shadowed[[0, -1]].max() < 0.5
    assert shadowed[1:-1].max() == 0
    for view in (0, 6):
        bead = np.rint(seen.tracks_px[view][seen.visible[view]]).astype(int)
        image = ndimage.uniform_filter(sample.series.data[view].numpy(), 5)
        assert image[bead[:, 0], bead[:, 1]].min() > 0


def test_a_seed_is_a_series_and_no_answer_is_in_it() -> None:
    first, again, other = (beads(**SMALL, seed=s) for s in (1, 1, 2))
    assert first.series.data.equal(again.series.data)
    assert not first.series.data.equal(other.series.data)
    recorded = first.series.geometry
    assert recorded.axis_deg == 0
    assert recorded.shifts_px is None
    assert np.array_equal(recorded.angles_deg, np.arange(-60, 61, 20.0))
    assert first.geometry.shifts_px.std(0) == pytest.approx([5, 5])


@pytest.mark.parametrize(
    "options",
    [
        {"size": 10},
        {"views": Views(max_tilt_deg=85.0)},
        {"views": Views(max_tilt_deg=60.0, sweep_deg=2.0)},
        {"views": Views(max_tilt_deg=60.0, axis="b")},
        {"views": 3},
        {"n_beads": -1},
        {"stage": Goniometer(drift_px=200.0)},
        {"stage": Goniometer(tilt_error_deg=6.0)},
        {"seed": -1},
        {"size": 8192, "section": Section(film_nm=5000.0)},
    ],
)
def test_what_cannot_be_recorded_is_a_sentence(options: dict[str, object]) -> None:
    with pytest.raises(UserError, match="given"):
        beads(**options)


@pytest.mark.parametrize(
    "options",
    [{"film_nm": 0.0}, {"texture": -1.0}, {"tilt_blur_px": 30.0}, {"bar_from_deg": 0.0}],
)
def test_impossible_sections_are_a_sentence(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"section.{next(iter(options))}="):
        Section(**options)


def test_any_scheme_and_lost_views_are_recorded_and_the_axis_lies_where_it_is_put() -> None:
    views = replace(VIEWS, scheme="dose_symmetric", missing_views=1)
    stage = Goniometer(drift_px=0.0, axis_deg=0.0, axis_error_px=7.0)
    sample = beads(size=64, views=views, stage=stage, n_beads=2, seed=1)
    angles = sample.series.geometry.angles_deg
    assert angles.size == 6
    assert set(angles) < {0, 20, -20, 40, -40, 60, -60}
    assert sample.geometry.shifts_px == pytest.approx(np.tile([0.0, 7.0], (6, 1)))
