"""Found atoms against true ones: how many, how near."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from recon.errors import UserError
from recon.progress import track_each

VOTE_NM = 0.05  # bins of the vote for the shift
ROUNDS = 50


@dataclass(frozen=True, eq=False)
class Match:
    """``pairs``: (m, 2) numbers of found and true atoms. found ~ turn @ true + shift;
    ``errors_nm``: (m, 3), mean zero.

    ``turn``: (3, 3) a permutation of the axes with signs.
    """

    pairs: np.ndarray
    turn: np.ndarray
    shift_nm: np.ndarray
    errors_nm: np.ndarray

    @property
    def rmsd_nm(self) -> float:
        """sqrt(var z + var y + var x) of the errors, unbiased (m - 1): the shift was fitted. NaN
        for fewer than two pairs."""
        return (
            float(np.sqrt(self.errors_nm.var(0, ddof=1).sum()))
            if len(self.pairs) > 1
            else float("nan")
        )

    @property
    def mirrored(self) -> bool:
        """Whether the true atoms had to be mirrored, as a tilt axis taken the other way round
        does."""
        return bool(np.linalg.det(self.turn) < 0)


def match_atoms(found_nm: np.ndarray, true_nm: np.ndarray, *, reach_nm: float = 0.09) -> Match:
    """Pair (n, 3) found with (m, 3) true atoms, each the other's nearest and nearer than
    ``reach_nm``, in the best of the 48 frames.

    Files of atoms name their axes as they like, and no projection tells the frame: all permutations
    and signs of the axes are tried; in each, the shift that most pairs of atoms vote for, then the
    mean shift of the matched pairs until it stays. Most pairs win, then the smallest error. Raises
    ``UserError`` for atoms that are none, or not three numbers each.
    """
    for atoms, whose in ((found_nm, "found"), (true_nm, "true")):
        if (
            atoms.ndim != 2
            or atoms.shape[1] != 3
            or len(atoms) == 0
            or not np.isfinite(atoms).all()
        ):
            raise UserError(
                f"{whose} atoms of shape {atoms.shape} given, (n, 3) finite positions wanted, at "
                f"least one"
            )
    candidates = []
    frames = list(itertools.permutations(range(3)))
    for axes in track_each("comparing with the true atoms", frames):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            turn = np.zeros((3, 3))
            turn[range(3), axes] = signs
            turned = true_nm @ turn.T
            for start in (found_nm.mean(0) - turned.mean(0), _voted_shift(found_nm, turned)):
                candidates.append(_settled(found_nm, turned, turn, start, reach_nm))
    return min(candidates, key=lambda m: (-len(m.pairs), np.nan_to_num(m.rmsd_nm, nan=np.inf)))


def _voted_shift(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The most frequent difference of a found and a true atom; of large sets, of an even choice of
    both."""
    found, true = found[:: 1 + len(found) // 2000], true[:: 1 + len(true) // 200]
    centre = found.mean(0) - true.mean(0)
    away = (found[:, None] - true[None]).reshape(-1, 3) - centre
    bins = np.rint(away[np.abs(away).max(1) < 0.5] / VOTE_NM).astype(int)
    if len(bins) == 0:
        return np.asarray(centre)
    value, count = np.unique(bins, axis=0, return_counts=True)
    return np.asarray(centre + VOTE_NM * value[np.argmax(count)])


def _settled(
    found: np.ndarray, turned: np.ndarray, turn: np.ndarray, shift: np.ndarray, reach: float
) -> Match:
    tree = cKDTree(found)
    pairs = np.empty((0, 2), int)
    for _ in range(ROUNDS):
        distance, nearest = tree.query(turned + shift)
        back = cKDTree(turned + shift).query(found)[1]
        near = np.flatnonzero((distance < reach) & (back[nearest] == np.arange(len(turned))))
        pairs = np.stack([nearest[near], near], 1)
        if len(pairs) == 0:
            break
        new = (found[pairs[:, 0]] - turned[pairs[:, 1]]).mean(0)
        done, shift = np.abs(new - shift).max() < 1e-7, new
        if done:
            break
    return Match(pairs, turn, shift, found[pairs[:, 0]] - turned[pairs[:, 1]] - shift)
