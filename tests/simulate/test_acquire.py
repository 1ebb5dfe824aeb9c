"""A recorded phantom: mass, statistics, and everything that was applied can be undone."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from recon.align.resample import resample
from recon.errors import UserError
from recon.geometry import Geometry
from recon.phantoms.base import Phantom
from recon.phantoms.foam import foam
from recon.phantoms.nanoparticle import nanoparticle
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries
from recon.simulate.acquire import acquire
from recon.simulate.bragg import Bragg
from recon.simulate.detector import Detector, add_cosmic_rays, count_electrons, draw_bad_pixels
from recon.simulate.fiducials import Beads
from recon.simulate.film import Film
from recon.simulate.goniometer import Goniometer
from recon.simulate.sample import Sample
from recon.simulate.scan import Scan, scan_errors
from recon.simulate.views import Views

FAMILY = functools.partial(nanoparticle, size=32, shape="sphere", scale=0.6)
DOSE = 1e7
VIEWS = Views(step_deg=6.0, dose_e_nm2=DOSE)
CLEAN = {
    "views": VIEWS,
    "detector": Detector(dark_level=0.0, read_noise=0.0, cosmic_rays_per_view=0.0),
    "free_path_nm": 1e5,
}
STILL = Goniometer(drift_px=0.0)
UPRIGHT = Goniometer(drift_px=0.0, axis_deg=0.0)
FEW = Views(step_deg=22.0)


def test_a_projections_sum_is_the_volumes_whatever_the_tilt() -> None:
    sample = acquire(FAMILY, stage=UPRIGHT, **CLEAN)
    mass = float(sample.truth.data.double().sum()) * sample.truth.voxel_nm
    assert sample.series.data.double().sum((1, 2)).numpy() == pytest.approx(mass, rel=0.01)


def test_undoing_what_was_applied_gives_the_projections_of_the_truth() -> None:
    sample = acquire(FAMILY, stage=Goniometer(2.0, 80.0), seed=3, **CLEAN)
    known = TiltSeries(sample.series.data, sample.geometry)
    aligned = resample(known).data
    A = NativeProjector(Geometry(sample.geometry.angles_deg, None), (32, 32), 32)
    expected = A(sample.truth.data) * sample.truth.voxel_nm
    assert float((aligned - expected).norm() / expected.norm()) < 0.05


def test_thick_matter_saturates() -> None:
    """1 - exp(-t): twice the mass scatters less than twice as much."""
    thin, thick = (
        acquire(FAMILY, stage=STILL, **{**CLEAN, "free_path_nm": path}).series.data.max()
        for path in (2000.0, 20.0)
    )
    assert float(thick / thin) < 0.8 * 100


def test_bright_field_counts_what_dark_field_does_not() -> None:
    options = {**CLEAN, "free_path_nm": 50.0, "stage": STILL}
    dark, bright = (acquire(FAMILY, contrast=c, **options) for c in ("haadf", "bright_field"))
    incident = DOSE * dark.series.geometry.pixel_nm**2
    assert (dark.series.data + bright.series.data).numpy() == pytest.approx(incident, rel=0.01)


def test_counts_have_the_variance_of_their_mean() -> None:
    rng = np.random.default_rng(0)
    counts = count_electrons(np.full((100, 100, 20), 7.5), rng)
    assert counts.mean() == pytest.approx(7.5, rel=0.01)
    assert counts.var() == pytest.approx(7.5, rel=0.02)
    assert count_electrons(np.zeros((2, 2, 2)), rng).sum() == 0


def test_cosmic_rays_are_as_many_as_asked() -> None:
    hit = add_cosmic_rays(np.zeros((400, 16, 16)), 0.5, 9.0, np.random.default_rng(0))
    assert (hit > 0).sum() == pytest.approx(200, rel=0.25)


def test_a_seed_is_a_series() -> None:
    first, again, other = (
        acquire(FAMILY, views=Views(step_deg=12.0), seed=s).series.data for s in (1, 1, 2)
    )
    assert first.equal(again)
    assert not first.equal(other)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"free_path_nm": -1.0}, "simulate.free_path_nm=-1"), ({"contrast": "grey"}, "bright_field")],
)
def test_what_no_microscope_can_do_is_a_sentence(options: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        acquire(FAMILY, **options)


def _lone_beads(sample: Sample, reach: int) -> list[np.ndarray]:
    """(found - true) positions of visible beads that no border, other bead or shadow comes near."""
    seen, errors = sample.fiducials, []
    for view, image in enumerate(sample.series.data.double().numpy()):
        for bead in np.flatnonzero(seen.visible[view]):
            at = np.rint(seen.tracks_px[view, bead]).astype(int)
            others = np.linalg.norm(seen.tracks_px[view] - seen.tracks_px[view, bead], axis=1)
            if (
                (at < reach).any()
                or (at >= image.shape[0] - reach).any()
                or np.sort(others)[1] < 2.5 * reach
            ):
                continue
            part = image[at[0] - reach : at[0] + reach + 1, at[1] - reach : at[1] + reach + 1]
            errors.append(
                np.array(ndimage.center_of_mass(part)) - reach + at - seen.tracks_px[view, bead]
            )
    return errors


GOLD = {
    "beads": Beads(4, 6.0),
    "film": Film(bar_from_deg=60.0, bar_nm=50.0),
    **CLEAN,
    "views": replace(VIEWS, dose_e_nm2=1e10),
    "seed": 2,
}
Family = Callable[..., Phantom]


def test_a_beads_centre_of_mass_is_its_track_whatever_the_stage_did(marbles: Family) -> None:
    stage = Goniometer(
        axis_error_px=2.0, tilt_error_deg=0.5, rotation_error_deg=1.0, magnification_error=0.02
    )
    sample = acquire(functools.partial(marbles, size=64, density=0.0), **GOLD, stage=stage)
    found = _lone_beads(sample, 6)
    assert len(found) > 25
    assert np.abs(found).max() < 0.02
    assert sample.applied.magnifications.std() == pytest.approx(0.02, rel=0.4)
    assert sample.applied.shadowed[0] > 0.02


def test_a_beads_track_holds_in_a_sweep_and_a_drifting_scan(marbles: Family) -> None:
    empty = functools.partial(marbles, size=64, density=0.0)
    still, swept, scanned = (
        acquire(
            empty, **{**GOLD, "views": replace(GOLD["views"], step_deg=12.0, sweep_deg=w)}, scan=s
        )
        for w, s in ((0.0, Scan()), (6.0, Scan()), (0.0, Scan(0.3, 3.0)))
    )
    assert np.abs(_lone_beads(swept, 7)).max() < 0.02
    assert np.abs(_lone_beads(scanned, 7)).max() < 0.05
    assert np.abs(scanned.fiducials.tracks_px - still.fiducials.tracks_px).max() > 0.5


def test_beads_are_bright_in_dark_field_and_dark_in_a_halo_in_bright_field(marbles: Family) -> None:
    options = {**CLEAN, "free_path_nm": 20.0, "beads": Beads(3, 9.0), "stage": STILL}
    dark, bright, halo = (
        acquire(functools.partial(marbles, size=64, density=0.0), **{**options, **o})
        for o in ({}, {"contrast": "bright_field"}, {"contrast": "bright_field", "defocus_um": 3.0})
    )
    view = 11
    row, column = np.rint(dark.fiducials.tracks_px[view, 0]).astype(int)
    incident = DOSE * dark.truth.voxel_nm**2
    share = 1 - np.exp(-dark.fiducials.diameters_nm[0] / 20)
    assert float(dark.series.data[view, row, column]) == pytest.approx(share * incident, rel=0.03)
    assert float(bright.series.data[view, row, column]) == pytest.approx(
        (1 - share) * incident, rel=0.03
    )
    assert float(bright.series.data[view].max()) < 1.01 * incident
    assert float(halo.series.data[view].max()) > 1.1 * incident
    assert float(halo.series.data[view].mean()) == pytest.approx(
        float(bright.series.data[view].mean()), rel=0.02
    )


def test_beads_and_film_are_in_the_truth(marbles: Family) -> None:
    options = {**CLEAN, "views": replace(VIEWS, step_deg=60.0)}
    gold, film = Beads(5, 2.5, 0.0), Film(thickness_nm=6.0, density=0.2)
    plain, more = (acquire(marbles, **options, **o) for o in ({}, {"beads": gold, "film": film}))
    voxel = plain.truth.voxel_nm
    per_nm = DOSE * voxel**2 / CLEAN["free_path_nm"]
    added = float((more.truth.data - plain.truth.data).double().sum()) * voxel**3 / per_nm
    assert added == pytest.approx(5 * np.pi / 6 * 2.5**3 + 0.2 * 6 * 60 * 60, rel=0.002)
    assert (
        np.abs(np.abs(more.fiducials.positions_nm[:, 0] + 0.4 * 60) - 3 - 1.25) < 1e-9
    ).all()  # on both faces of the film


def test_a_film_adds_the_same_everywhere_and_more_at_tilt(marbles: Family) -> None:
    plain, more = (
        acquire(marbles, **CLEAN, film=Film(thickness_nm=t, density=1.0)) for t in (0.0, 20.0)
    )
    added = (more.series.data - plain.series.data).double()
    incident = DOSE * plain.truth.voxel_nm**2
    expected = incident * 20 / np.cos(np.deg2rad(plain.geometry.angles_deg)) / CLEAN["free_path_nm"]
    np.testing.assert_allclose(added.mean((1, 2)), expected, rtol=0.01)
    assert float(added.std((1, 2)).max()) < 0.02 * float(added.mean())


def test_a_sweep_keeps_the_mass_and_is_the_mean_over_its_angles() -> None:
    views = replace(VIEWS, step_deg=30.0, max_tilt_deg=60.0)
    options = {**CLEAN, "stage": STILL}
    rod = functools.partial(nanoparticle, size=32, shape="rod", form=0.3, scale=0.8)
    still, swept = (
        acquire(rod, **{**options, "views": replace(views, sweep_deg=w)}).series.data.double()
        for w in (0.0, 24.0)
    )
    np.testing.assert_allclose(swept.sum((1, 2)), still.sum((1, 2)), rtol=0.01)
    assert float((swept - still).norm() / still.norm()) > 0.05
    many = acquire(rod, **{**options, "views": replace(views, step_deg=2.0)}).series
    # 24 degrees about 0: views -11 ... 11 on a grid of 2 are not there, but -12 ... 12 with half
    # weight at the ends are.
    near = np.flatnonzero(np.abs(many.geometry.angles_deg) <= 12)
    weight = np.ones(near.size)
    weight[[0, -1]] = 0.5
    mean = np.tensordot(weight / weight.sum(), many.data[near].double().numpy(), 1)
    middle = swept[2].numpy()
    assert np.linalg.norm(middle - mean) / np.linalg.norm(mean) < 0.02


def test_magnification_scales_the_specimen(marbles: Family) -> None:
    still, grown = (
        acquire(marbles, **CLEAN, stage=replace(STILL, magnification_error=m), seed=1)
        for m in (0.0, 0.03)
    )
    ratio = grown.series.data.double().sum((1, 2)) / still.series.data.double().sum((1, 2))
    np.testing.assert_allclose(ratio, grown.applied.magnifications**2, rtol=0.01)


def test_rotation_errors_are_undone_by_what_is_returned() -> None:
    rod = functools.partial(nanoparticle, size=32, shape="rod", form=0.3, scale=0.8)
    turned, still = (
        acquire(rod, **CLEAN, stage=Goniometer(0.0, 20.0, rotation_error_deg=r)) for r in (4.0, 0.0)
    )
    for view in range(0, 23, 5):
        own = Geometry(
            turned.geometry.angles_deg[[view]], None, 20 + turned.applied.rotations_deg[view]
        )
        mine = resample(TiltSeries(turned.series.data[[view]], own)).data
        expected = resample(
            TiltSeries(still.series.data[[view]], Geometry(own.angles_deg, None, 20.0))
        ).data
        assert float((mine - expected).norm() / expected.norm()) < 0.05


def test_crystals_darken_where_drawn_and_nowhere_else(marbles: Family) -> None:
    options = {**CLEAN, "contrast": "bright_field", "stage": UPRIGHT}
    plain, crystals = (acquire(marbles, **options, bragg=Bragg(s, 6.0)) for s in (0.0, 3.0))
    events = crystals.applied.bragg
    assert 0 < events.mean() < 0.3
    instances = marbles().instances
    voxel, incident = plain.truth.voxel_nm, DOSE * plain.truth.voxel_nm**2
    lost = (plain.series.data - crystals.series.data).double().sum((1, 2)).numpy()
    mass = np.array(
        [
            float(marbles().density[instances == k].double().sum())
            for k in range(1, events.shape[1] + 1)
        ]
    )
    expected = incident * 3.0 * (events @ mass) * voxel / CLEAN["free_path_nm"]
    noise = np.sqrt(2 * incident * 32 * 32)
    assert np.abs(lost[~events.any(1)]).max() < 5 * noise
    np.testing.assert_allclose(
        lost[events.any(1)], expected[events.any(1)], rtol=0.25, atol=5 * noise
    )


def test_bad_pixels_are_bad_in_every_view(marbles: Family) -> None:
    plain, bad = (
        acquire(marbles, views=FEW, detector=Detector(bad_pixels=share), seed=3)
        for share in (0.0, 0.05)
    )
    kind = bad.applied.bad_pixels
    assert (kind != 0).mean() == pytest.approx(0.05, abs=0.02)
    data = bad.series.data.numpy()
    assert (data[:, kind == -1] == 0).all()
    np.testing.assert_allclose(data[:, kind == 1], 20 + 5 * 20000 * bad.truth.voxel_nm**2)
    np.testing.assert_array_equal(data[:, kind == 0], plain.series.data.numpy()[:, kind == 0])


ERRORS = Goniometer(
    axis_error_px=2.0, tilt_error_deg=0.3, rotation_error_deg=1.0, magnification_error=0.01
)
EFFECTS: dict[str, dict[str, object]] = {
    "stage": {"stage": ERRORS},
    "sweep": {"views": replace(FEW, sweep_deg=5.0)},
    "scan": {"scan": Scan(0.5, 2.0)},
    "bad pixels": {"detector": Detector(bad_pixels=0.02)},
    "beads": {"beads": Beads(3)},
    "bar": {"film": Film(thickness_nm=2.0, bar_from_deg=60.0, bar_nm=50.0)},
    "bragg": {"bragg": Bragg(1.0, 10.0)},
}


def _draws(sample: Sample) -> dict[str, np.ndarray]:
    """What was drawn for every effect, in units of its size where that is known."""
    applied, gold = sample.applied, sample.fiducials
    draws = {
        "drift": sample.geometry.shifts_px - [0.0, sample.geometry.shifts_px[:, 1].mean()],
        "rotations": applied.rotations_deg,
        "magnifications": applied.magnifications,
        "tilts": sample.geometry.angles_deg,
        "scan": applied.scan_px,
        "bad pixels": applied.bad_pixels,
        "bragg": applied.bragg,
        "beads": None if gold is None else gold.positions_nm[:, 1:],
    }
    drawn = {k: v for k, v in draws.items() if v is not None}
    still = {"rotations": applied.rotations_deg, "magnifications": applied.magnifications - 1}
    return {k: v for k, v in drawn.items() if k not in still or still[k].any()}


@pytest.mark.parametrize("effect", list(EFFECTS))
def test_an_effect_that_is_on_leaves_the_randomness_of_all_others(
    marbles: Family, effect: str
) -> None:
    """Whatever one effect draws on its own, it draws with all others on too."""
    options = {k: v for part in EFFECTS.values() for k, v in part.items()}
    alone = _draws(acquire(marbles, **{"views": FEW, **EFFECTS[effect]}, seed=4))
    every = _draws(acquire(marbles, **options, seed=4))
    assert set(alone) <= set(every)
    for name in alone.keys() - (set() if effect == "stage" else {"tilts"}):
        np.testing.assert_allclose(alone[name], every[name], atol=1e-12, err_msg=name)


def test_scans_and_bad_pixels_draw_from_their_own(marbles: Family) -> None:
    scan = Scan(0.5, 2.0)
    sample = acquire(marbles, views=FEW, scan=scan, detector=Detector(bad_pixels=0.02), seed=6)
    own = [np.random.default_rng([number, 6]) for number in (3, 4)]
    expected = scan_errors(scan, 7, (32, 32), own[0])
    np.testing.assert_array_equal(sample.applied.scan_px, expected)
    np.testing.assert_array_equal(
        sample.applied.bad_pixels, draw_bad_pixels((32, 32), 0.02, own[1])
    )


def test_counting_noise_is_the_seeds_whatever_is_switched_on(marbles: Family) -> None:
    """Bad pixels are drawn apart: every good pixel counts as before, and so it does when errors of
    a perfect goniometer are spelled out."""
    plain, spelled, bad = (
        acquire(marbles, views=FEW, seed=5, **options).series.data
        for options in (
            {},
            {"stage": Goniometer(rotation_error_deg=0.0), "scan": Scan(), "beads": Beads(0)},
            {"detector": Detector(bad_pixels=0.02)},
        )
    )
    assert plain.equal(spelled)
    assert float((plain == bad).double().mean()) > 0.95


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"defocus_um": 1.0}, "bright field"),
        ({"seed": -1}, "seed"),
        ({"beads": 20}, "beads.count"),
        ({"views": 3}, "simulate.views.scheme=equal"),
        ({"stage": None}, "simulate.stage.drift_px"),
        ({"film": Film(thickness_nm=5.0), "views": Views(step_deg=30.0, max_tilt_deg=90.0)}, "89"),
    ],
)
def test_effects_that_cannot_be_are_a_sentence(
    marbles: Family, options: dict[str, object], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        acquire(marbles, **{"views": FEW, **options})


def test_crystals_of_a_phantom_without_particles_are_a_sentence() -> None:
    with pytest.raises(UserError, match="countable"):
        acquire(functools.partial(foam, size=16), views=FEW, bragg=Bragg(1.0))
