"""Short patch tracks of one thin layer: the axis and the tilts are right, or it is said that these
tracks do not tell them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.align.bundle.choose import choose
from recon.align.bundle.result import Bundle
from tests.align.bundle.test_bead_tracks import NOMINAL, load
from tests.align.bundle.thin_layer import Layer, axis_error_deg, tilt_error_deg

DRIFTING = Layer(60, 41, noise_px=0.3, drift_px=0.3)
ALIKE = Layer(60, 61, alike=0.2, noise_px=0.3)
ALIKE_MORE = Layer(60, 61, alike=0.2, noise_px=0.3, drift_px=0.2)


@pytest.mark.parametrize(
    ("layer", "seed"), [(DRIFTING, 0), (ALIKE, 2), (ALIKE_MORE, 0), (ALIKE_MORE, 2)]
)
def test_drifting_tracks_buy_no_rotations_and_no_tilts(layer: Layer, seed: int) -> None:
    """By single observations left out alone, rotations, magnifications or a skew were freed here,
    and the axis ended 0.5 to 0.8 degrees off."""
    tracks, true = layer.simulate(seed)
    found, _ = choose(tracks, layer.tilts())
    assert found.freedom.rotation == "global"
    assert abs(axis_error_deg(found, true)) < 0.2
    assert tilt_error_deg(found, true) < 0.3
    assert {"tilt", "skew", "scan_skew"} <= set(found.undetermined)
    assert found.used.mean() > 0.95  # 3 % are outliers


@pytest.mark.parametrize("seed", range(3))
def test_an_axis_that_is_not_known_is_said_to_be(seed: int) -> None:
    """Noise of a pixel: within two standard deviations, which the sentence states where they are
    more than 0.2 degrees."""
    layer = Layer(60, 61, noise_px=1.0)
    tracks, true = layer.simulate(seed)
    found, _ = choose(tracks, layer.tilts())
    off = abs(axis_error_deg(found, true))
    assert off < max(0.2, 2 * found.axis_spread_deg)
    assert ("tilt axis: within" in found.said()) == (found.axis_spread_deg > 0.1)


def test_tilts_that_the_tracks_do_not_tell_stay_as_read_and_are_named() -> None:
    layer = Layer(45, 51, tilt_error_deg=0.3)
    tracks, _ = layer.simulate(0)
    found, trials = choose(tracks, layer.tilts())
    refused = {t.freedom.mode("tilt"): t.why for t in trials if t.freedom.tilt != "fixed"}
    assert all(why.startswith("not determined: ") for why in refused.values())
    assert "tilt within " in refused["grouped"]
    bent = [t.why for t in trials if t.freedom.stretch != "fixed"]  # a cosine that is a bit wrong
    assert bent == ["not determined: the tracks do not tell it from tilt"]
    np.testing.assert_allclose(found.cameras.tilt_deg, layer.tilts(), atol=1e-9)
    assert "tilt" in found.undetermined
    assert "tilt, " in found.said()
    assert "not determined by these tracks, held as given" in found.said()


def test_rotations_and_magnifications_that_are_real_are_found() -> None:
    layer = Layer(60, 41, rotation_deg=0.3, magnification=0.005)
    tracks, true = layer.simulate(1)
    found, _ = choose(tracks, layer.tilts())
    assert (found.freedom.rotation, found.freedom.magnification) == ("grouped", "grouped")
    assert not {"rotation", "magnification"} & set(found.undetermined)
    turn = found.cameras.rotation_deg - true.rotation_deg
    assert np.std(turn) < 0.15 < np.std(true.rotation_deg)
    size = np.log(found.cameras.magnification / true.magnification)
    assert np.std(size) < 0.002 < np.std(np.log(true.magnification))


def test_real_beads_feel_no_prior(reference: Callable[[str], Path]) -> None:
    """All that is freed is known far better than its plausible size: as by the tracks alone."""
    found: Bundle = choose(load(reference, "")[0], NOMINAL)[0]
    assert found.prior_noise_px == 0
    assert found.freedom.skew == "grouped"
    assert not {"rotation", "magnification", "tilt", "skew"} & set(found.undetermined)
    assert "tilt axis" not in found.said()
