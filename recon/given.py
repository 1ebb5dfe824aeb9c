"""What a notebook gives, checked: every wrong argument is a sentence."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.sirt import SIRT
from recon.errors import UserError
from recon.machine import set_threads, usable_cores
from recon.series import TiltSeries, Volume
from recon.stage import Bound, BoundMethod, BoundStep, Method, Step


def check_path(path: Any) -> None:
    if not isinstance(path, str | Path):
        raise UserError(f"{type(path).__name__} given where a path is wanted, such as 'needle.mrc'")


def check_number(value: Any, name: str, *, whole: bool = False) -> None:
    """Raise ``UserError`` for anything but None or a number above 0."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < float("inf")
    ):
        kind = "a whole number from 1" if whole else "a number above 0"
        raise UserError(f"{name}={value!r} given, {kind} wanted")


def as_float32(values: Any, name: str) -> Tensor:
    if isinstance(values, TiltSeries | Volume):
        raise UserError(
            f"{name}: a {type(values).__name__} given, a plain array wanted; it is one already"
        )
    if isinstance(values, np.ma.MaskedArray):
        raise UserError(
            f"{name}: a masked array given, plain numbers wanted; fill the masked pixels first"
        )
    try:
        array = values.detach().cpu() if isinstance(values, Tensor) else np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise UserError(
            f"{name}: {type(values).__name__} given, an array wanted: {error}"
        ) from error
    if isinstance(array, Tensor):
        array = array.float().numpy() if array.dtype == torch.bfloat16 else array.numpy()
    if array.dtype.kind not in "biuf":
        raise UserError(
            f"{name}: {type(values).__name__} of {array.dtype} given, an array of real numbers wanted"
        )
    data = torch.from_numpy(np.array(array, np.float32))
    if not torch.isfinite(data).all():
        bad = int((~torch.isfinite(data)).sum())
        raise UserError(
            f"{name}: {bad} values that are not finite given, finite ones wanted; replace them first"
        )
    return data


def as_series(of: Any) -> TiltSeries:
    if not isinstance(of, TiltSeries):
        raise UserError(
            f"{type(of).__name__} given, a TiltSeries wanted; read(path) or series(array, angles_deg) makes one"
        )
    return of


def bind_step(step: Any, options: dict[str, Any], default: Step[...]) -> BoundStep:
    """``step`` with the ``options``, as a step of the kind of ``default``: one that finds geometry
    takes threads, one that changes pixels does not."""
    if step is None:
        step = default
    declared = step.declared if isinstance(step, Bound) else step
    if not isinstance(declared, Step) or _takes_threads(declared) != _takes_threads(default):
        raise UserError(f"{step!r} given, a step such as {default().name.upper()}() wanted")
    bound: dict[str, Any] = dict(step.options) if isinstance(step, Bound) else {}
    return declared(**{**bound, **options})


def _takes_threads(step: Step[...]) -> bool:
    return "threads" in inspect.signature(step.run).parameters


def bind_method(method: Any) -> BoundMethod:
    if method is None:
        return SIRT()
    if isinstance(method, Method):
        return method()
    if not (isinstance(method, Bound) and isinstance(method.declared, Method)):
        raise UserError(
            f"{method!r} given, a method such as SIRT() or TV(weight=3) wanted; a function of your own: "
            "Method(function)()"
        )
    return method


def use_threads(threads: int | None) -> int:
    check_number(threads, "threads", whole=True)
    count = usable_cores() if threads is None else threads
    if not 1 <= count <= 1024:
        raise UserError(
            f"threads={threads} given, 1 to {usable_cores()} (this machine's cores) wanted"
        )
    set_threads(count)
    return count
