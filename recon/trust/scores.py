"""What the scores of one run are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from recon.as_json import REST
from recon.metrics.curve import Curve


@dataclass(frozen=True, kw_only=True)
class TrustScores:
    """Scores that need no truth, on ``rows`` rows; ``TrustScores()`` where there are none.

    ``withheld``: of the run and of what it was measured beside (run with ``reference_options``), by
    name, ||y - A x|| / ||y|| over every ``withheld_every``-th view, which the reconstruction had
    not seen, binned by ``withheld_bin``; ``withheld_per_view`` over ``withheld_angles_deg``. ``noise_share_of_data``: what
    noise alone would leave of it. ``whitened_residual``: rms of (y - A x) / noise, its rows of
    numbers over the views in file order. ``invented_fraction``: of the energy, where no view
    measured; ``changed_measured_fraction``: of what was measured. ``even_odd_fsc_crossing``: by
    level ("0.5", "0.143"), cycles per voxel. ``further``: numbers of
    another trust stage, by name.
    """

    rows: int | None = None
    withheld: Mapping[str, float] = field(default_factory=dict)
    withheld_every: int | None = None
    withheld_bin: int | None = None
    withheld_angles_deg: tuple[float, ...] = ()
    withheld_per_view: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    noise_share_of_data: float | None = None
    whitened_residual: float | None = None
    whitened_residual_per_view: tuple[float, ...] | None = None
    invented_fraction: float | None = None
    changed_measured_fraction: float | None = None
    even_odd_fsc_crossing: Mapping[str, float] = field(default_factory=dict)
    even_odd_fsc: Curve = field(default_factory=Curve)
    reference_options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    further: Mapping[str, float] = field(default_factory=dict, metadata=REST)
