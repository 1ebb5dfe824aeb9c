"""How every view lies in the aligned frame, and the patches' bundle adjustment that finds it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recon.align.bundle import Bundle, Freedom, Tracks, solve, to_aligned
from recon.align.bundle.determined import AXIS, LOOSE_AXIS_RAD, need_prior, undetermined, unnoticed
from recon.align.bundle.freedom import Mode
from recon.align.bundle.trial import cap_px, fitted, gains, setting_of
from recon.align.patches.follow import Followed
from recon.errors import UserError
from recon.geometry import axis_rotation, view_freedom

ONE_AXIS = Freedom(rotation="global", magnification="fixed", tilt="fixed")
LOOSER: dict[str, Mode] = {"rotation": "free", "magnification": "free", "tilt": "grouped"}
# Of the squared leave-one-out residual. What one patch shows changes slowly with tilt, so that its
# errors are alike in neighbouring views and curves through them gain a little for nothing.
LEAST_GAIN = 0.05


@dataclass(frozen=True, eq=False)
class Placement:
    """An aligned position is ``q = matrices[v] p + shifts_px[v]``, both (y, x) from their own
    centres: ``Affines`` of the bundle adjustment.

    ``angles_deg``: (tilt,). ``one_axis``: the matrices are all the rotation by ``axis_deg``.
    """

    angles_deg: np.ndarray
    axis_deg: float
    shifts_px: np.ndarray
    matrices: np.ndarray
    one_axis: bool

    @staticmethod
    def of(angles_deg: np.ndarray, axis_deg: float, shifts_px: np.ndarray) -> Placement:
        return Placement(
            angles_deg,
            axis_deg,
            shifts_px,
            np.repeat(axis_rotation(axis_deg)[None], len(angles_deg), 0),
            True,
        )

    @property
    def own(self) -> np.ndarray | None:
        """The matrices, where views differ."""
        return None if self.one_axis else self.matrices

    def raw(self, aligned_px: np.ndarray) -> np.ndarray:
        """(tilt, point, 2) positions in aligned views, from their centres -> in the raw ones."""
        back = np.linalg.inv(self.matrices)
        return np.asarray(np.einsum("vij,vpj->vpi", back, aligned_px - self.shifts_px[:, None]))


def tracks_of(followed: Followed, placement: Placement) -> Tracks:
    """What was seen in the stack aligned by ``placement``, in raw pixels. Raises ``UserError`` when
    that is nothing."""
    view, patch = np.nonzero(followed.seen)
    return Tracks(
        patch, view, placement.raw(followed.position_px)[view, patch], len(followed.position_px)
    )


def placed(bundle: Bundle, before: Placement) -> Placement:
    """The solution, the specimen where ``before`` had it: patches do not tell its middle."""
    affine = to_aligned(bundle.cameras, bundle.beads_px)
    shifts = affine.shifts_px + view_freedom(before.shifts_px - affine.shifts_px, affine.angles_deg)
    one_axis = "rotation" not in _own(bundle.freedom) and "magnification" not in _own(
        bundle.freedom
    )
    if one_axis:
        return Placement.of(affine.angles_deg, bundle.axis_deg, shifts)
    return Placement(affine.angles_deg, affine.axis_deg, shifts, affine.matrices, False)


def solved(
    tracks: Tracks, tilt_deg: np.ndarray, axis_deg: float, freedom: Freedom = ONE_AXIS
) -> Bundle:
    return solve(tracks, tilt_deg, freedom=freedom, axis_deg=axis_deg)


def chosen(tracks: Tracks, tilt_deg: np.ndarray, axis_deg: float) -> Bundle:
    """One axis, then a rotation a view, a magnification a view and a curve of tilts, each where the
    leave-out residuals pay for it and the patches tell it (``bundle/choose.py``)."""
    best = solved(tracks, tilt_deg, axis_deg)
    unsure: tuple[str, ...] = ()
    for name, mode in LOOSER.items():
        setting = setting_of(best, tilt_deg, 0.0, 4.0)
        current = fitted(best.cameras, best.beads_px[:, ::-1], best.freedom, setting)
        looser: Freedom = replace(best.freedom, **{name: mode})  # type: ignore[arg-type]
        try:
            result = fitted(best.cameras, best.beads_px[:, ::-1], looser, setting)
            if undetermined(result.bars, current.bars, LOOSE_AXIS_RAD):
                unsure = (*unsure, name)
                continue
            noise = setting.prior.noise_px if need_prior(result.bars) else 0.0
            tried = solve(tracks, tilt_deg, freedom=looser, axis_deg=axis_deg, prior_noise_px=noise)
        except UserError:  # too few patches for it
            unsure = (*unsure, name)
            continue
        if unnoticed(name, result.bars):
            unsure = (*unsure, name)
        apart = gains(current, result, cap_px(current, setting))[1]
        if _left_out(tried, best) < (1 - LEAST_GAIN) * _left_out(best, best) and apart > LEAST_GAIN:
            best = tried
    setting = setting_of(best, tilt_deg, 0.0, 4.0)
    last = fitted(best.cameras, best.beads_px[:, ::-1], best.freedom, setting)
    held = tuple(n for n in unsure if best.freedom.mode(n) == ONE_AXIS.mode(n))
    return replace(best, undetermined=held, axis_spread_deg=float(np.rad2deg(last.bars[AXIS])))


def _left_out(bundle: Bundle, reference: Bundle) -> float:
    """Mean squared leave-one-out residual of all observations, those far off (by ``reference``'s
    spread) counted as four spreads."""
    length = np.hypot(*bundle.leave_out_px.T)
    cap = 4 * max(reference.errors.sigma_px, 1e-3)
    return float((np.minimum(length, cap) ** 2).sum()) / len(length)


def _own(freedom: Freedom) -> tuple[str, ...]:
    return tuple(name for name in freedom.solved() if freedom.mode(name) != "global")
