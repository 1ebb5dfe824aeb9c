"""SerialEM .mdoc files: tilt angles by section, pixel spacing, tilt axis, dose, defocus, frames.

Source: https://bio3d.colorado.edu/SerialEM/hlp/html/about_formats.htm. A parser of "key = value"
lines under "[ZValue = n]" titles ("[FrameSet = n]" in the file of a single tilt's frames). Decimals
may have commas, as the microscope PC's locale has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

import numpy as np

from recon.io.stack import AxisSource
from recon.io.text import read_text, to_number

_TITLE = re.compile(r"\[\s*(\w+)\s*=\s*(.*?)\s*\]\s*$")
# SerialEM writes "Tilt axis angle = 95.0, binning = 1", Tomography 5 "TiltAxisAngle = 95.0".
_AXIS = re.compile(r"(tilt axis angle|tiltaxisangle)\s*=\s*([-+]?\d+(?:[.,]\d+)?)", re.IGNORECASE)
# Kept for each view: our name -> SerialEM's keys, the first that is there.
_NUMBERS = {
    "dose_e_per_a2": ("ExposureDose",),
    "prior_dose_e_per_a2": ("PriorRecordDose",),
    "defocus_um": ("Defocus", "TargetDefocus"),
}
_TEXTS = {"date": "DateTime", "frames": "SubFramePath"}


@dataclass(frozen=True, eq=False)
class Mdoc:
    """``angles_deg``: (view,) in order of ZValue, None when a section lacks one. ``pixel_nm``,
    ``axis``: None when absent. ``per_view``: of each view dose, date, defocus and frames, where the
    file has any. ``why_no_angles``: a clause, where there are none."""

    angles_deg: np.ndarray | None
    pixel_nm: float | None
    axis: AxisSource | None
    per_view: Mapping[str, list[object]] = field(default_factory=dict)
    why_no_angles: str = ""

    @property
    def frame_names(self) -> list[str]:
        """The name of the file of each view's frames, "" where it is not said."""
        paths = [str(path or "") for path in self.per_view.get("frames", [])]
        return [PureWindowsPath(path.replace("\\\\", "\\")).name for path in paths]


def read_mdoc(path: Path) -> Mdoc:
    """Parse an .mdoc. ``PixelSpacing`` is in Angstrom and comes from the first section that has it,
    else from the head.

    The tilt axis is the one of a [T = ...] line; else ``RotationAngle``, which SerialEM writes as
    the axis plus 90 degrees.
    """
    head: dict[str, str] = {}
    views: list[tuple[int, dict[str, str]]] = []
    frame_sets: list[tuple[int, dict[str, str]]] = []
    remarks: list[str] = []
    current = head
    for line in read_text(path).splitlines():
        title = _TITLE.match(line.strip())
        if title and title[1] in ("ZValue", "FrameSet"):
            current = {}
            sections = views if title[1] == "ZValue" else frame_sets
            sections.append((_integer(title[2], len(sections)), current))
        elif title and title[1] == "T":  # a remark, not a section
            remarks.append(title[2])
        elif title:  # [MontSection] and the like are not views
            current = {}
        elif "=" in line:
            key, _, value = line.partition("=")
            current.setdefault(key.strip(), value.strip())
    # Sections stand in the order of acquisition in some writers' files; ZValue is the place in the
    # stack.
    ordered = [values for _, values in sorted(views or frame_sets, key=lambda section: section[0])]
    tilts = [_number(v.get("TiltAngle")) for v in ordered]
    spacing = next(
        (s for v in (*ordered, head) if (s := _number(v.get("PixelSpacing"))) is not None), None
    )
    without = [k for k, tilt in enumerate(tilts) if tilt is None]
    why = f"has no TiltAngle in section {without[0]}" if without else ""
    return Mdoc(
        angles_deg=np.array(tilts, dtype=np.float64) if tilts and not without else None,
        pixel_nm=spacing / 10 if spacing is not None and spacing > 0 and spacing != 1.0 else None,
        axis=_axis(path.name, remarks, [*ordered, head]),
        per_view=_per_view(ordered),
        why_no_angles=why if tilts else "has no [ZValue] sections",
    )


def _axis(name: str, remarks: list[str], sections: list[dict[str, str]]) -> AxisSource | None:
    for remark in remarks:
        if (found := _AXIS.search(remark)) and (axis := _number(found[2])) is not None:
            return AxisSource(name, axis, reliable=" " in found[1].strip())
    turned = next((a for v in sections if (a := _number(v.get("RotationAngle"))) is not None), None)
    return None if turned is None else AxisSource(name, (turned + 90) % 360 - 180, reliable=False)


def _per_view(sections: list[dict[str, str]]) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for name, keys in _NUMBERS.items():
        values = [
            next((n for k in keys if (n := _number(v.get(k))) is not None), None) for v in sections
        ]
        if any(values):  # SerialEM writes 0 for a dose that nobody calibrated
            found[name] = list(values)
    for name, key in _TEXTS.items():
        texts = [v.get(key) for v in sections]
        if any(texts):
            found[name] = list(texts)
    return found


def _number(text: str | None) -> float | None:
    try:
        value = None if text is None else to_number(text.split()[0])
    except (ValueError, IndexError):
        return None
    return value if value is not None and np.isfinite(value) else None


def _integer(text: str, otherwise: int) -> int:
    try:
        return int(text)
    except ValueError:
        return otherwise
