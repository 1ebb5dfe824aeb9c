"""What the noisy views of a training are drawn from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ViewRanges:
    """What noisy views are drawn from, [low, high] each. ``counts``: in the brightest pixel,
    log-uniform. ``step_deg``: log-uniform; ``misalignment_px``: that alignment leaves.

    ``haadf``, ``bright_field``: shares of the series with these contrasts, the others are element
    maps. ``read_noise``: standard deviation in counts, of a share ``reading`` of the series;
    ``jitter_px``: of the lines of a share ``scanned``. A share ``aligned`` was shifted by parts of a
    pixel after it was counted, as alignment does. ``gain_error``: of what is known of the noise.
    """

    counts: tuple[float, float] = (0.05, 200.0)
    step_deg: tuple[float, float] = (1.0, 10.0)
    misalignment_px: tuple[float, float] = (0.0, 0.6)
    haadf: float = 0.5
    bright_field: float = 0.2
    reading: float = 0.3
    read_noise: tuple[float, float] = (0.05, 2.0)
    scanned: float = 0.3
    jitter_px: tuple[float, float] = (0.1, 0.6)
    aligned: float = 0.4
    gain_error: float = 0.1
