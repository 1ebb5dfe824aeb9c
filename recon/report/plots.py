"""The report's plots and its account of the alignment: titles, axes and lines, which the page
draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from recon.metrics.volumes import crowther_frequency
from recon.report.data import Run, curve, number, number_list, references

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

    def over_tilt(values: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        return (
            (angles[order := np.argsort(angles)], values[order])
            if angles.size == values.size
            else None
        )

    def withheld(run: Run, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        trust = run.dictionary("trust")
        errors = trust.get("withheld_per_view")
        values = number_list(errors.get(name)) if isinstance(errors, dict) else np.array([])
        return over_tilt(values, number_list(trust.get("withheld_angles_deg")))

    predicted = lines(lambda run: withheld(run, str(run.record.get("algorithm"))), dots=True)
    for k, (name, (run, _)) in enumerate(references(runs).items()):
        xy = withheld(run, name)
        if xy is not None and xy[1].size > 1:
            predicted.append(
                line(f"{name} (reference)", colour_of(len(runs) + k), *xy)
                | {"dots": True, "dashed": True}
            )

    whitened = lines(
        lambda run: over_tilt(
            number_list(run.dictionary("trust").get("whitened_residual_per_view")),
            run.series("angles_deg"),
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
                lambda run: over_tilt(run.series("residual_per_view"), run.series("angles_deg"))
            ),
        },
        {
            "title": "FSC of even and odd views",
            "lines": lines(lambda run: curve(run.dictionary("trust").get("even_odd_fsc"))),
            **fsc,
        },
        {"title": "FSC with the truth", "lines": lines(lambda run: run.fsc), **fsc},
        {
            "title": "Convergence",
            "x": "iteration",
            "logx": True,
            "y": "relative residual",
            "log": True,
            "lines": lines(lambda run: _over_iterations(run.series("residual_per_iteration"))),
        },
    ]
    return [plot for plot in found if plot["lines"]]


def crowther(run: Run) -> float | None:
    """The Crowther limit as a frequency in cycles per voxel: as the run noted it, or from its tilts
    and its width."""
    shape = run.series("shape_zyx")
    noted = number(run.record.get("crowther_per_voxel"))
    return (
        noted
        if noted is not None or shape.size != 3
        else crowther_frequency(run.series("angles_deg"), shape[2])
    )


def _over_iterations(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(1.0, values.size + 1), values


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
