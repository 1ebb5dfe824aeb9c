"""Found against true atoms: any frame, any shift, missing and false atoms; the error by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recon.analyze.matching import match_atoms
from recon.errors import UserError


def particle(seed: int = 0, count: int = 80) -> np.ndarray:
    """(n, 3) nm, none nearer than 0.2."""
    rng, atoms = np.random.default_rng(seed), [np.zeros(3)]
    while len(atoms) < count:
        new = rng.uniform(-0.9, 0.9, 3)
        if np.linalg.norm(np.array(atoms) - new, axis=1).min() > 0.22:
            atoms.append(new)
    return np.array(atoms)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_frame_is_found(mirrored: bool) -> None:
    true = particle()
    turn = np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]) * (-1 if mirrored else 1)
    match = match_atoms(true @ turn.T + [0.3, -0.2, 0.05], true)
    np.testing.assert_array_equal(match.turn, turn)
    np.testing.assert_allclose(match.shift_nm, [0.3, -0.2, 0.05], atol=1e-9)
    assert len(match.pairs) == 80
    assert match.rmsd_nm < 1e-9
    assert match.mirrored == (np.linalg.det(turn) < 0)


def test_the_error_by_hand() -> None:
    true = particle()
    moved = true + 0.5
    moved[0] += [0.03, 0, 0]
    moved[1] -= [0.03, 0, 0]
    # two of 80 are 0.03 off, the mean stays: sqrt(2 * 0.0009 / 79)
    assert match_atoms(moved, true).rmsd_nm == pytest.approx(math.sqrt(0.0018 / 79))


def test_missing_and_false_atoms() -> None:
    true = particle()
    false = particle(5)[:12] + np.array(
        [3.0, 0, 0]
    )  # far off: they pull the centre of mass away by 0.4 nm
    found = np.concatenate([false, true[10:]]) + 0.17
    match = match_atoms(found, true)
    assert len(match.pairs) == 70
    assert match.rmsd_nm < 1e-9
    np.testing.assert_array_equal(match.pairs, np.stack([np.arange(12, 82), np.arange(10, 80)], 1))


def test_no_atom_is_matched_twice() -> None:
    true = np.array([[0, 0, 0], [0, 0, 1.0], [0, 1.3, 0], [0.7, 0, 0], [0.3, 0.4, 0.5]])
    twins = np.concatenate([true, true[:1] + np.array([0, 0, 0.04])])
    for found, wanted in ((twins, true), (true, twins)):
        match = match_atoms(found, wanted)
        assert len(match.pairs) == 5
        assert len(set(match.pairs[:, 0])) == len(set(match.pairs[:, 1])) == 5


def test_unrelated_atoms_match_by_chance_only() -> None:
    match = match_atoms(particle(1), particle(2))
    assert len(match.pairs) < 40


@pytest.mark.parametrize("found", [np.empty((0, 3)), np.zeros((4, 2)), np.full((3, 3), np.nan)])
def test_what_is_no_list_of_atoms_is_a_sentence(found: np.ndarray) -> None:
    with pytest.raises(UserError, match="found atoms"):
        match_atoms(found, particle())
