"""The table of inpainting: what is recorded, what is told of it, and what the printed numbers
show."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import inpainting, inpainting_summary
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries

MEASURED, ANGLES = inpainting.MEASURED, inpainting.ANGLES


def test_the_wedge_is_45_degrees_and_the_views_are_of_the_truth() -> None:
    assert 180 - (ANGLES[MEASURED - 1] - ANGLES[0]) == pytest.approx(45 + 1.40625)
    y, clean, truth = inpainting.record("polygons", 7, 0)
    assert y is clean and truth.shape == (128, 8, 128)
    seen = NativeProjector(Geometry(ANGLES), (128, 128), 128)(truth)
    assert float((seen - clean).norm() / clean.norm()) < 0.02  # two grids
    noisy, _, _ = inpainting.record("polygons", 7, 100)
    error = (noisy - clean) * float(100 / clean.max()) ** 0.5
    bright = clean > 0.5 * clean.max()
    assert float((error[bright] ** 2 / clean[bright]).mean()) == pytest.approx(1, rel=0.05)


def test_what_was_invented_is_told_beside_the_true_views_of_the_same_angles() -> None:
    _, clean, _ = inpainting.record("polygons", 7, 0)
    measured = TiltSeries(clean[:MEASURED], Geometry(ANGLES[:MEASURED]))
    angles = ANGLES.copy()
    data = clean.clone()
    beyond = angles > 90
    angles[beyond] -= 180
    data[torch.from_numpy(beyond)] = data[torch.from_numpy(beyond)].flip(-1)
    facts = {"inpaint": {"mean_confidence": 0.5, "strength": 1.0, "surprise": 1.0}}
    order = np.concatenate([np.arange(MEASURED), np.arange(127, MEASURED - 1, -1)])
    given = TiltSeries(data[order.tolist()], Geometry(angles[order]), facts=facts)
    assert inpainting.tell(given, measured, clean)["invented_error"] == pytest.approx(0, abs=1e-6)
    given.data[3, 0, 60] += 1
    with pytest.raises(SystemExit, match="changed a measured pixel"):
        inpainting.tell(given, measured, clean)


def test_the_printed_gain_over_sirt_is_two_decibels() -> None:
    """In the mean over the seeds, of every family, with noise and without."""
    rows = inpainting.read(inpainting.TABLE)
    assert rows
    for family, counts in {(row["family"], row["counts"]) for row in rows}:
        mine = [row for row in rows if (row["family"], row["counts"]) == (family, counts)]
        sirt, inpainted = (
            np.mean([float(r["psnr_db"]) for r in mine if r["method"] == method])
            for method in ("sirt", "inpainted_sirt")
        )
        assert inpainted >= sirt + 2.0, (family, counts)


def test_the_readme_shows_the_table() -> None:
    text = (inpainting.TABLE.parents[1] / "README.md").read_text("utf-8")
    assert inpainting_summary.table(inpainting.read(inpainting.TABLE)) in text
