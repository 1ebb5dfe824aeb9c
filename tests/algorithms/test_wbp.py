"""WBP keeps grey values: a disc comes back with its density whatever the tilt scheme."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.wbp import FILTERS, WBP, wbp
from recon.errors import UserError
from recon.geometry import Geometry, centre
from recon.projectors.native import NativeProjector

N, RADIUS, DENSITY = 64, 17.3, 2.5


def saxton(limit_deg, step_deg):
    """Saxton et al. 1984: sin of the angle in equal steps away from zero tilt's own step, so that
    views crowd at high tilt."""
    angles = [0.0]
    while True:
        following = np.rad2deg(
            np.arcsin(min(1.0, np.sin(np.deg2rad(angles[-1])) + np.sin(np.deg2rad(step_deg))))
        )
        if following > limit_deg or following >= 90:
            break
        angles.append(following)
    return np.array([-a for a in angles[:0:-1]] + angles)


def disc_views(angles_deg, at=(0.0, 0.0)):
    """(tilt, 2, x) chords 2 sqrt(r^2 - s^2) of a disc around (z, x), averaged over each pixel: no
    projector involved."""
    fine = (np.arange(8) + 0.5) / 8 - 0.5
    u = (np.arange(N)[:, None] - centre(N) + fine).ravel()
    t = np.deg2rad(angles_deg)[:, None]
    s = u[None] - (at[1] * np.cos(t) + at[0] * np.sin(t))
    chord = DENSITY * 2 * np.sqrt(np.maximum(RADIUS**2 - s**2, 0))
    views = chord.reshape(len(t), N, 8).mean(2).astype(np.float32)
    return torch.from_numpy(views)[:, None].repeat(1, 2, 1)


def reconstruct(angles_deg, at=(0.0, 0.0), **options):
    angles = np.asarray(angles_deg, dtype=float)
    A = NativeProjector(Geometry(angles, 1.0), (N, N), N)
    return wbp(A, disc_views(angles, at), **options)


def centre_value(x, radius=6, at=(0, 0)):
    z, c = np.ogrid[:N, :N]
    inside = (z - centre(N) - at[0]) ** 2 + (c - centre(N) - at[1]) ** 2 <= radius**2
    return float(x[:, 1].numpy()[inside].mean())


@pytest.mark.parametrize(
    "angles",
    [
        np.arange(-90, 90, 2.0),
        np.arange(0, 180, 2.0) + 0.4,
        np.arange(-90, 91, 2.0),  # both ends are one view
        np.repeat(np.arange(-90, 90, 3.0), 2),  # every view taken twice
        np.sort(np.r_[np.arange(-90, 0, 1.5), np.arange(0, 90, 3.0)]),  # one half twice as dense
        np.random.default_rng(1).permutation(np.arange(-90, 90, 2.0)),  # in any order
        np.arange(-90, 90, 2.0) + np.random.default_rng(2).uniform(-0.6, 0.6, 90),
    ],
    ids=["full", "0-180", "both-ends", "twice", "uneven", "shuffled", "jitter"],
)
def test_full_range_keeps_the_grey_value(angles):
    x = reconstruct(angles)
    assert centre_value(x) == pytest.approx(DENSITY, rel=0.01)
    z, c = np.ogrid[:N, :N]
    distance = np.hypot(z - centre(N), c - centre(N))
    around = x[:, 1].numpy()[(distance > RADIUS + 4) & (distance < N / 2 - 1)]
    assert float(around.mean()) == pytest.approx(
        0, abs=0.01 * DENSITY
    )  # nothing outside, as far as every view sees


@pytest.mark.parametrize(
    "angles",
    [
        np.arange(-60, 61, 2.0),
        saxton(60, 2.0),
        np.r_[np.arange(-60, 61, 2.0), 0.0, 0.0, 0.0, 20.0],  # some views repeated
        np.r_[np.arange(-60, 0, 1.0), np.arange(0, 61, 3.0)],
    ],
    ids=["equal", "saxton", "duplicates", "uneven"],
)
def test_a_wedge_keeps_the_grey_value(angles):
    assert centre_value(reconstruct(angles)) == pytest.approx(DENSITY, rel=0.03)


def test_without_scaling_a_wedge_has_its_share():
    """Views every 2 degrees to +-60 stand for 122 of 180 degrees."""
    x = reconstruct(np.arange(-60, 61, 2.0), scale=1)
    assert centre_value(x) == pytest.approx(DENSITY * 122 / 180, rel=0.03)


def test_a_disc_off_the_centre_lies_where_it_was():
    x = (
        reconstruct(np.arange(-90, 90, 2.0), at=(9.0, -6.0))[:, 1].double().clamp(min=0.5 * DENSITY)
        - 0.5 * DENSITY
    )
    z, c = np.meshgrid(*[np.arange(N) - centre(N)] * 2, indexing="ij")
    np.testing.assert_allclose(
        [(x.numpy() * z).sum() / x.sum(), (x.numpy() * c).sum() / x.sum()], [9.0, -6.0], atol=0.05
    )


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_keeps_the_grey_value_in_scale(name):
    value = centre_value(reconstruct(np.arange(-90, 90, 2.0), filter=name, sirt_iterations=400))
    assert value == pytest.approx(DENSITY, rel=0.12 if name == "sirt" else 0.01)


@pytest.mark.parametrize(
    "options", [{"filter": n} for n in FILTERS if n != "ramp"] + [{"cutoff": 0.6}], ids=str
)
def test_every_filter_passes_less_of_the_high_frequencies_than_ramp(options):
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(60, 2, N)).astype(np.float32))
    A = NativeProjector(Geometry(np.arange(-90, 90, 3.0), 1.0), (N, N), N)

    def high(x):
        spectrum = np.abs(np.fft.fft2(x[:, 0].numpy())) ** 2
        f = np.hypot(*np.meshgrid(np.fft.fftfreq(N), np.fft.fftfreq(N), indexing="ij"))
        return spectrum[(f > 0.33) & (f < 0.5)].sum()

    assert high(wbp(A, noise, **options)) < 0.8 * high(wbp(A, noise))


def test_it_is_linear_and_rows_are_independent():
    angles = np.arange(-60, 61, 5.0)
    A = NativeProjector(Geometry(angles, 1.0), (40, 48), 50)
    y = torch.randn(angles.size, 5, 50, generator=torch.Generator().manual_seed(0))
    x = wbp(A, y)
    torch.testing.assert_close(wbp(A, 7 * y), 7 * x, rtol=1e-4, atol=1e-5)
    settled = WBP.settle(WBP(), A, y, 0.0)
    assert settled.found["wbp_scale"] == settled.method.options["scale"]
    for row in range(5):  # as slabs take them: one scale for all
        assert torch.equal(settled.method(A, y[:, row : row + 1].contiguous())[:, 0], x[:, row])


def test_bounds_and_callback():
    seen = []
    x = wbp(
        NativeProjector(Geometry(np.arange(-60, 61, 5.0), 1.0), (N, N), N),
        disc_views(np.arange(-60, 61, 5.0)),
        minimum=0.0,
        maximum=2.0,
        callback=lambda i, residual: seen.append((i, residual)),
    )
    assert 0.0 <= float(x.min()) <= float(x.max()) <= 2.0
    assert len(seen) == 1
    assert 0 < seen[0][1] < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": "hanning"}, r"filter=hanning given, one of ramp, shepp-logan"),
        ({"cutoff": 0.0}, r"cutoff=0.0 given, 0 < cutoff <= 1"),
        ({"cutoff": 1.5}, r"cutoff=1.5 given"),
        ({"scale": "measured"}, r"scale=measured given, auto, full or a number > 0 wanted"),
        ({"scale": 0.0}, r"scale=0.0 given"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(UserError, match=message):
        reconstruct([0.0, 10.0], **options)
