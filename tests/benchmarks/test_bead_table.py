"""The committed table of bead detection and alignment meets what METHODS.md B10 is required to
give, and is the README's."""

from __future__ import annotations

import pytest

from benchmarks import fiducials_summary
from benchmarks.quality_summary import README
from benchmarks.rows import read

ROWS = {
    (row["case"], row["classifier"]): {k: row[k] for k in row}
    for row in read(fiducials_summary.TABLE)
}


@pytest.mark.parametrize("size", [512, 1024])
def test_b10(size: int) -> None:
    row = ROWS[f"film {size}", "network"]
    for name in ("spots", "tracks"):
        assert float(row[f"{name}_f1"]) >= 0.97
        assert float(row[f"{name}_f1_above_50_deg"]) >= 0.90
    assert float(row["residual_px"]) <= 0.35
    assert float(row["shift_error_px"]) <= 0.3
    assert float(row["axis_error_deg"]) <= 0.05
    assert float(row["tilt_error_deg"]) <= 0.1
    assert float(row["seconds"]) <= 180


def test_the_network_is_ahead_of_the_classical_score() -> None:
    for case in dict.fromkeys(case for case, _ in ROWS):
        network, plain = (float(ROWS[case, kind]["spots_f1"]) for kind in ("network", "none"))
        assert network >= plain - 1e-4, case


def test_the_readme_has_this_table() -> None:
    text = (
        fiducials_summary.BEGIN
        + fiducials_summary.table(read(fiducials_summary.TABLE))
        + fiducials_summary.END
    )
    assert text in README.read_text("utf-8")
