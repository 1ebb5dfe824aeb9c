"""A training so small that it takes seconds: one planar family, tiny examples."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from models.slice_unet import SliceUNet
from recon.phantoms.ellipses import ellipses
from recon.phantoms.polygons import polygons
from recon.training.examples import Ranges
from recon.training.source import PhantomSource, Sizes
from recon.training.tasks import Irdm


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> PhantomSource:
    folder: Path = tmp_path_factory.mktemp("examples")
    ranges = Ranges(step_deg=(4.0, 6.0))
    return PhantomSource(
        {"polygons": polygons, "ellipses": ellipses}, ranges, 3, folder, Sizes(48, 48, 4, 2)
    )


@pytest.fixture
def task() -> Irdm:
    return Irdm(functools.partial(SliceUNet, 10, (4, 4, 4, 4, 4, 4)), batch=2, crop=16)
