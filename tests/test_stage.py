"""What a stage declares, and that nothing depends on which options a config repeats."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from recon.algorithms.base import Callback
from recon.algorithms.sirt import SIRT, sirt
from recon.algorithms.tv import COUPLED, TV
from recon.algorithms.wbp import WBP
from recon.align.fixed import FIXED
from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.io import read_volume
from recon.learned.restore import IRDM
from recon.preprocess import PREPROCESS
from recon.progress import Hear, report_to
from recon.projectors.base import Projector
from recon.projectors.native import NativeProjector
from recon.run import plan as planning
from recon.run.pipeline import run
from recon.run.plan import Reconstruction, make_plan
from recon.run.record import Record
from recon.run.stages import Settings, Stages
from recon.simulate.ellipsoids import phantom
from recon.stage import BoundMethod, Method, Needs, Options, Reads, Settled, Step, reconstruct
from recon.trust.standard import nothing

ROOT = Path(__file__).resolve().parents[1]
A = NativeProjector(Geometry(np.arange(-60.0, 61, 6), None), (16, 16), 16)


@pytest.mark.parametrize("declared", [SIRT, TV, WBP, IRDM])
def test_spelling_a_default_changes_nothing(declared: Method[...]) -> None:
    whole = declared()
    for name, value in whole.options.items():
        assert declared(**{name: value}).options == whole.options


@pytest.mark.parametrize(("dimensions", "overlap"), [(3, COUPLED), (2, 0)])
def test_overlap_follows_from_the_functions_own_default(dimensions: int, overlap: int) -> None:
    """A default that lives in the function alone was invisible once: 160 rows of 3-D TV were cut
    without overlap."""
    y = torch.zeros(21, 160, 16)
    job = Reconstruction(A, y, TV() if dimensions == 3 else TV(dimensions=2), 1.0)
    assert make_plan(job, memory_gb=4, held_gb=0.0).overlap == overlap


def test_progress_counts_the_iterations_that_are_run() -> None:
    heard: list[int] = []
    for method in (
        SIRT(n_iterations=5),
        SIRT(n_iterations=3),
        TV(n_iterations=2, weight=0.0),
        WBP(),
    ):
        heard.clear()
        reconstruct(method, A, torch.rand(21, 2, 16), callback=lambda i, r: heard.append(i))
        assert len(heard) == method.declared.needs(method.options).steps


def test_a_misspelt_option_is_a_sentence() -> None:
    with pytest.raises(UserError, match=r"option wieght given for tv, .*did you mean weight\?"):
        TV(wieght=3.0)  # type: ignore[call-arg]
    with pytest.raises(UserError, match="n_iterations=many given for sirt, a whole number or auto"):
        SIRT(n_iterations="many")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"50 given without a name, name=value wanted"):
        SIRT(50)  # type: ignore[call-arg]


def test_a_misspelt_option_is_found_by_the_type_checker(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from recon.algorithms.sirt import SIRT\n"
        "from recon.algorithms.tv import TV\n"
        "from recon.preprocess import PREPROCESS\n"
        "TV(weight=3.0, n_iterations=10)\n"
        "PREPROCESS(bin=2)\n"
        "TV(wieght=3.0)\n"
        "SIRT(n_iterations='many')\n"
        "PREPROCESS(bni=2)\n"
    )
    words = ["--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *words, "--cache-dir", str(ROOT / ".mypy_cache"), str(tmp_path / "mine.py")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert [int(line.split(":")[1]) for line in errors] == [6, 7, 8], done.stdout + done.stderr


def test_what_a_file_holds_is_passed_and_is_no_option() -> None:
    def move(series: int, *, path: str = "", moved: int = 0) -> int:
        return series + moved

    step = Step(move, reads=(Reads("path", "positions", passes="moved"),))  # type: ignore[arg-type]
    assert step(path="a").options == {"path": "a"}
    with pytest.raises(UserError, match="option moved given"):
        step(moved=3)


def test_binning_is_declared() -> None:
    step = PREPROCESS(bin=4)
    assert step.declared.binning(step.options) == 4
    assert PREPROCESS().declared.binning(PREPROCESS().options) == 1


# A method that somebody else wrote.


def landweber(
    A: Projector,
    y: Tensor,
    *,
    n_iterations: int = 6,
    step: float | str = "auto",
    callback: Callback | None = None,
) -> tuple[Tensor, Mapping[str, Tensor]]:
    assert not isinstance(step, str)
    x = torch.zeros(A.volume_zx[0], y.shape[1], A.volume_zx[1])
    for i in range(n_iterations):
        residual = y - A(x)
        if callback is not None:
            callback(i + 1, float(residual.norm() / y.norm()))
        x = (x + step * A.T(residual)).clamp_(min=0)
    return x, {"squared": x**2}


def needs(options: Options) -> Needs:
    count = options["n_iterations"]
    return Needs(3, 3, overlap=2, work=count, steps=count, extras=("squared",))


def settle(method: BoundMethod, A: Projector, y: Tensor, noise: float) -> Settled:
    x = torch.ones(A.volume_zx[0], 1, A.volume_zx[1])
    return Settled(method.but({"step": 1 / float(A.T(A(x)).max())}), {"landweber_step": 1.0})


LANDWEBER = Method(landweber, needs=needs, settle=settle, brief=lambda options: {"step": 0.0})


def run_it(
    out: Path, method: BoundMethod, *, resume: bool = False, memory_gb: float = 4.0
) -> Record:
    def source() -> object:
        return phantom(size=48, step_deg=6.0, drift_px=0.0, axis_deg=0.0)

    stages = Stages(source, PREPROCESS(), FIXED(), NativeProjector, method, nothing)  # type: ignore[arg-type]
    return run(
        stages, Settings(out, memory_gb, 1, resume=resume, config={"of": "a test"}), Console()
    )


def test_a_method_of_ones_own_runs_with_a_plan_progress_and_extras(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares: list[float] = []

    @contextmanager
    def listen(what: str) -> Iterator[Hear]:
        yield shares.append if what == "landweber 48 x 48 x 48" else lambda share: None

    with report_to(listen):
        record = run_it(tmp_path / "out", LANDWEBER())
    said = capsys.readouterr().out
    assert "plan: 1 slabs of 48 rows" in said
    assert shares == sorted(shares)
    assert len(set(shares)) == 6  # every iteration is one step on
    assert shares[-1] == pytest.approx(1)
    assert "landweber_step" in said
    volume, squared = (
        read_volume(tmp_path / "out" / f"{n}.mrc").data for n in ("tomogram", "squared")
    )
    assert torch.allclose(volume**2, squared, rtol=1e-5)
    assert len(record.residual_per_iteration) == 6


def test_a_method_of_ones_own_is_resumed_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "SLAB_ROWS", 16)
    run_it(tmp_path / "whole", LANDWEBER())
    calls = 0

    def dies(A: Projector, y: Tensor, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 2:  # the rehearsal, the first slab
            raise KeyboardInterrupt
        return landweber(A, y, **options)  # type: ignore[arg-type]

    mortal = Method(landweber, needs=needs, settle=settle, brief=lambda options: {"step": 0.0})
    object.__setattr__(mortal, "run", dies)
    broken = LANDWEBER()
    object.__setattr__(broken, "declared", mortal)
    with pytest.raises(KeyboardInterrupt):
        run_it(tmp_path / "out", broken)
    run_it(tmp_path / "out", LANDWEBER(), resume=True)
    for name in ("tomogram.mrc", "squared.mrc"):
        whole, resumed = (read_volume(tmp_path / f / name).data for f in ("whole", "out"))
        assert torch.equal(whole, resumed)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (lambda x: x[:, :1], r"returned a volume of shape .* wanted"),
        (lambda x: (x, {}), "squared"),
        (lambda x: x.double(), "float32"),
    ],
)
def test_a_method_that_returns_something_else_is_a_sentence(
    tmp_path: Path, result: object, says: str
) -> None:
    def wrong(A: Projector, y: Tensor) -> Tensor:
        return result(sirt(A, y, n_iterations=1))  # type: ignore[operator,no-any-return]

    method = Method(
        wrong, needs=lambda options: Needs(extras=("squared",) if says == "squared" else ())
    )
    with pytest.raises(UserError, match=says):
        run_it(tmp_path / "out", method())


@pytest.mark.parametrize("name", ["truth", "volume", "tomogram", "../x", "A", ""])
def test_a_further_volume_cannot_take_a_name_of_ours(name: str) -> None:
    with pytest.raises(UserError, match="declared for a further volume"):
        Needs(extras=(name,))


@pytest.mark.parametrize("wrong", [np.zeros((16, 2, 16), np.float32), None, (1, 2, 3)])
def test_what_is_no_volume_is_a_sentence(wrong: object) -> None:
    method = Method(lambda A, y: wrong)  # type: ignore[arg-type,return-value]
    with pytest.raises(UserError, match="returned a volume of shape"):
        reconstruct(method(), A, torch.zeros(21, 2, 16))


def test_an_option_without_a_default_must_be_given() -> None:
    def needy(A: Projector, y: Tensor, gain: float) -> Tensor:
        return gain * A.T(y)

    with pytest.raises(UserError, match="needy: gain is missing"):
        Method(needy)()  # type: ignore[call-arg]
    assert Method(needy)(gain=2.0).options == {"gain": 2.0}


def test_functions_whose_annotations_cannot_be_looked_up_bind_all_the_same() -> None:
    partial = functools.partial(lambda A, y, k: k * A.T(y), k=2.0)
    assert Method(partial)().options == {"k": 2.0}


@pytest.mark.parametrize("noise", [0.0, None])
def test_a_noise_of_zero_is_taken_at_its_word(noise: float | None) -> None:
    y = A(torch.rand(16, 2, 16, generator=torch.Generator().manual_seed(0)))
    assert TV.settle is not None
    found = TV.settle(TV(noise=noise), A, y, 5.0).found
    assert found["noise_per_pixel"] == (5.0 if noise is None else 0.0)
