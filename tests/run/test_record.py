"""``run.json``: one typed record, which survives whatever happens to the file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.algorithms.wbp import WBP
from recon.align.found import ALIGN, FIDUCIALS, Alignment, BeadTracks, alignment_of, bead_tracks_of
from recon.console import Console
from recon.geometry import Geometry
from recon.metrics.against_truth import Scores
from recon.metrics.curve import Curve
from recon.projectors.native import NativeProjector
from recon.run.checkpoint import load_prepared, write_prepared
from recon.run.plan import Plan, Reconstruction
from recon.run.prepare import Prepared, prepare
from recon.run.record import FORMAT, Facts, Record, make_record
from recon.run.recorded import recorded
from recon.run.slabs import Outcome
from recon.section.found import Section, Window
from recon.series import TiltSeries
from recon.trust.scores import TrustScores

ANGLES = np.arange(-60.0, 61.0, 20.0)
FOUND = Alignment(
    method="fiducial",
    warning="no bead was measured in view 3",
    axis_deg=86.51,
    shifts_px=tuple((0.1 * i, -1 / 3 * i) for i in range(ANGLES.size)),
    residual_px_per_view=(0.1, 0.2, 0.3, float("nan"), 0.1, 0.1, 0.1),
    n_beads=7,
    notes=(),
    further={"of_another_method": [1, 2]},
)

SECTION = Section(
    is_layer=True,
    thickness_px=4.5,
    faces_px=(-1.0, 3.5),
    window=Window(thickness_px=7, centre_z_px=1.5, pretilt_deg=-3.25, extend_px=2),
)


def prepared(shifts: bool = True) -> Prepared:
    data = torch.from_numpy(np.random.default_rng(0).random((7, 6, 16), np.float32))
    facts = {"hot_pixels": {"total": 3, "per_view": [1, 2, 0, 0, 0, 0, 0]}, "incident": [1.5] * 7}
    aligned = TiltSeries(data, Geometry(ANGLES, 0.7), "needle", ("read", "aligned"), facts)
    shifts_px = np.random.default_rng(1).normal(size=(7, 2)) if shifts else None
    return Prepared(
        aligned, Geometry(ANGLES, 0.7, 1 / 3, shifts_px), 2, 0.1, data[:, 2].numpy(), 2,
        recorded(data[3].numpy()), {"axis_error_deg": 0.1}, FOUND, section=SECTION,
    )  # fmt: skip


def record_of(stack: Prepared) -> Record:
    A = NativeProjector(stack.aligned.geometry, (16, 16), 16)
    job = Reconstruction(A, stack.aligned.data, WBP(), 1.0)
    outcome = Outcome(slabs=[[0, 6]], residual2=[9.0, 4.0], view2=[1.0] * 6 + [float("nan")])
    return make_record(
        job,
        Plan(((0, 6),), 0, 1.0, 0.1, 2.5),
        stack,
        outcome,
        measured=job,
        views=stack.aligned,
        window=SECTION.window,
        settled={"weight": np.float64(3.5)},
        trust=TrustScores(rows=4, withheld={"wbp": 0.2, "tv": 0.1}, further={"new": 1.0}),
        truth=Scores({"psnr_db": 20.0}, Curve((0.1, 0.5), (1 / 3, float("nan"))), ("a note",)),
        analysis={"atoms": 5},
        config={"input": Path("a.mrc"), "align": {"beads": None}},
        threads=1,
        seconds=1.5,
    )


def test_it_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    record = replace(record_of(prepared()), warnings=("careful",), files=("run.json",))
    record.write(tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text("utf-8")
    assert "NaN" not in text
    read = Record.from_json(json.loads(text))
    assert read.to_json() == json.loads(text) == record.to_json()
    assert read.format_version == FORMAT
    assert read.trust == record.trust
    np.testing.assert_array_equal(read.facts.align.residual_px_per_view, FOUND.residual_px_per_view)
    assert read.facts.align.shifts_px == FOUND.shifts_px
    assert np.isnan(read.residual_per_view[-1])
    assert list(tmp_path.iterdir()) == [tmp_path / "run.json"]


def test_numbers_are_relative_to_the_data() -> None:
    record = record_of(prepared())
    y = prepared().aligned.data.double()
    assert record.residual_per_iteration == pytest.approx(
        np.array([3.0, 2.0]) / float(torch.linalg.vector_norm(y))
    )
    assert record.residual_per_view[0] == pytest.approx(1 / float(torch.linalg.vector_norm(y[0])))
    assert record.shape_zyx == (16, 6, 16)
    shifts = prepared().solution.shifts_px
    assert shifts is not None
    assert record.shifts_px == tuple(map(tuple, (2 * shifts).tolist()))  # raw pixels, binning 1


def test_the_file_has_the_keys_that_its_readers_rely_on() -> None:
    raw = Record().to_json()
    keys = (
        "name algorithm options settled projector residual residual_per_iteration "
        "residual_per_view noise_per_pixel shape_zyx window voxel_nm grey_unit angles_deg "
        "crowther_per_voxel axis_deg shifts_px bin against_truth history facts plan seconds "
        "peak_memory_gb threads config versions machine command trust scores score_notes "
        "analysis warnings files"
    )
    assert set(keys.split()) < set(raw)
    assert raw["facts"] == raw["trust"] == {}
    full = record_of(prepared()).to_json()
    assert full["facts"]["hot_pixels"]["total"] == 3
    assert full["facts"]["align"]["method"] == "fiducial"
    assert full["facts"]["align"]["of_another_method"] == [1, 2]
    assert full["facts"]["align"]["notes"] == []
    assert full["plan"]["slabs"] == [[0, 6]]
    assert full["trust"]["new"] == 1.0
    assert full["fsc_with_truth"] == {"frequency": [0.1, 0.5], "correlation": [0.3333, None]}


def test_any_key_may_be_missing_or_wrong_and_the_others_stand() -> None:
    record = record_of(prepared()).to_json()
    for key in record:
        for raw in (
            {k: v for k, v in record.items() if k != key},
            *(record | {key: wrong} for wrong in ("text", 3, [3], {"a": "b"}, None)),
        ):
            read = Record.from_json(raw).to_json()
            assert {k: v for k, v in read.items() if k != key} == {
                k: v for k, v in record.items() if k != key
            }


def test_an_older_file_has_no_format_and_what_it_lacks_is_absent() -> None:
    old = Record.from_json({"algorithm": "sirt", "residual": 0.1})
    assert old.format_version == 0
    assert (old.algorithm, old.residual, old.voxel_nm, old.trust) == (
        "sirt",
        0.1,
        None,
        TrustScores(),
    )
    assert Record.from_json(["not", "a", "record"]) == Record()


@pytest.mark.parametrize("shifts", [True, False])
def test_a_run_that_goes_on_writes_the_same_record(tmp_path: Path, shifts: bool) -> None:
    """The aligned stack, what alignment found and every other fact, through the disk."""
    stack = prepared(shifts)
    write_prepared(tmp_path, stack, None, "key")
    resumed = load_prepared(tmp_path, "key")
    wanted, found = record_of(stack).to_json(), record_of(resumed).to_json()
    assert wanted["facts"]["align"]["residual_px_per_view"][3] is None
    same = [key for key in wanted if key not in ("peak_memory_gb", "command")]
    assert {k: found[k] for k in same} == {k: wanted[k] for k in same}
    assert bool(found["shifts_px"]) == shifts


def test_what_alignment_found_is_typed_and_goes_beside_the_facts() -> None:
    beads = BeadTracks(*(np.zeros(3),) * 7, picture_view=0, sign=1)
    raw = prepared().aligned.after("beads", facts={"x": 1})

    def align(series: TiltSeries, threads: int) -> TiltSeries:
        return series.after("aligned", facts={ALIGN: FOUND, FIDUCIALS: beads})

    console = Console()
    stack, _ = prepare(
        lambda: raw, lambda s: s, align, check=lambda s: None, threads=1, console=console
    )
    assert stack.found is FOUND
    assert stack.fiducials is beads
    assert {ALIGN, FIDUCIALS} & set(stack.aligned.facts) == set()
    assert stack.aligned.facts["x"] == 1
    assert FOUND.warning in console.warnings


def test_a_series_that_nothing_aligned_has_nothing_found() -> None:
    series = prepared().aligned
    assert alignment_of(series) == Alignment()
    assert alignment_of(series.after("by hand", facts={ALIGN: {"method": "mine"}})) == Alignment()
    assert bead_tracks_of(series) is None
    assert Record(facts=Facts(series.facts)).to_json()["facts"] == series.facts
