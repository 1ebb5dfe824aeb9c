"""The runs of one command that differ in what follows share what was read, cleaned and aligned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from recon.algorithms.sirt import SIRT
from recon.algorithms.wbp import WBP
from recon.align.fixed import FIXED
from recon.console import Console
from recon.errors import UserError
from recon.io import read_volume
from recon.preprocess import PREPROCESS
from recon.projectors.native import NativeProjector
from recon.run.latest import DECIDES, Latest
from recon.run.pipeline import run
from recon.run.stages import Settings, Stages
from recon.simulate.ellipsoids import phantom
from recon.simulate.sample import Sample
from recon.trust.standard import nothing


@pytest.fixture
def stages() -> tuple[Stages, list[int]]:
    made: list[int] = []

    def source() -> Sample:
        made.append(1)
        return phantom(size=24, step_deg=12.0, max_tilt_deg=60.0, drift_px=0.0, axis_deg=0.0)

    return Stages(source, PREPROCESS(), FIXED(), NativeProjector, WBP(), nothing), made


def settings(out: Path, **config: object) -> Settings:
    return Settings(out, 4.0, 1, config={"algorithm": out.name, **config})


def test_another_algorithm_takes_what_is_there(
    tmp_path: Path, stages: tuple[Stages, list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    first, made = stages
    latest = Latest()
    run(first, settings(tmp_path / "wbp"), Console(), latest)
    second = replace(first, algorithm=SIRT(n_iterations=3))
    run(second, settings(tmp_path / "sirt"), Console(), latest)
    assert len(made) == 1
    assert "as for the run before" in capsys.readouterr().out
    run(second, settings(tmp_path / "alone"), Console())
    for name in ("tomogram.mrc", "aligned.mrc", "truth.mrc"):
        shared, alone = (read_volume(tmp_path / d / name).data for d in ("sirt", "alone"))
        assert torch.equal(shared, alone)


@pytest.mark.parametrize("group", DECIDES)
def test_whatever_decides_the_aligned_stack_prepares_anew(
    tmp_path: Path, stages: tuple[Stages, list[int]], group: str
) -> None:
    first, made = stages
    latest = Latest()
    for k in (1, 2, 2):
        run(first, settings(tmp_path / str(k), **{group: k}), Console(), latest)
    assert len(made) == 2


def test_a_file_that_changed_is_read_again(
    tmp_path: Path, stages: tuple[Stages, list[int]]
) -> None:
    first, made = stages
    latest, path = Latest(), tmp_path / "angles.tlt"
    for text in ("1", "22"):
        path.write_text(text)
        run(first, replace(settings(tmp_path / text), files=(path,)), Console(), latest)
    assert len(made) == 2


def test_warnings_are_repeated_and_checks_are_made_again(
    tmp_path: Path, stages: tuple[Stages, list[int]]
) -> None:
    first, _ = stages

    def beyond() -> Sample:
        sample = phantom(size=24, step_deg=12.0, max_tilt_deg=60.0, drift_px=0.0, axis_deg=0.0)
        geometry = replace(sample.series.geometry, angles_deg=sample.geometry.angles_deg + 40)
        return replace(sample, series=replace(sample.series, geometry=geometry))

    latest = Latest()
    first = replace(first, source=beyond)
    records = [run(first, settings(tmp_path / name), Console(), latest) for name in ("one", "two")]
    assert records[0].warnings == records[1].warnings
    assert "beyond +-90" in records[1].warnings[0]
    with pytest.raises(UserError, match="memory_gb"):
        run(first, replace(settings(tmp_path / "three"), memory_gb=0.1), Console(), latest)
