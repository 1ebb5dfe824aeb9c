"""SerialEM .mdoc files: tilt angles by section, pixel spacing, tilt-axis rotation.

Source: https://bio3d.colorado.edu/SerialEM/hlp/html/about_formats.htm. A parser of "key = value"
lines under "[ZValue = n]" titles; nothing else of the format is needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_TITLE = re.compile(r"\[\s*(\w+)\s*=\s*(.*?)\s*\]\s*$")


@dataclass(frozen=True, eq=False)
class Mdoc:
    """``angles_deg``: (view,) in order of ZValue, None when a section lacks one. ``pixel_nm``,
    ``axis_deg``: None when absent."""

    angles_deg: np.ndarray | None
    pixel_nm: float | None
    axis_deg: float | None


def read_mdoc(path: Path) -> Mdoc:
    """Parse an .mdoc. ``PixelSpacing`` is in Angstrom and comes from the first section that has it,
    else from the head."""
    head: dict[str, str] = {}
    sections: list[tuple[int, dict[str, str]]] = []
    current = head
    for line in path.read_bytes().decode("utf-8", "replace").splitlines():
        title = _TITLE.match(line.strip())
        if title and title[1] == "ZValue":
            current = {}
            sections.append((_integer(title[2], len(sections)), current))
        elif (
            title and title[1] != "T"
        ):  # [T = ...] is a remark; [FrameSet], [MontSection] and the like are not views
            current = {}
        elif "=" in line and not title:
            key, _, value = line.partition("=")
            current.setdefault(key.strip(), value.strip())
    # Sections stand in the order of acquisition in some writers' files; ZValue is the place in the
    # stack.
    views = [values for _, values in sorted(sections, key=lambda section: section[0])]
    tilts = [_number(v.get("TiltAngle")) for v in views]
    spacing = next(
        (s for v in (*views, head) if (s := _number(v.get("PixelSpacing"))) is not None), None
    )
    axis = next((a for v in views if (a := _number(v.get("RotationAngle"))) is not None), None)
    return Mdoc(
        angles_deg=np.array(tilts, dtype=np.float64) if tilts and None not in tilts else None,
        pixel_nm=spacing / 10 if spacing is not None and spacing > 0 and spacing != 1.0 else None,
        axis_deg=axis,
    )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text.split()[0])
    except (ValueError, IndexError):
        return None


def _integer(text: str, otherwise: int) -> int:
    try:
        return int(text)
    except ValueError:
        return otherwise
