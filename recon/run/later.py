"""Scores of a run that is finished: from its aligned stack, its tomogram and its record."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.geometry import Geometry
from recon.io import read_volume
from recon.projectors.base import Projector, ProjectorFactory
from recon.run.lock import locked
from recon.run.record import Record
from recon.run.tomogram_rows import rows_of
from recon.series import TiltSeries
from recon.sinogram.restoration import Restoration, parts_of
from recon.stage import BoundMethod
from recon.trust.comparison import compare_predictions
from recon.trust.scores import TrustScores


def finished(folder: Path) -> Record:
    """The record of the run in ``folder``. Raises ``UserError`` where it holds no finished one, or
    one that cannot be scored later."""
    try:
        record = Record.from_json(json.loads((folder / "run.json").read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{str(folder)[-150:]} holds no finished run (run.json), the output folder of one wanted"
        ) from error
    if gone := [n for n in ("aligned.mrc", "tomogram.mrc") if not (folder / n).exists()]:
        raise UserError(f"{gone[0]} in {str(folder)[-150:]} is gone; run it again to score it")
    if {"masked_borders", "shadows"} & set(record.facts.further):
        raise UserError(
            f"the run in {str(folder)[-150:]} left pixels out that were not measured, and which they "
            "were is not kept; run it again with trust=standard"
        )
    return record


def score_finished(
    folder: Path,
    record: Record,
    method: BoundMethod,
    projector: ProjectorFactory,
    trust: Callable[..., TrustScores],
    restoration: Restoration,
) -> str:
    """Score the run in ``folder`` and write its record anew; returns what to say.

    ``method``: with the options that the run had settled; ``restoration``: of its views. Raises ``UserError`` where there are too
    few views.
    """
    with locked(folder):
        y = read_volume(folder / "aligned.mrc").data
        voxel = record.voxel_nm
        angles = np.array(record.angles_deg, np.float64)
        if record.shape_zyx is None or len(angles) != len(y):
            raise UserError(
                f"run.json and aligned.mrc in {str(folder)[-150:]} are of different runs; run it "
                "again to score it"
            )
        n_z, _, n_x = record.shape_zyx

        def make(of: Geometry) -> Projector:
            return projector(record.window.geometry(of), (n_z, n_x), y.shape[2])

        series = TiltSeries(y, Geometry(angles, voxel), record.name, facts=record.facts.further)
        A = make(series.geometry)
        active = bool(restoration.steps)
        weight = None if active else record.settled.get("tv_weight")
        scores = trust(
            A,
            y.to(A.device),
            method,
            noise=record.noise_per_pixel or 0.0,
            tv_weight=weight if isinstance(weight, float) else None,
            volume=rows_of(folder / "tomogram.mrc", voxel),
            parts=parts_of(series, restoration, make) if active else None,
        )
        replace(record, trust=scores).write(folder / "run.json")
    return compare_predictions(scores, method.name)
