"""TomoPy is optional: what it refuses, and what is said when it is missing. Its laws are in
test_laws.py."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.tomopy import TomopyProjector


def test_a_missing_tomopy_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tomopy", None)
    with pytest.raises(UserError, match="conda install -c conda-forge tomopy"):
        TomopyProjector(Geometry(np.array([0.0]), 1.0), (8, 8), 8)


def test_what_it_cannot_do_is_refused_before_it_is_looked_for():
    with pytest.raises(UserError, match=r"\(z, x\) = \(6, 8\) given for TomoPy, \(8, 8\) wanted"):
        TomopyProjector(Geometry(np.array([0.0]), 1.0), (6, 8), 8)
    shifts = np.array([[0.0, 0.0], [0.0, 1.0]])
    with pytest.raises(UserError, match="resample the series first"):
        TomopyProjector(Geometry(np.array([0.0, 1.0]), 1.0, 0.0, shifts), (8, 8), 8)
