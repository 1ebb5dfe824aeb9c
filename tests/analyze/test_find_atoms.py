"""``analyze=atoms``: laws on drawn volumes, bad input, and benchmark B9 on the silicon series of
the reference data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.algorithms.sirt import sirt
from recon.align.fixed import fixed
from recon.align.resample import resample
from recon.analyze.atoms import atoms, threshold_of
from recon.analyze.base import Known
from recon.errors import UserError
from recon.io import read_tilt_series
from recon.io.xyz import read_xyz
from recon.phantoms.atoms import atoms as atoms_phantom
from recon.preprocess import preprocess
from recon.projectors.native import NativeProjector
from recon.series import Volume


@functools.lru_cache
def drawn() -> tuple[Volume, np.ndarray]:
    """A small amorphous particle, and its true positions in nm."""
    made = atoms_phantom(size=64, box_nm=2.2, structure="amorphous")
    assert made.positions_px is not None
    return made.volume, made.positions_px * made.voxel_nm


def noisy(level: float) -> Volume:
    volume, _ = drawn()
    noise = torch.from_numpy(
        np.random.default_rng(3).normal(0, level, volume.data.shape).astype(np.float32)
    )
    return Volume(volume.data + noise, volume.voxel_nm, unit="density")


def test_drawn_atoms_are_found_where_they_are() -> None:
    volume, positions = drawn()
    found = atoms(volume, known=Known())
    assert found.positions_nm is not None
    order = [np.linalg.norm(positions - p, axis=1).argmin() for p in found.positions_nm]
    assert sorted(order) == list(range(len(positions)))
    # In the volume's own frame, without any matching: a fifth of an angstrom / 10.
    assert np.abs(found.positions_nm - positions[order]).max() < 0.006


def test_scores_against_what_is_known() -> None:
    volume, positions = drawn()
    found = atoms(volume, known=Known(positions_nm=positions[5:] + 0.4))
    assert found.facts["matched"] == len(positions) - 5
    assert found.facts["recall"] == 1
    assert found.facts["precision"] == pytest.approx(1 - 5 / len(positions))
    assert 0 < float(str(found.facts["rmsd_pm"])) < 5


def test_noise_moves_atoms_and_is_not_taken_for_them() -> None:
    _, positions = drawn()
    clean, faint = (
        atoms(noisy(level), known=Known(positions_nm=positions)) for level in (0.05, 0.3)
    )
    for found in (clean, faint):
        assert found.facts["matched"] == found.facts["atoms"] == len(positions)
        assert not found.warning
    assert float(str(faint.facts["rmsd_pm"])) > 2 * float(str(clean.facts["rmsd_pm"]))


def test_noise_alone_is_doubted() -> None:
    found = atoms(Volume(noisy(1.0).data - drawn()[0].data, 0.02, unit="density"), known=Known())
    assert "doubt" in found.warning


def test_the_result_does_not_depend_on_unit_or_background() -> None:
    volume = noisy(0.1)
    z = torch.linspace(0, 3, 64)[:, None, None]
    other = atoms(
        Volume(1000 * (volume.data + 5 + z), volume.voxel_nm, unit="density"), known=Known()
    )
    own = atoms(volume, known=Known())
    assert own.positions_nm is not None
    assert other.positions_nm is not None
    np.testing.assert_allclose(other.positions_nm, own.positions_nm, atol=1e-3)


def test_outside_of_what_every_view_shows_nothing_is_found() -> None:
    volume, _ = drawn()
    corner = torch.roll(
        volume.data, (-24, -24), (0, 2)
    )  # the particle's middle comes to a corner of (z, x)
    found = atoms(Volume(corner, volume.voxel_nm, unit="density"), known=Known(), threshold=0.3)
    assert found.positions_nm is not None
    assert np.hypot(found.positions_nm[:, 0], found.positions_nm[:, 2]).max() < 32 * (
        volume.voxel_nm or 0
    )


def test_the_threshold_lies_in_the_gap_of_the_heights() -> None:
    heights = np.array([10.0, 9.0, 11.0, 10.5, 1.0, 0.2, 0.3, 1.5])
    limit, apart = threshold_of(heights)
    assert limit == pytest.approx((1.5 + 9.0) / 2)
    assert apart == pytest.approx(
        (10.125 - 0.75) / np.sqrt((np.var([10, 9, 11, 10.5]) + np.var([1, 0.2, 0.3, 1.5])) / 2)
    )


def test_maxima_all_alike_are_one_class() -> None:
    assert threshold_of(np.array([1.0, 0.9, 0.8])) == (0.8, None)


@pytest.mark.parametrize(
    ("volume", "options", "says"),
    [
        (Volume(torch.zeros(16, 16, 16), None), {}, "pixel_nm"),
        (Volume(torch.zeros(16, 16, 16), 0.2, unit="density"), {}, "0.0531 nm wanted"),
        (Volume(torch.zeros(16, 16, 16), 0.02, unit="density"), {}, "no local maximum"),
        (
            Volume(torch.zeros(16, 16, 16), 0.02, unit="density"),
            {"min_distance_nm": 0.0},
            "min_distance_nm=0",
        ),
        (Volume(torch.zeros(16, 16, 16), 0.02, unit="density"), {"threshold": 2.0}, "threshold=2"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(
    volume: Volume, options: dict[str, object], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        atoms(volume, known=Known(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dose", "n_iterations", "matched", "rmsd_pm"),
    [("1p6e5", 40, 208, 4.24), ("1p6e4", 15, 208, 17.31), ("8p0e3", 5, 199, 28.91)],
)
def test_silicon_better_than_its_authors(
    reference: Callable[[str], Path], dose: str, n_iterations: int, matched: int, rmsd_pm: float
) -> None:
    """B9 with about the iterations that withheld views choose (fewer at the highest dose, to be
    quick); the numbers are the authors'."""
    folder = reference("asi_nanoparticle")
    series = read_tilt_series(
        folder / f"NP1_aSi2nm_Dose{dose}_proj.mat", angles="0:177:3", pixel_nm=0.0195
    )
    aligned = resample(fixed(preprocess(series, background=1.0), axis_deg=90, axis_offset_px=0.5))
    x = sirt(
        NativeProjector(aligned.geometry, (128, 128), 128), aligned.data, n_iterations=n_iterations
    )
    facts = atoms(
        Volume(x, 0.0195, unit="density"),
        known=Known(),
        true_positions=read_xyz(folder / "NP1_aSi2nm_208atoms_GT.txt") / 10,
    ).facts
    assert int(str(facts["matched"])) >= matched
    assert facts["atoms"] == facts["matched"]
    assert float(str(facts["rmsd_pm"])) < rmsd_pm
