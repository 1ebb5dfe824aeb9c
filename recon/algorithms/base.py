"""What every algorithm shares: bounds, the residual it reports, and when it may stop
early."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from recon.errors import UserError
from recon.projectors.base import Projector
from recon.projectors.masked import MaskedProjector, unmasked

Callback = Callable[[int, float], None]
"""(iteration from 1, relative residual ||y - A x|| / ||y|| before this iteration's update)"""


def norm(tensor: Tensor) -> float:
    """Euclidean norm, summed in float64 plane by plane so that no double-precision copy of a volume
    is made."""
    return math.sqrt(sum(float(torch.sum(plane.double() ** 2)) for plane in tensor))


def inverse(sums: Tensor) -> Tensor:
    """1 / sums, and 0 where a ray or a voxel meets nothing."""
    return torch.where(sums > 1e-6, 1 / sums.clamp(min=1e-6), torch.zeros_like(sums))


def inverse_sums(A: Projector, support: Tensor) -> tuple[Tensor, Tensor]:
    """R and C of SIRT: the inverse sums over the rays of whole views, (tilt, 1, x), and over the
    voxels of what counts of them, (z, 1, x) or of every row where the precision tells rows apart.
    ``support``: (z, 1, x) 1 where there may be matter."""
    R = inverse(unmasked(A)(support))
    seen = A.root if isinstance(A, MaskedProjector) else torch.ones_like(R)
    return R, inverse(A.T(seen))


def check_run(
    n_iterations: int,
    minimum: float | None,
    maximum: float | None,
    relaxation: float = 1.0,
    start: Tensor | None = None,
) -> None:
    """Raise ``UserError`` for a number of iterations, bounds or a relaxation that no run can
    mean."""
    if n_iterations < 1 and start is None:
        raise UserError(
            f"n_iterations={n_iterations} given, 1 or more wanted; correct algorithm.n_iterations"
        )
    if minimum is not None and maximum is not None and minimum > maximum:
        raise UserError(
            f"minimum={minimum} and maximum={maximum} given, minimum <= maximum wanted; correct "
            f"algorithm.minimum"
        )
    if not 0 < relaxation < 2:
        raise UserError(
            f"relaxation={relaxation} given, 0 < relaxation < 2 wanted, or it diverges; correct "
            f"algorithm.relaxation"
        )


def check_views(A: Projector, y: Tensor) -> None:
    """Raise ``UserError`` unless ``y`` is a (tilt, y, x) tensor that A could have made."""
    if not isinstance(y, Tensor):
        fix = (
            "pass series.data"
            if hasattr(y, "data") and hasattr(y, "geometry")
            else "torch.from_numpy"
        )
        raise UserError(
            f"{type(y).__name__} given as views, a torch tensor (tilt, y, x) wanted; {fix}"
        )
    tilts, columns = A.sinogram_tx
    if y.ndim != 3 or (y.shape[0], y.shape[2]) != (tilts, columns) or y.dtype != torch.float32:
        raise UserError(
            f"views of shape {tuple(y.shape)} and type {y.dtype} given, ({tilts}, rows, {columns}) "
            "float32 (tilt, y, x) wanted; build the projector for this series"
        )


def bound(volume: Tensor, minimum: float | None, maximum: float | None) -> Tensor:
    """Clamp in place; None leaves a side free."""
    return volume if minimum is None and maximum is None else volume.clamp_(minimum, maximum)


def one_iteration(options: Mapping[str, object]) -> dict[str, object]:
    """``n_iterations`` of a rehearsal: one, or what was asked for where that is less."""
    asked = options["n_iterations"]
    return {"n_iterations": min(asked, 1) if isinstance(asked, int) else 1}


def iterations(options: Mapping[str, object]) -> int:
    """``n_iterations`` where it is a number, else (``auto``) 1."""
    asked = options["n_iterations"]
    return asked if isinstance(asked, int) else 1


class Progress:
    """Relative residuals of a run; tells when to stop. ``stop`` is the least relative fall of the
    residual per iteration.

    ``patience``: so many iterations in a row have to be slow, for methods whose residual swings on
    its way down.
    """

    def __init__(
        self, y: Tensor, stop: float | None, callback: Callback | None, patience: int = 1
    ) -> None:
        self._scale = norm(y) or 1.0
        self._stop, self._callback, self._last, self._count = stop, callback, float("inf"), 0
        self._patience, self._slow = patience, 0
        # The residual costs a pass over the data; it is only measured when somebody wants it.
        self.wanted = stop is not None or callback is not None

    def done(self, residual: Tensor, size: float | None = None) -> bool:
        """Report one iteration; True when the residual falls by less than ``stop`` of itself.
        ``size``: the norm of the views that it is of, where not all."""
        if not self.wanted:
            return False
        self._count += 1
        value = norm(residual) / (size or self._scale)
        if self._callback is not None:
            self._callback(self._count, value)
        slow = self._stop is not None and self._last - value < self._stop * self._last
        self._last, self._slow = value, self._slow + 1 if slow else 0
        return self._slow >= self._patience


def initial(A: Projector, y: Tensor, start: Tensor | None) -> Tensor:
    """A copy of ``start``, or zeros, in the memory order of the projector's own volumes: operations
    never transpose then."""
    x = A.T(y)
    return x.zero_() if start is None else x.copy_(start)
