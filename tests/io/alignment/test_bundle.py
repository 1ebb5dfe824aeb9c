"""What other programs read of a solution is the solution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recon.align.bundle.model import Cameras, nominal, project
from recon.align.bundle.result import Bundle
from recon.align.bundle.solve import solve
from recon.align.bundle.tracks import Tracks
from recon.errors import UserError
from recon.io import read_tlt, read_xf
from recon.io.alignment.aretomo import read_aln
from recon.io.alignment.bundle import read_tracks, write_bundle
from recon.io.alignment.tracks import read_xyz

SHAPE = (480, 512)


@pytest.fixture(scope="module")
def solved() -> Bundle:
    rng = np.random.default_rng(0)
    tilts = np.linspace(-60, 60, 21)
    p = nominal(tilts, -12.0).parameters.copy()
    p[:, :2] += rng.normal(0, 5, (21, 2))
    p[:, 3] += rng.normal(0, 0.002, 21)
    beads = rng.uniform(-1, 1, (8, 3)) * [40, 200, 200]
    seen = project(Cameras(p), beads) + rng.normal(0, 0.2, (21, 8, 2))
    view, bead = np.divmod(np.arange(21 * 8), 8)
    bead = np.where(bead == 7, 12, bead)  # contours with gaps
    return solve(Tracks(bead, view, seen.reshape(-1, 2), 21), tilts, pixel_nm=2.0)


@pytest.mark.parametrize("factor", [1, 2])
def test_the_files_together_reproduce_the_tracks(
    solved: Bundle, factor: int, tmp_path: Path
) -> None:
    """IMOD's way: a track point through its view's .xf lands at Y, X cos t + Z sin t of its .xyz
    position, to within its residual."""
    paths = write_bundle(tmp_path, "a", solved, SHAPE, bin=factor)
    assert all(path.exists() for path in paths)
    matrices, shifts = read_xf(tmp_path / "a.xf")
    t = np.deg2rad(read_tlt(tmp_path / "a.tlt"))
    beads, numbers = read_xyz(tmp_path / "a.xyz")
    tracks = read_tracks(tmp_path / "a.fid.txt", SHAPE, 21)
    z, y, x = beads[np.searchsorted(numbers, tracks.bead)].T
    c, s = np.cos(t[tracks.view]), np.sin(t[tracks.view])
    aligned = (
        np.einsum("oij,oj->oi", matrices[tracks.view], tracks.position_px[:, ::-1])
        + shifts[tracks.view]
    )
    miss = np.hypot(aligned[:, 0] - (x * c + z * s), aligned[:, 1] - y)
    assert miss.mean() == pytest.approx(factor * solved.mean_residual_px, rel=0.02)
    assert (numbers == solved.beads).all()


def test_the_aln_holds_the_same_transforms_as_the_xf(solved: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path, "a", solved, SHAPE)
    matrices, shifts = read_xf(tmp_path / "a.xf")
    found = read_aln(tmp_path / "a.aln")
    np.testing.assert_allclose(found.matrices, matrices, atol=3e-6)
    np.testing.assert_allclose(found.shifts, shifts, atol=2e-3)
    np.testing.assert_allclose(found.tilt_deg, read_tlt(tmp_path / "a.tlt"), atol=1e-4)
    assert found.raw_size == (512, 480, 21)


def test_solving_the_exported_tracks_gives_the_same_again(solved: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path, "a", solved, SHAPE)
    again = solve(read_tracks(tmp_path / "a.fid.txt", SHAPE, 21), np.linspace(-60, 60, 21))
    assert again.mean_residual_px == pytest.approx(solved.mean_residual_px, abs=1e-3)
    np.testing.assert_allclose(again.cameras.rotation_deg, solved.cameras.rotation_deg, atol=2e-3)


def test_tracks_of_another_series_are_refused(solved: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path, "a", solved, SHAPE)
    with pytest.raises(UserError, match="views 0 to 20 but the series has views 0 to 9"):
        read_tracks(tmp_path / "a.fid.txt", SHAPE, 10)
