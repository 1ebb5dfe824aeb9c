"""Laws that hold for every family, in the words of the tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from recon.phantoms.base import Phantom

Family = Callable[..., Phantom]


@pytest.fixture
def repeats() -> Callable[..., None]:
    """The same seed is the same bits, another seed another specimen."""

    def check(family: Family, **options: object) -> None:
        a, b, other = (family(seed=s, **options) for s in (3, 3, 4))
        assert torch.equal(a.density, b.density)
        assert torch.equal(a.labels, b.labels)
        for one, two in ((a.instances, b.instances), (a.elements, b.elements)):
            assert (one is None and two is None) or torch.equal(one, two)
        assert (a.positions_px is None) or np.array_equal(a.positions_px, b.positions_px)
        assert not torch.equal(a.density, other.density)

    return check


@pytest.fixture
def labelled() -> Callable[[Phantom], None]:
    """No matter, no label; a label, matter; and label 0 means that vacuum fills at least half of
    the voxel."""

    def check(phantom: Phantom) -> None:
        density, labels = phantom.density.numpy(), phantom.labels.numpy()
        assert (labels[density == 0] == 0).all()
        assert (density[labels > 0] > 0).all()
        assert labels.max() >= 1
        assert density.max() <= 1
        # Away from every boundary the two agree exactly: no partly filled voxel is left.
        deep = _deep(labels == 0)
        assert deep.any()
        assert density[deep].mean() < 0.01
        if phantom.instances is not None:
            assert (phantom.instances.numpy()[labels == 0] == 0).all()

    return check


@pytest.fixture
def refines() -> Callable[..., float]:
    """Root-mean-square difference between 24 voxels and 48 voxels binned by two, over the density's
    own."""

    def check(family: Family, **options: object) -> float:
        coarse = family(size=24, **options).density.double()
        fine = family(size=48, **options).density.double()
        binned = torch.nn.functional.avg_pool3d(
            fine[None, None], (2, 48 // coarse.shape[0] if coarse.shape[1] > 1 else 1, 2)
        )[0, 0]
        return float((coarse - binned).norm() / binned.norm())

    return check


@pytest.fixture
def stays_inside() -> Callable[[Phantom], None]:
    """Nothing beyond 0.95 of the box."""

    def check(phantom: Phantom) -> None:
        filled = phantom.density.numpy() > 0
        for axis in range(3):
            n = filled.shape[axis]
            where = np.flatnonzero(filled.any(tuple(a for a in range(3) if a != axis)))
            # A voxel that is touched reaches half a voxel further than its centre.
            assert np.abs(where - (n - 1) / 2).max() - 0.5 <= 0.95 * n / 2

    return check


def _deep(mask: np.ndarray) -> np.ndarray:
    """Voxels of a mask whose 26 neighbours are in it too."""
    inner = mask[1:-1, 1:-1, 1:-1].copy()
    a, b, c = mask.shape
    for dz in range(3):
        for dy in range(3):
            for dx in range(3):
                inner &= mask[dz : a - 2 + dz, dy : b - 2 + dy, dx : c - 2 + dx]
    out = np.zeros_like(mask)
    out[1:-1, 1:-1, 1:-1] = inner
    return out
