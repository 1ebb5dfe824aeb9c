"""Crystals that stand in a zone axis scatter more: single views in which single particles are much
darker than their mass."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from recon.errors import UserError
from recon.phantoms.base import random_rotation


@dataclass(frozen=True)
class Bragg:
    """``strength``: how many times its own mass a crystal seems to gain in a zone axis; 0:
    amorphous. ``width_deg``: half the rocking width."""

    strength: float = 0.0
    width_deg: float = 3.0

    def __post_init__(self) -> None:
        if not (0 <= self.strength <= 100 and 0 < self.width_deg <= 20):
            raise UserError(
                f"bragg.strength={self.strength}, bragg.width_deg={self.width_deg} given, 0 to 100 "
                f"and a width to 20 deg wanted"
            )


def zone_axes() -> np.ndarray:
    """(13, 3) unit vectors <100>, <110>, <111> of a cubic crystal, one of each pair +-."""
    vectors = np.array([v for v in itertools.product((-1, 0, 1), repeat=3) if v > (0, 0, 0)], float)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def beam_directions(angles_deg: np.ndarray, *, second_axis: bool = False) -> np.ndarray:
    """(tilt, 3) as (z, y, x) in the specimen of the first series: rays of equation (1), x cos t + z
    sin t = constant, run along (cos t, 0, -sin t). For a second series the specimen is turned
    (``session.turn_phantom``), so the tilt moves them along y instead."""
    t = np.deg2rad(angles_deg)
    zero = np.zeros_like(t)
    return np.stack(
        [np.cos(t), -np.sin(t), zero] if second_axis else [np.cos(t), zero, -np.sin(t)], axis=1
    )


def in_zone_axis(
    n_instances: int, beams: np.ndarray, width_deg: float, rng: np.random.Generator
) -> np.ndarray:
    """(tilt, instance) bool: whether a beam is within ``width_deg`` of a zone axis of a crystal;
    each lies as it fell (uniform on SO(3))."""
    axes = zone_axes()
    met = np.empty((len(beams), n_instances), bool)
    for k in range(n_instances):
        aligned = np.abs(beams @ random_rotation(rng) @ axes.T).max(1)
        met[:, k] = aligned > np.cos(np.deg2rad(width_deg))
    return met
