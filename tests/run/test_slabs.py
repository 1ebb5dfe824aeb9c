"""Slabs: the plan keeps its promise, and neither cutting nor interruption changes a bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from recon.algorithms.sirt import SIRT, sirt
from recon.algorithms.tv import TV
from recon.algorithms.wbp import WBP
from recon.errors import UserError
from recon.geometry import Geometry
from recon.io import VolumeWriter, read_volume
from recon.projectors.native import NativeProjector
from recon.run.plan import Plan, Reconstruction, cut, make_plan
from recon.run.slabs import Outcome, load_state, reconstruct_slabs, resumed_plan, save_state
from recon.stage import BoundMethod, volume_only


def make_job(method: BoundMethod, rows: int = 40, n: int = 24) -> Reconstruction:
    geometry = Geometry(np.arange(-60.0, 61.0, 6.0), 2.0)
    y = torch.from_numpy(np.random.default_rng(0).random((geometry.n_views, rows, n), np.float32))
    return Reconstruction(NativeProjector(geometry, (n, n), n), y, method, 0.5)


def run(job: Reconstruction, plan: Plan, folder: Path) -> Tensor:
    folder.mkdir()
    writer = VolumeWriter(folder / "v.mrc", (24, job.y.shape[1], 24), voxel_nm=2.0, history=[])
    reconstruct_slabs(job, plan, writer, folder / "state.json", resume=False)
    writer.finish()
    return read_volume(folder / "v.mrc").data


@pytest.mark.parametrize("method", [SIRT(n_iterations=5), WBP()])
def test_cutting_into_slabs_changes_no_bit(tmp_path: Path, method: BoundMethod) -> None:
    job = make_job(method)
    whole = run(job, Plan(((0, 40),), 0, 0, 0, 0), tmp_path / "a")
    cut = run(job, Plan(((0, 7), (7, 23), (23, 40)), 0, 0, 0, 0), tmp_path / "b")
    assert torch.equal(whole, cut)
    assert torch.equal(whole, 0.5 * volume_only(job.method)(job.A, job.y))


def test_overlap_makes_slabs_of_3d_tv_agree(tmp_path: Path) -> None:
    job = make_job(TV(weight=0.3, n_iterations=60))
    whole = run(job, Plan(((0, 40),), 8, 0, 0, 0), tmp_path / "a")
    cut = run(job, Plan(((0, 20), (20, 40)), 8, 0, 0, 0), tmp_path / "b")
    assert torch.linalg.vector_norm(whole - cut) < 0.02 * torch.linalg.vector_norm(whole)


def test_a_method_that_breaks_is_named(tmp_path: Path) -> None:
    job = make_job(SIRT(n_iterations=1))
    job.y[:, 3] = torch.nan
    writer = VolumeWriter(tmp_path / "v.mrc", (24, 40, 24), voxel_nm=2.0, history=[])
    plan = Plan(((0, 40),), 0, 0, 0, 0)
    with pytest.raises(UserError, match="sirt returned values that are not finite in rows 0 to"):
        reconstruct_slabs(job, plan, writer, tmp_path / "state.json", resume=False)
    writer.close()


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    job, plan = make_job(SIRT(n_iterations=4)), Plan(((0, 16), (16, 30), (30, 40)), 0, 0, 0, 0)
    whole = run(job, plan, tmp_path / "a")

    class Killed(Exception):
        pass

    calls = 0

    def stop_in_the_second_slab(rows: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise Killed

    path, state = tmp_path / "v.mrc", tmp_path / "state.json"
    shape = (24, 40, 24)
    writer = VolumeWriter(path, shape, voxel_nm=2.0, history=[])
    with pytest.raises(Killed):
        reconstruct_slabs(job, plan, writer, state, resume=False, on_step=stop_in_the_second_slab)
    writer.close()
    assert load_state(state).done == [0]
    assert not path.exists()

    steps: list[int] = []
    writer = VolumeWriter(path, shape, voxel_nm=2.0, history=[], resume=True)
    outcome = reconstruct_slabs(job, plan, writer, state, resume=True, on_step=steps.append)
    writer.finish()
    assert torch.equal(read_volume(path).data, whole)
    assert len(steps) == 2 * 4  # only the unfinished slabs were computed
    assert outcome.done == [0, 1, 2]


def test_residuals_of_all_slabs_add_up_to_the_whole(tmp_path: Path) -> None:
    job = make_job(SIRT(n_iterations=4))
    writer = VolumeWriter(tmp_path / "v.mrc", (24, 40, 24), voxel_nm=None, history=[])
    outcome = reconstruct_slabs(
        job, Plan(((0, 16), (16, 40)), 0, 0, 0, 0), writer, tmp_path / "s.json", resume=False
    )
    writer.discard()
    curve: list[float] = []
    x = sirt(job.A, job.y, n_iterations=4, callback=lambda i, r: curve.append(r))
    total = float((job.y.double() ** 2).sum())
    assert np.sqrt(np.array(outcome.residual2) / total) == pytest.approx(curve, rel=1e-5)
    assert outcome.view2 == pytest.approx(
        ((job.A(x) - job.y).double() ** 2).sum((1, 2)).tolist(), rel=1e-4
    )


def test_less_memory_means_more_slabs_and_too_little_a_sentence() -> None:
    job = make_job(SIRT(), rows=200, n=64)
    roomy, tight = (
        make_plan(job, memory_gb=4, held_gb=0.1),
        make_plan(job, memory_gb=1.002, held_gb=0.1),
    )
    for plan in (roomy, tight):
        assert plan.slabs[0][0] == 0
        assert plan.slabs[-1][1] == 200
        assert all(a[1] == b[0] for a, b in zip(plan.slabs, plan.slabs[1:], strict=False))
    assert len(tight.slabs) > len(roomy.slabs)
    assert tight.peak_gb <= 1.002
    with pytest.raises(UserError, match="raise memory_gb"):
        make_plan(job, memory_gb=0.5, held_gb=0.1)


def test_coupled_slabs_fit_the_projectors_blocks() -> None:
    """Every row once; with its overlap no slab has more than 128 rows, and inner ones have whole
    vectors."""
    job = make_job(TV(), rows=1, n=4)
    for rows in range(1, 1200):
        plan = make_plan(replace(job, y=job.y.expand(-1, rows, -1)), memory_gb=8, held_gb=0.1)
        assert plan.overlap == 8
        assert (plan.slabs[0][0], plan.slabs[-1][1]) == (0, rows)
        assert all(a[1] == b[0] for a, b in pairwise(plan.slabs))
        computed = [min(b + 8, rows) - max(a - 8, 0) for a, b in plan.slabs]
        assert max(computed) <= 128
        assert all(count % 16 == 0 for count in computed[1:-1])


@pytest.mark.parametrize("overlap", [0, 3, 8, 40])
def test_slabs_of_any_size_have_whole_vectors_and_keep_to_it(overlap: int) -> None:
    for rows in (1, 15, 16, 17, 40, 63, 64, 130, 300, 1024):
        for size in range(1, min(rows, 128) + 1):
            slabs = cut(rows, size, overlap)
            assert (slabs[0][0], slabs[-1][1]) == (0, rows)
            assert all(a[1] == b[0] for a, b in pairwise(slabs))
            computed = [min(b + overlap, rows) - max(a - overlap, 0) for a, b in slabs]
            assert min(b - a for a, b in slabs) > 0
            assert max(computed) <= size + 2 * overlap
            if size >= 16:
                assert all((b - overlap) % 16 == 0 for _, b in slabs[:-1])


def test_the_state_survives_its_file(tmp_path: Path) -> None:
    outcome = Outcome("k", [[0, 4], [4, 9]], 8, [1.5, 0.25], [3.0], [0, 1])
    save_state(tmp_path / "s.json", outcome)
    assert load_state(tmp_path / "s.json") == outcome
    assert load_state(tmp_path / "none.json") == Outcome()


def test_a_run_goes_on_with_its_own_cuts_or_not_at_all(tmp_path: Path) -> None:
    """Other memory means another plan; slab numbers of one plan mean nothing in another."""
    job, state = make_job(SIRT(n_iterations=1)), tmp_path / "s.json"
    save_state(state, Outcome("k", [[0, 16], [16, 40]], 0, [], [], [0]))
    other = Plan(((0, 40),), 8, 1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="another run"):
        reconstruct_slabs(job, other, None, state, resume=True, key="k")
    assert resumed_plan(other, load_state(state)) == Plan(((0, 16), (16, 40)), 0, 1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="another run"):
        reconstruct_slabs(
            job, resumed_plan(other, load_state(state)), None, state, resume=True, key="another"
        )


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"nothing": 1}'])
def test_a_damaged_state_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(UserError, match="damaged"):
        load_state(tmp_path / "s.json")
