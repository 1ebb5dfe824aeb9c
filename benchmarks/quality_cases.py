"""The cases of the quality benchmark, by set; nothing is computed before ``plan.make()``."""

from __future__ import annotations

from collections.abc import Callable, Collection

from benchmarks.quality_case import Case, Plan
from benchmarks.quality_slices import b2, b3, b4, b4n
from benchmarks.quality_volumes import volumes

SETS: dict[str, Callable[[], list[Plan]]] = {
    "B2": b2,
    "B3": b3,
    "B4": b4,
    "B4n": b4n,
    "3D": volumes,
}

__all__ = ["SETS", "Case", "Plan", "plans"]


def plans(only: Collection[str] | None = None) -> list[Plan]:
    """The cases of the named sets (None: all), in the table's order."""
    unknown = set(only or ()) - set(SETS)
    if unknown:
        raise SystemExit(
            f"--only {', '.join(sorted(unknown))} given, some of {', '.join(SETS)} wanted"
        )
    return [plan for name, make in SETS.items() if only is None or name in only for plan in make()]
