"""Units of length in other programs' words."""

from __future__ import annotations

import pytest

from recon.io.units import length_nm


@pytest.mark.parametrize(
    ("value", "unit", "nm"),
    [
        (3.36, "nm", 3.36),
        (3.36, "[n_m]", 3.36),
        (33.6, "\u00c5", 3.36),
        (33.6, "\u212b", 3.36),
        (33.6, "Angstroms", 3.36),
        (0.00336, "\u00b5m", 3.36),
        (0.00336, "\u03bcm", 3.36),
        (0.00336, "[u_m]", 3.36),
        (3360.0, "pm", 3.36),
        (3.36e-9, "m", 3.36),
        (3.36e-7, "cm", 3.36),
        (-3.36, "nm", 3.36),  # an axis that runs backwards
        (1.0, "pixel", None),
        (1.0, "1/nm", None),
        (1.0, "", None),
        (0.0, "nm", None),
        (1 / 72 * 2.54, "cm", None),  # a screen's resolution
        (float("nan"), "nm", None),
    ],
)
def test_lengths(value: float, unit: str, nm: float | None) -> None:
    assert length_nm(value, unit) == (None if nm is None else pytest.approx(nm, rel=1e-8))
