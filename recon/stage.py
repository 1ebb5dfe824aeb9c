"""What the run must know of a stage before it runs it, declared beside the function of the stage.

``TV = Method(tv, needs=..., settle=...)`` stands below ``tv``; ``TV(weight=3.0)`` binds options to
it. A ``Bound`` holds every option, the function's own defaults included, so that nothing depends on
what a config repeats. The functions stay pure and importable.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar

import torch
from torch import Tensor

from recon.errors import UserError
from recon.options import check_options
from recon.projectors.base import Projector
from recon.series import TiltSeries, Volume

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Options = Mapping[str, Any]

# Volumes of a run that no method may write.
TAKEN = (
    "volume", "tomogram", "aligned", "restored", "precision", "truth", "labels", "truth_labels",
)  # fmt: skip
# Parameters that the engine passes, and a config may not.
RUNTIME = ("start", "callback", "threads", "known")


class Declared(Protocol[R_co]):
    """A ``Method``, a ``Step`` or an ``Analysis``."""

    @property
    def run(self) -> Callable[..., R_co]: ...


D_co = TypeVar("D_co", bound=Declared[Any], covariant=True)


@dataclass(frozen=True, eq=False)
class Bound(Generic[D_co, R]):
    """A stage with all of its options. Called with what the engine passes, it runs.

    ``given``: what the engine read from the files that options name (``Reads``).
    """

    declared: D_co
    options: Options
    given: Options = field(default_factory=dict)

    def __call__(self, *inputs: object, **runtime: object) -> R:
        result: R = self.declared.run(*inputs, **self.options, **self.given, **runtime)
        return result

    @property
    def name(self) -> str:
        return str(getattr(self.declared.run, "__name__", type(self.declared.run).__name__))

    def but(self, changed: Options) -> Bound[D_co, R]:
        """The same stage with some options changed."""
        return replace(self, options={**self.options, **changed})


@dataclass(frozen=True)
class Reads:
    """A file that ``option`` names: the engine reads it and passes what it holds as ``passes``, or
    has it read by the stage itself (None), and knows a run by it.

    ``kind`` says what is in it. ``wanted``: what to say where a file must be named and is not.
    """

    option: str
    kind: Literal["alignment", "positions", "weights"]
    passes: str | None = None
    wanted: str = ""


@dataclass(frozen=True)
class Needs:
    """``volumes``, ``stacks``: volumes and tilt series of a slab's size that are held at the peak.

    ``overlap``: rows on both sides that a slab is computed with. ``work``: a forward and an adjoint
    projection each, which an iteration of SIRT takes. ``steps``: how often ``callback`` hears of a
    run. ``extras``: further volumes that the method returns, by names that become files.
    """

    volumes: float = 8
    stacks: float = 7
    overlap: int = 0
    work: float = 1
    steps: int = 1
    extras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.extras:
            if name in TAKEN or not re.fullmatch("[a-z][a-z0-9_]*", name):
                raise UserError(
                    f"extras={name!r} declared for a further volume, a name of a-z, 0-9 and _ "
                    f"wanted that is none of {', '.join(TAKEN)}"
                )


@dataclass(frozen=True, eq=False)
class Settled:
    """``method`` without ``auto``. ``found``: what stood for it, by name, for the record.

    ``tv_weight``: of TV, where the method's own rule chose it.
    """

    method: BoundMethod
    found: Options = field(default_factory=dict)
    tv_weight: float | None = None


Settle = Callable[["BoundMethod", Projector, Tensor, float], Settled]
"""(method, A, some rows of the series, noise per pixel) -> the method as all slabs take it"""


def _needs(options: Options) -> Needs:
    return Needs()


def _as_it_is(options: Options) -> Options:
    return {}


Coarser = Callable[[Options, int], Options]
"""(options, factor) -> those that change where the same is asked of views binned by ``factor``:
values per voxel grow by it, TV's weight falls by it (both are of unit pixels)."""


def same_on_coarse(options: Options, factor: int) -> Options:
    """For options that no pixel size enters, but the bounds of a voxel's value."""
    bounds = {k: options[k] for k in ("minimum", "maximum") if options.get(k) is not None}
    return {k: v * factor for k, v in bounds.items()}


Result = Tensor | tuple[Tensor, Mapping[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Method(Generic[P]):
    """A reconstruction: ``run(A, y, *, options)`` -> volume (z, y, x), or (volume, extra volumes).

    ``y``: (tilt, y, x). A parameter ``callback``, where there is one, hears of every iteration and
    its relative residual. ``needs``: what the options ask of the machine. ``settle``: chooses what
    is ``auto``, once for all slabs, on the rows with most structure. ``brief``: options for a
    rehearsal on nothing. ``coarser``: how options change with the views' pixels, for scores on
    binned views; None: it is scored on the views as they are. ``reads``: files that options name.
    """

    run: Callable[Concatenate[Projector, Tensor, P], Result]
    needs: Callable[[Options], Needs] = _needs
    settle: Settle | None = None
    brief: Callable[[Options], Options] = _as_it_is
    coarser: Coarser | None = None
    reads: tuple[Reads, ...] = ()

    def __call__(self, *args: P.args, **options: P.kwargs) -> BoundMethod:
        return Bound(self, _all_options(self.run, 2, self.reads, args, options))


BoundMethod = Bound[Method[...], Result]


def needs_of(method: BoundMethod) -> Needs:
    """What ``method`` asks of the machine, with its options as they are."""
    return method.declared.needs(method.options)


def reconstruct(
    method: BoundMethod, A: Projector, y: Tensor, **runtime: object
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """(volume, extra volumes by name) of ``method``; ``runtime`` as far as it takes any.

    Raises ``UserError`` where it does not return what it should.
    """
    taken = inspect.signature(method.declared.run).parameters
    result = method(A, y, **{k: v for k, v in runtime.items() if k in taken})
    volume: object = result
    extras: Mapping[str, Tensor] = {}
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping):
        volume, extras = result
    wanted = (A.volume_zx[0], y.shape[1], A.volume_zx[1])
    for name, found in ({"volume": volume} | dict(extras)).items():
        if not isinstance(found, Tensor) or found.shape != wanted or found.dtype != torch.float32:
            shape = tuple(getattr(found, "shape", ()))
            raise UserError(
                f"{method.name} returned a {name} of shape {shape} and type "
                f"{getattr(found, 'dtype', type(found).__name__)}, {wanted} (z, y, x) float32 wanted"
            )
    if missing := set(needs_of(method).extras) - set(extras):
        raise UserError(
            f"{method.name} returned no {', '.join(sorted(missing))}, which its needs declare; "
            "return (volume, {name: extra volume})"
        )
    assert isinstance(volume, Tensor)
    return volume, extras


def volume_only(method: BoundMethod) -> Callable[[Projector, Tensor], Tensor]:
    """``method`` as a plain function (A, y) -> volume."""
    return lambda A, y: reconstruct(method, A, y)[0]


@dataclass(frozen=True, eq=False)
class Step(Generic[P]):
    """A stage of the stack: ``run(series, *, options)`` -> series.

    ``reads``: files that its options name. ``binning``: by what it makes the views smaller.
    ``check``: raises ``UserError`` for options that will not do, before the work.
    """

    run: Callable[Concatenate[TiltSeries, P], TiltSeries]
    reads: tuple[Reads, ...] = ()
    binning: Callable[[Options], int] = lambda options: 1
    check: Callable[[Options], None] = lambda options: None

    def __call__(self, *args: P.args, **options: P.kwargs) -> BoundStep:
        return Bound(self, _all_options(self.run, 1, self.reads, args, options))


BoundStep = Bound[Step[...], TiltSeries]


@dataclass(frozen=True, eq=False)
class Analysis(Generic[P, R]):
    """A stage of the finished tomogram: ``run(volume, *, options)`` -> findings.

    ``volumes``: of the tomogram's size that it holds at its peak; 0: it does not look at it.
    """

    run: Callable[Concatenate[Volume, P], R]
    reads: tuple[Reads, ...] = ()
    volumes: float = 7

    def __call__(self, *args: P.args, **options: P.kwargs) -> Bound[Analysis[..., R], R]:
        return Bound(self, _all_options(self.run, 1, self.reads, args, options))


def _all_options(
    run: Callable[..., object],
    inputs: int,
    reads: tuple[Reads, ...],
    args: tuple[object, ...],
    options: Options,
) -> Options:
    """Every option of ``run`` but its first ``inputs`` parameters and what the engine passes."""
    signature = inspect.signature(run)
    names = list(signature.parameters)
    runtime = (*names[:inputs], *RUNTIME, *(r.passes for r in reads if r.passes))
    name = str(getattr(run, "__name__", type(run).__name__))
    if args:
        raise UserError(f"{name}: {args[0]!r} given without a name, name=value wanted")
    check_options(run, options, name=name, runtime=runtime)
    found = {}
    for key, parameter in signature.parameters.items():
        if key in runtime:
            continue
        if key in options:
            found[key] = options[key]
        elif parameter.default is not parameter.empty:
            found[key] = parameter.default
        elif parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise UserError(f"{name}: {key} is missing; give {key}=...")
    return found
