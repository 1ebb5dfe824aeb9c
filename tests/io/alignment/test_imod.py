"""IMOD's .xf and .tlt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.errors import UserError
from recon.io import read_tlt, read_xf, write_xf


def test_xf_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    matrices, shifts = rng.uniform(-1, 1, (9, 2, 2)), rng.uniform(-5000, 5000, (9, 2))
    write_xf(tmp_path / "a.xf", matrices, shifts)
    a, d = read_xf(tmp_path / "a.xf")
    np.testing.assert_allclose(a, matrices, atol=5.1e-8)
    np.testing.assert_allclose(d, shifts, atol=5.1e-5)


def test_a_line_is_a11_a12_a21_a22_dx_dy(tmp_path: Path) -> None:
    """A quarter turn and a shift, on the point (x, y) = (1, 0)."""
    (tmp_path / "a.xf").write_text("0 -1 1 0 10 20\n")
    matrices, shifts = read_xf(tmp_path / "a.xf")
    np.testing.assert_array_equal(matrices[0] @ [1, 0] + shifts[0], [10, 21])


@pytest.mark.parametrize("text", ["1 0 0 1 0\n", "1 0 0 1 0 x\n", "\n"])
def test_other_lines_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.xf").write_text(text)
    with pytest.raises(UserError, match=r"a\.xf"):
        read_xf(tmp_path / "a.xf")


def test_imods_own_files(reference: Callable[[str], Path], tmp_path: Path) -> None:
    path = reference("bead_tracks/BBa.xf")
    matrices, shifts = read_xf(path)
    assert matrices.shape == (61, 2, 2)
    assert matrices[0].ravel().tolist() == [0.9787406, -0.1898027, 0.1861717, 0.9824202]
    assert shifts[0].tolist() == [-20.199, 1.220]
    write_xf(tmp_path / "a.xf", matrices, shifts)
    # Character by character but for our one more decimal of the shifts.
    ours = [line.split() for line in (tmp_path / "a.xf").read_text().splitlines()]
    theirs = [line.split() for line in path.read_text().splitlines()]
    assert [line[:4] for line in ours] == [line[:4] for line in theirs]
    assert read_tlt(reference("bead_tracks/BBa.tlt"))[[0, -1]] == pytest.approx(
        [65.06, -55.47], abs=1.0
    )
