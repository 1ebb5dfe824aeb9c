"""Runs whose views are denoised or inpainted: recorded, resumed, and judged by what was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.algorithms.wbp import WBP
from recon.align.fixed import FIXED
from recon.console import Console
from recon.geometry import Geometry
from recon.io import read_volume
from recon.preprocess import PREPROCESS
from recon.projectors.native import NativeProjector
from recon.run.pipeline import run
from recon.run.restored import restored_series, squared_residual
from recon.run.stages import Settings, Stages
from recon.series import TiltSeries
from recon.simulate.ellipsoids import phantom
from recon.simulate.sample import Sample
from recon.sinogram.restoration import Restoration
from recon.stage import Step
from recon.trust.standard import standard


def faint(series: TiltSeries) -> TiltSeries:
    """Wrong by a factor of ten, so that whoever compares with these views is found out."""
    return series.after("made faint", data=series.data / 10, facts={"denoise": {"factor": 0.1}})


def invent(series: TiltSeries) -> TiltSeries:
    angles = np.append(series.geometry.angles_deg, [70.0, 80.0])
    data = torch.cat([series.data, series.data[-2:]])
    precision = torch.ones_like(data)
    precision[-2:] = 0.25
    geometry = Geometry(angles, series.geometry.pixel_nm)
    return series.after("invented", data=data, geometry=geometry, precision=precision)


def source() -> Sample:
    return phantom(size=24, step_deg=6.0, max_tilt_deg=60.0, drift_px=0.0, axis_deg=0.0)


STAGES = Stages(source, PREPROCESS(), FIXED(), NativeProjector, WBP(), standard)


def settings(out: Path) -> Settings:
    return Settings(out, 4.0, 1, config={"algorithm": "wbp"})


def test_a_run_is_judged_by_the_views_as_measured(tmp_path: Path) -> None:
    plain = run(STAGES, settings(tmp_path / "plain"), Console())
    fainter = run(
        replace(STAGES, restore=Restoration(Step(faint)())), settings(tmp_path / "faint"), Console()
    )
    whole, weak = (read_volume(tmp_path / d / "tomogram.mrc").data for d in ("plain", "faint"))
    assert torch.allclose(weak, whole / 10, atol=1e-5)
    same = (read_volume(tmp_path / d / "aligned.mrc").data for d in ("plain", "faint"))
    assert torch.equal(*same)
    # What is missing from what was measured is found out, whatever the views have become.
    y = read_volume(tmp_path / "faint" / "aligned.mrc").data
    A = NativeProjector(Geometry(np.array(fainter.angles_deg), None), (24, 24), 24)
    wrong = torch.linalg.vector_norm(A(weak * float(fainter.voxel_nm or 0)) - y)
    assert fainter.residual == pytest.approx(float(wrong / torch.linalg.vector_norm(y)), rel=1e-4)
    assert fainter.trust.withheld["wbp"] > 0.8
    beside = fainter.trust.withheld["wbp as measured"]
    assert beside == pytest.approx(plain.trust.withheld["wbp"], rel=0.01)


def test_the_record_and_the_folder_tell_what_was_done(tmp_path: Path) -> None:
    stages = replace(STAGES, restore=Restoration(Step(faint)(), Step(invent)()))
    record = run(stages, settings(tmp_path / "out"), Console())
    saved = json.loads((tmp_path / "out" / "run.json").read_text())
    assert saved["facts"]["denoise"]["method"] == "faint"
    assert saved["facts"]["denoise"]["factor"] == 0.1
    assert saved["facts"]["inpaint"]["seconds"] >= 0
    assert [s for s in saved["history"] if s in ("made faint", "invented")] == [
        "made faint",
        "invented",
    ]
    # Per view: as many as were measured.
    assert len(saved["residual_per_view"]) == len(saved["angles_deg"]) == 21
    restored = read_volume(tmp_path / "out" / "restored.mrc").data
    precision = read_volume(tmp_path / "out" / "precision.mrc").data
    assert restored.shape == precision.shape == (23, 24, 24)
    assert float(precision[-1].max()) == 0.25
    assert {"restored.mrc", "restored.tlt", "restored.png", "precision.mrc"} <= set(record.files)
    assert not list((tmp_path / "out").glob("unfinished*"))


def test_without_steps_nothing_is_made_or_written(tmp_path: Path) -> None:
    series = source().series
    views, noise = restored_series(
        Restoration(), series, 3.0, tmp_path, key="a", resume=False, console=Console()
    )
    assert views is series
    assert noise == 3.0
    assert not list(tmp_path.iterdir())


def test_a_run_that_goes_on_keeps_the_views_it_had_made(tmp_path: Path) -> None:
    series, made = source().series, list[int]()

    def counted(of: TiltSeries) -> TiltSeries:
        made.append(1)
        return invent(of)

    def go(key: str, resume: bool) -> TiltSeries:
        restoration = Restoration(inpaint=Step(counted)())
        return restored_series(
            restoration, series, 3.0, tmp_path, key=key, resume=resume, console=Console()
        )[0]

    first, again = go("a", False), go("a", True)
    assert len(made) == 1
    assert torch.equal(first.data, again.data)
    assert torch.equal(first.precision, again.precision)  # type: ignore[arg-type]
    assert first.history == again.history
    assert first.geometry.angles_deg.tolist() == again.geometry.angles_deg.tolist()
    go("b", True)  # of other options
    assert len(made) == 2
    (tmp_path / "restored.mrc").write_bytes(b"damaged")
    assert torch.equal(go("b", True).data, first.data)
    assert len(made) == 3


def test_the_residual_is_that_of_the_whole_volume() -> None:
    rng = np.random.default_rng(0)
    A = NativeProjector(Geometry([0.0, 30.0], None), (12, 12), 12)
    x = torch.from_numpy(rng.random((12, 70, 12)).astype(np.float32))
    y = torch.from_numpy(rng.random((2, 70, 12)).astype(np.float32))
    found = squared_residual(A, y, lambda rows: x[:, rows].contiguous())
    assert found == pytest.approx(((A(x) - y) ** 2).sum((1, 2)).tolist(), rel=1e-5)
