"""The report's plots and its account of the alignment: titles, axes and lines, which the page
draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from recon.metrics.volumes import crowther_frequency
from recon.report.data import Run, references

COLOURS = ("#0b6ba8", "#c8500a", "#078763", "#b0498a", "#b58300", "#3f8fc4", "#6a51a3", "#666666")


def colour_of(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def plots(runs: Sequence[Run]) -> list[dict[str, object]]:
    """What the page draws of residuals and resolution; a plot without lines is left out."""

    def lines(
        of: Callable[[Run], tuple[np.ndarray, np.ndarray] | None], **style: object
    ) -> list[dict[str, object]]:
        drawn = [(run.label, colour_of(i), of(run)) for i, run in enumerate(runs)]
        return [
            line(label, colour, *xy) | style
            for label, colour, xy in drawn
            if xy is not None and xy[1].size > 1
        ]

    def over_tilt(
        values: Sequence[float], angles_deg: Sequence[float]
    ) -> tuple[np.ndarray, np.ndarray] | None:
        y, x = np.array(values, np.float64), np.array(angles_deg, np.float64)
        return (x[order := np.argsort(x)], y[order]) if x.size == y.size else None

    def withheld(run: Run, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        trust = run.record.trust
        return over_tilt(trust.withheld_per_view.get(name, ()), trust.withheld_angles_deg)

    predicted = lines(lambda run: withheld(run, run.record.algorithm), dots=True)
    for k, (name, (run, _)) in enumerate(references(runs).items()):
        xy = withheld(run, name)
        if xy is not None and xy[1].size > 1:
            predicted.append(
                line(f"{name} (reference)", colour_of(len(runs) + k), *xy)
                | {"dots": True, "dashed": True}
            )

    whitened = lines(
        lambda run: over_tilt(
            run.record.trust.whitened_residual_per_view or (), run.record.angles_deg
        )
    )
    fsc = {
        "x": "frequency / (cycles per voxel)",
        "y": "correlation",
        "range": [0, 1],
        "levels": [[0.5, "0.5"], [0.143, "0.143"]],
    }
    limits = {round(f, 4) for run in runs if (f := crowther(run)) is not None and f < 0.5}
    fsc["marks"] = [[f, "πD/N"] for f in sorted(limits)]
    found: list[dict[str, object]] = [
        {
            "title": "Error of each withheld view",
            "x": "tilt / deg",
            "y": "|y − Ax| / |y|",
            "zero": True,
            "lines": predicted,
        },
        {
            "title": "Residual over noise, each view",
            "x": "tilt / deg",
            "y": "rms(y − Ax) / noise",
            "log": True,
            "levels": [[1, "only noise"]],
            "lines": whitened,
        },
        {
            "title": "Residual of each view",
            "x": "tilt / deg",
            "y": "|y − Ax| / |y|",
            "zero": True,
            "lines": lines(
                lambda run: over_tilt(run.record.residual_per_view, run.record.angles_deg)
            ),
        },
        {
            "title": "FSC of even and odd views",
            "lines": lines(lambda run: run.record.trust.even_odd_fsc.points),
            **fsc,
        },
        {
            "title": "FSC with the truth",
            "lines": lines(lambda run: None if run.fsc is None else run.fsc.points),
            **fsc,
        },
        {
            "title": "Convergence",
            "x": "iteration",
            "logx": True,
            "y": "relative residual",
            "log": True,
            "lines": lines(lambda run: _over_iterations(run.record.residual_per_iteration)),
        },
    ]
    return [plot for plot in found if plot["lines"]]


def crowther(run: Run) -> float | None:
    """The Crowther limit as a frequency in cycles per voxel: as the run noted it, or from its tilts
    and its width."""
    noted, shape = run.record.crowther_per_voxel, run.record.shape_zyx
    if noted is not None or shape is None:
        return noted
    return crowther_frequency(run.angles_deg, shape[2])


def _over_iterations(values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(1.0, len(values) + 1), np.array(values, np.float64)


def line(label: str, colour: str, x: np.ndarray, y: np.ndarray) -> dict[str, object]:
    """At most 600 points; what is not finite is a gap."""
    every = max(1, -(-x.size // 600))
    kept = np.unique(np.append(np.arange(0, x.size, every), x.size - 1))
    return {
        "label": label,
        "colour": colour,
        "x": [float(f"{v:.5g}") for v in x[kept]],
        "y": [float(f"{v:.5g}") if np.isfinite(v) else None for v in y[kept]],
    }
