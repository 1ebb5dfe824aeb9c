"""Whether a series cleaned as dark field is bright field."""

from __future__ import annotations

import numpy as np

from recon.preprocess.levels import vacuum_levels


def looks_bright_field(stack: np.ndarray, angles_deg: np.ndarray) -> bool:
    """True where the background is brighter than what is in it and keeps its brightness at all
    tilts, while no dark vacuum is in view. ``stack``: (tilt, y, x), raw.

    A dark-field film grows brighter with tilt, and its pores are darker than it; so a bright level
    alone says nothing.
    """
    if vacuum_levels(stack)[1]:
        return False
    level, bright = vacuum_levels(-stack)
    if not bright:
        return False
    incident = -level
    depth = incident - np.quantile(stack, 0.01, axis=(1, 2))
    thick = 1 / np.maximum(np.cos(np.deg2rad(angles_deg)), 0.1)
    usual = float(np.median(incident))
    # Of a film's level, this share would be gained from the lowest to the highest tilt.
    gain = np.polyfit(thick - thick.min(), incident / usual, 1)[0] if np.ptp(thick) > 0.2 else 0.0
    border = np.concatenate([stack[:, 0], stack[:, -1], stack[:, :, 0], stack[:, :, -1]], axis=1)
    at_border = np.mean(np.median(border, axis=1) > incident - 0.2 * depth)
    n = max(2, min(stack.shape[1:]) // 10)
    corners = [
        stack[:, y, x] for y in (slice(n), slice(-n, None)) for x in (slice(n), slice(-n, None))
    ]
    levels = np.array([np.median(c, axis=(1, 2)) for c in corners])  # a particle may fill the rest
    in_corners = np.mean(np.sort(levels, axis=0)[1] > incident - 0.2 * depth)
    return bool(usual > 0 and gain < 0.3 and at_border > 0.8 and in_corners > 0.8)
