"""What is known of the section that a series shows, and the part of z that holds it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from recon.geometry import Geometry


@dataclass(frozen=True, kw_only=True)
class Window:
    """The part of z that is reconstructed. ``thickness_px``: voxels along z; None: as many as the
    views are wide. ``centre_z_px``: of its middle, from the tilt axis. ``pretilt_deg``: is taken
    from all tilts, so that a layer which is perpendicular to the beam at that tilt lies flat.
    ``extend_px``: voxels more on both sides of x: a thin volume that ends with the views has no room
    for what high tilts see beyond, and would fold it into its ends."""

    thickness_px: int | None = None
    centre_z_px: float = 0.0
    pretilt_deg: float = 0.0
    extend_px: int = 0

    @property
    def moved(self) -> bool:
        """Whether the volume has other axes, or another middle, than that of the aligned series."""
        return self.centre_z_px != 0 or self.pretilt_deg != 0

    @property
    def options(self) -> str:
        """What gives the same part of z, by numbers."""
        return (
            f"thickness_px={self.thickness_px} centre_z_px={self.centre_z_px:g} "
            f"pretilt_deg={self.pretilt_deg:g} extend_px={self.extend_px}"
        )

    def geometry(self, of: Geometry) -> Geometry:
        """Of the volume's own axes. With x' = x cos p + z sin p and z' = z cos p - x sin p, equation
        (1) is column = x' cos(t - p) + z' sin(t - p); a middle at z' = c moves it by c sin(t - p)."""
        if not self.moved:
            return of
        angles = of.angles_deg - self.pretilt_deg
        shifts = np.zeros((of.n_views, 2)) if of.shifts_px is None else np.array(of.shifts_px)
        shifts[:, 1] -= self.centre_z_px * np.sin(np.deg2rad(angles))
        return Geometry(angles, of.pixel_nm, of.axis_deg, shifts, of.matrices)


@dataclass(frozen=True, kw_only=True)
class Section:
    """``is_layer``: a layer was found; else ``why`` says what speaks against it, and nothing else
    is known. Pixels are those of the aligned series, with one standard error each.

    The layer lies along z = x tan(``pretilt_deg``) + y tan(``x_tilt_deg``) + constant, both from
    the volume's centre: at a tilt of ``pretilt_deg`` it is perpendicular to the beam. A slope that
    is not told from 0 is 0, and has its error. ``z_px``: the lowest and the highest z of what there
    is, ``faces_px`` of the layer's two faces, above that plane. ``window``: what holds it with a margin.
    """

    is_layer: bool = False
    why: str = ""
    thickness_px: float | None = None
    thickness_error_px: float | None = None
    pretilt_deg: float = 0.0
    pretilt_error_deg: float | None = None
    x_tilt_deg: float = 0.0
    x_tilt_error_deg: float | None = None
    faces_px: tuple[float, float] | None = None
    z_px: tuple[float, float] | None = None
    window: Window = field(default_factory=Window)


MARGIN, FEW_PX = 0.15, 3.0  # on either side: of the thickness, and more


STEEPEST_DEG = 75.0  # steeper views see so far that it is not worth the room


def window_of(section: Section, rows: int, width: int, angles_deg: np.ndarray) -> Window:
    """What holds the layer of (y, x) = (``rows``, ``width``) flat, with a margin: all of z where
    none was found. An x-tilt, which no single-axis operator takes away, makes it thicker."""
    if not section.is_layer or section.z_px is None or section.thickness_px is None:
        return Window()
    lean = np.tan(np.deg2rad(abs(section.x_tilt_deg))) * rows / 2
    cosine = np.cos(np.deg2rad(section.pretilt_deg))
    margin = MARGIN * section.thickness_px + FEW_PX
    low = (section.z_px[0] - lean) * cosine - margin
    high = (section.z_px[1] + lean) * cosine + margin
    # Whole voxels of the uncropped volume, so that what is not turned is only cut out.
    middle = (width - 1) / 2
    first, last = max(0, int(np.floor(low + middle))), min(width - 1, int(np.ceil(high + middle)))
    thickness = last - first + 1
    if thickness >= width:
        return Window()
    centre = (first + last) / 2 - middle
    steepest = float(np.abs(angles_deg - section.pretilt_deg).max())
    top = np.deg2rad(min(steepest, STEEPEST_DEG))
    # At tilt t the outermost ray meets z = -+T/2 at x = (w / 2 + T/2 sin t) / cos t.
    sees = (width / 2 + thickness / 2 * np.sin(top)) / np.cos(top)
    return Window(
        thickness_px=thickness,
        centre_z_px=centre,
        pretilt_deg=round(section.pretilt_deg, 2),
        extend_px=int(np.ceil(sees - width / 2)),
    )
