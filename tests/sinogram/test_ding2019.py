"""The published inpainting: its one geometry, and that it comes without weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.rrdb import RrdbNet
from recon.errors import UserError
from recon.geometry import Geometry
from recon.series import TiltSeries
from recon.sinogram.ding2019 import BELIEVED, ding2019, published_sinograms
from recon.sinogram.half_turn import STEP_DEG
from recon.training.weights_folder import write_card, write_weights

ANGLES = STEP_DEG * (np.arange(96) - 47.5)


@pytest.fixture
def weights(tmp_path: Path) -> str:
    torch.manual_seed(0)
    digest = write_weights(tmp_path, RrdbNet(blocks=1))
    shape = {"_target_": "models.rrdb.RrdbNet", "blocks": 1}
    facts = {"task": "ding2019", "sha256": digest, "data": {}, "options": {"network": shape}}
    write_card(tmp_path, json.loads(json.dumps(facts)))
    return str(tmp_path)


def series(angles: np.ndarray = ANGLES) -> TiltSeries:
    views = torch.rand(angles.size, 2, 24, generator=torch.Generator().manual_seed(0))
    return TiltSeries(5 * views, Geometry(angles, 1.0))


def test_a_wedge_of_45_degrees_is_filled_and_nothing_else_is_touched(weights: str) -> None:
    given = series()
    done = ding2019(given, weights=weights)
    assert done.data.shape == (128, 2, 24) and torch.equal(done.data[:96], given.data)
    assert done.precision is not None and bool((done.precision[:96] == 1).all())
    assert bool((done.precision[96:] == BELIEVED).all())
    assert float(done.data[96:].min()) > 0
    # Each row is divided by its brightest pixel: grey values come back in the unit of the views.
    brighter = ding2019(replace(given, data=100 * given.data), weights=weights)
    torch.testing.assert_close(brighter.data, 100 * done.data, rtol=1e-4, atol=1e-3)


def test_missing_columns_are_filled_with_the_mean_of_the_others() -> None:
    views = torch.rand(8, 2, 5)
    missing = np.arange(8) > 5
    filled, scale = published_sinograms(views, missing)
    assert float(filled[:6].max()) == 1
    torch.testing.assert_close(filled[:6] * scale[:, None], views[:6])
    torch.testing.assert_close(filled[6:, 1], filled[:6, 1].mean().expand(2, 5))


@pytest.mark.parametrize(
    "angles",
    [np.arange(-60, 60.1, 2.0), ANGLES[:-8], np.delete(ANGLES, [20])],
    ids=["2 degrees", "wider wedge", "a view left out"],
)
def test_any_other_geometry_is_refused(angles: np.ndarray, weights: str) -> None:
    with pytest.raises(UserError, match=r"96 views in steps of 1.40625 deg and a wedge of 45 deg"):
        ding2019(series(angles), weights=weights)


def test_without_weights_it_says_how_they_are_made() -> None:
    with pytest.raises(UserError, match=r"python train.py task=ding2019 makes them"):
        ding2019(series())
    with pytest.raises(UserError, match="of task=irdm, weights of task=ding2019 wanted"):
        ding2019(series(), weights="irdm")
