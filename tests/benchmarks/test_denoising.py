"""The benchmark of denoisers: its views are what it says, and the README holds its table."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import denoising, denoising_summary
from benchmarks.quality_summary import README
from benchmarks.rows import read
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> denoising.Recorded:
    monkeypatch.setattr(denoising, "SIZE", 16)
    denoising._projected.cache_clear()
    made = denoising.record("nanoparticle", 10.0, 0)
    denoising._projected.cache_clear()
    return made


def test_views_are_counts_about_the_projections_of_the_volume(case: denoising.Recorded) -> None:
    assert float(case.clean.max()) == pytest.approx(10)
    assert torch.equal(case.series.data, case.series.data.round())
    A = NativeProjector(Geometry(denoising.ANGLES, None), (16, 16), 16)
    assert float((A(case.volume) - case.clean).abs().mean()) < 0.05 * float(case.clean.mean()) + 0.1
    wrong = float((case.series.data - case.clean).square().mean())
    assert wrong == pytest.approx(float(case.clean.mean()), rel=0.15)


def test_a_row_says_what_is_right_and_what_is_not(
    case: denoising.Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = denoising.measure(case, "none")
    peak, error = 10.0, (case.series.data - case.clean).double().square().mean()
    assert float(row["views_db"]) == pytest.approx(10 * np.log10(peak**2 / float(error)), abs=0.01)
    tuned = denoising.measure(case, "gaussian")
    assert float(tuned["views_db"]) > float(row["views_db"])
    monkeypatch.setitem(denoising.TUNED, "gaussian", [denoising.TUNED["gaussian"][6]])
    assert float(denoising.measure(case, "gaussian")["views_db"]) < float(tuned["views_db"])


def test_the_table_of_the_readme_is_that_of_the_file() -> None:
    text = denoising_summary.table(read(denoising.TABLE))
    assert denoising_summary.BEGIN + text + denoising_summary.END in README.read_text("utf-8")


def test_a_gain_is_over_the_best_classical_denoiser_of_the_very_seed() -> None:
    def row(seed: str, method: str, db: float) -> dict[str, str]:
        known = {"family": "nanoparticle", "counts": "2", "seed": seed, "method": method}
        return known | {"views_db": str(db), "volume_db": str(db)}

    rows = [row(s, m, 20.0) for s in ("0", "1", "2") for m in ("none", *denoising.TUNED)]
    rows = [r | {"views_db": "23"} if (r["seed"], r["method"]) == ("1", "nlm") else r for r in rows]
    rows += [row(s, "unet", 24.0) for s in ("0", "1", "2")]
    line = denoising_summary.table(rows).splitlines()[2]
    assert "24.00 ± 0.00: +3.00 (+1.00)" in line
    assert "not run" in line
