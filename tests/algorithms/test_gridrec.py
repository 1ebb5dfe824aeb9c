"""gridrec is TomoPy's: without it the error has the fix, with it the scale and place are ours.

TomoPy cannot be installed from PyPI, so that most machines run these tests on ``Model``: gridrec's
published formula in NumPy. It gives what TomoPy 1.15.2 itself was measured to give.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from recon.algorithms import gridrec as module
from recon.algorithms.gridrec import BANDWIDTH, gridrec, prolate
from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector

TABLE = np.linspace(0, 1, 513)
PSI = prolate(TABLE)
FILTERS = {"ramlak": lambda f: 2 * f, "shepp": lambda f: 2 * f * np.sinc(f)}


class Model:
    """``tomopy.recon`` as far as ``gridrec`` calls it."""

    def recon(self, tomo, theta, center, algorithm, filter_name, sinogram_order):
        assert algorithm == "gridrec"
        assert not sinogram_order
        width = tomo.shape[2]
        grid = max(16, 1 << (width - 1).bit_length())
        j, cells = np.arange(1, grid // 2), np.arange(1, grid)
        f = j / grid
        response = FILTERS[filter_name](f) * (np.pi / grid / len(theta))
        response = response * np.exp(-2j * np.pi * f * center)
        # Kept columns, counted from the axis, and what the kernel's transform is taken for.
        x = np.arange(width) - width // 2
        norm = np.sqrt(np.pi / 2 / BANDWIDTH / 0.99998546) / 1.2
        inverse = norm / prolate((x + 1) / (grid / 2 - 0.5))
        back = np.exp(2j * np.pi * np.outer(x, cells - grid // 2) / grid)
        return np.stack(
            [
                (inverse[:, None] * inverse * (back @ spectrum @ back.T).real).T[::-1]
                for spectrum in (
                    self._gridded(tomo[:, row], theta, response, j, cells, grid)
                    for row in range(tomo.shape[1])
                )
            ]
        ).astype(np.float32)

    @staticmethod
    def _gridded(views, theta, response, j, cells, grid):
        total = np.zeros((grid - 1, grid - 1), complex)
        for view, t in zip(views, theta, strict=True):
            half = np.conj(response * np.fft.ifft(view, n=grid)[j] * grid)
            u, v = (
                Model._kernel(j[:, None] * part + grid // 2 - cells)
                for part in (np.cos(t), np.sin(t))
            )
            total += u.T @ (half[:, None] * v)
        return total + np.conj(total[::-1, ::-1])

    @staticmethod
    def _kernel(distance):
        return np.interp(np.abs(distance) / 2, TABLE, PSI, right=0.0)


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setitem(sys.modules, "tomopy", Model())


def blob(n, at, sigma):
    z, x = np.meshgrid(*[np.arange(n) - (n - 1) / 2] * 2, indexing="ij")
    return np.exp(-((z - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * sigma**2)), z, x


def reconstructed(n=64, at=(6.0, -9.0), sigma=4.0, step=1.0, **options):
    truth, z, x = blob(n, at, sigma)
    A = NativeProjector(Geometry(np.arange(-90, 90, step), 1.0), (n, n), n)
    y = A(torch.from_numpy(np.repeat(truth[:, None], 2, 1).astype(np.float32)))
    return gridrec(A, y, **options)[:, 0].double().numpy(), truth, z, x


def test_a_missing_tomopy_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tomopy", None)
    A = NativeProjector(Geometry(np.array([0.0]), 1.0), (8, 8), 8)
    with pytest.raises(
        UserError, match=r"algorithm=gridrec\) but is not installed; run: conda install"
    ):
        gridrec(A, torch.zeros(1, 1, 8))


def check_blob(result, truth, z, x, at=(6.0, -9.0)):
    above = result.clip(0.2) - 0.2
    place = [(above * z).sum() / above.sum(), (above * x).sum() / above.sum()]
    np.testing.assert_allclose(place, at, atol=0.05)
    assert (result * truth).sum() / (truth * truth).sum() == pytest.approx(1, rel=0.03)


def test_a_blob_keeps_its_place_and_grey_value_in_tomopy():
    pytest.importorskip("tomopy", reason="TomoPy is not installed (conda-forge only)")
    check_blob(*reconstructed())


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"step": 3.0, "filter": "shepp"},
        {"n": 100, "at": (0.0, 0.0)},
        {"n": 65, "at": (-14.0, 13.0)},
    ],
    ids=str,
)
def test_a_blob_keeps_its_place_and_grey_value(options):
    check_blob(*reconstructed(**options), at=options.get("at", (6.0, -9.0)))


@pytest.mark.usefixtures("model")
def test_without_the_gain_the_model_is_as_bright_as_tomopy_was_measured(monkeypatch):
    """TomoPy 1.15.2 gave this blob a maximum of 1.0704."""
    monkeypatch.setattr(module, "gain", np.ones)
    result, *_ = reconstructed()
    assert result.max() == pytest.approx(1.0704, abs=0.001)
