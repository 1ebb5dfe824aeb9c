"""The report's account of views that were not reconstructed as measured: what was done to them, and
what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recon.report.alignment import stored_pictures
from recon.report.data import Run
from recon.sinogram.restoration import DENOISE, INPAINT

PICTURE = {"restored.png": "One view and one sinogram, as measured and as reconstructed"}
_SHOWN_ELSEWHERE = ("method", "options", "seconds")


def restorations(runs: Sequence[Run]) -> list[dict[str, object]]:
    """Each run whose views were denoised or inpainted: numbers and the picture of before and
    after."""
    shown: list[dict[str, object]] = []
    for run in runs:
        numbers = [
            number
            for group in (DENOISE, INPAINT)
            if isinstance(told := run.record.facts.further.get(group), Mapping)
            for number in _numbers(group, told)
        ]
        if numbers:
            pictures = stored_pictures(run, PICTURE)
            shown.append({"label": run.label, "numbers": numbers, "pictures": pictures})
    return shown[:4]


def _numbers(group: str, told: Mapping[str, object]) -> list[tuple[str, str]]:
    """(what, value) of one step, as it told them."""
    seconds = told.get("seconds")
    took = f", {seconds:.1f} s" if isinstance(seconds, int | float) else ""
    found = [(group, f"{told.get('method', '')}{took}")]
    for what, value in told.items():
        if what not in _SHOWN_ELSEWHERE and isinstance(value, int | float | str):
            text = f"{value:.4g}" if isinstance(value, float) else str(value)
            found.append((what.replace("_", " "), text))
    return found
