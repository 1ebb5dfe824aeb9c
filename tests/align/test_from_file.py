"""``align=file``: what is written is what is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from recon.align.from_file import GivenAlignment, from_file
from recon.align.resample import resample
from recon.cli import CONFIGS
from recon.command.config import make_stages
from recon.errors import UserError
from recon.geometry import Geometry, axis_rotation
from recon.io.alignment.aretomo import write_aln
from recon.io.alignment.imod import write_tlt, write_xf
from recon.io.alignment.table import read_alignment, write_alignment
from recon.series import TiltSeries

N = 7
YAML = (
    "axis_deg: 4.0\nviews:\n  - {view: 1, dy_px: 2.0, dx_px: 3.5}\n  - {view: 0, dy_px: -1.0, "
    "dx_px: 0, rotation_deg: 0.5}\n"
)


def series(n: int = N) -> TiltSeries:
    stack = np.random.default_rng(0).normal(10, 1, (n, 24, 24)).astype(np.float32)
    return TiltSeries(torch.from_numpy(stack), Geometry(np.linspace(-60, 60, n), 1.0))


def given(rotation: bool = True) -> GivenAlignment:
    rng = np.random.default_rng(1)
    matrices = np.stack([axis_rotation(85.0 + r) for r in rng.normal(0, 1, N)])
    return GivenAlignment("given", 85.0, rng.normal(0, 5, (N, 2)), matrices if rotation else None)


@pytest.mark.parametrize("suffix", [".yaml", ".csv"])
@pytest.mark.parametrize("rotation", [True, False])
def test_a_table_round_trips(tmp_path: Path, suffix: str, rotation: bool) -> None:
    wanted, path = given(rotation), tmp_path / f"shifts{suffix}"
    write_alignment(path, wanted)
    read = read_alignment(path)
    assert read.axis_deg == wanted.axis_deg
    np.testing.assert_allclose(read.shifts_px, wanted.shifts_px, atol=1e-5)
    assert (read.matrices is None) == (not rotation)
    if rotation:
        np.testing.assert_allclose(read.matrices, wanted.matrices, atol=1e-7)


@pytest.mark.parametrize("rotation", [True, False])
def test_an_xf_file_gives_the_same_pixels_as_the_geometry_it_was_written_from(
    tmp_path: Path, rotation: bool
) -> None:
    wanted = given(rotation)
    matrices = (
        np.repeat(axis_rotation(85.0)[None], N, 0)
        if wanted.matrices is None
        else 1.01 * wanted.matrices
    )
    write_xf(tmp_path / "a.xf", matrices[:, ::-1, ::-1], wanted.shifts_px[:, ::-1])
    found = from_file(series(), given=read_alignment(tmp_path / "a.xf"))
    geometry = Geometry(
        found.geometry.angles_deg, 1.0, 85.0, wanted.shifts_px, matrices if rotation else None
    )
    expected = resample(TiltSeries(series().data, geometry)).data
    assert (found.geometry.matrices is None) == (not rotation)
    torch.testing.assert_close(resample(found).data, expected, atol=5e-3, rtol=0)


def test_the_form_that_is_documented(tmp_path: Path) -> None:
    """In any order of views; the rotation of a view is added to the axis."""
    (tmp_path / "a.yaml").write_text(YAML)
    (tmp_path / "a.csv").write_text(
        "# by hand\n# axis_deg: 4\nview, dy_px, dx_px, rotation_deg\n1,2,3.5,\n0,-1,0,0.5\n"
    )
    for name in ("a.yaml", "a.csv"):
        read = read_alignment(tmp_path / name)
        np.testing.assert_array_equal(read.shifts_px, [[-1, 0], [2, 3.5]])
        np.testing.assert_allclose(read.matrices, [axis_rotation(4.5), axis_rotation(4.0)])
        assert from_file(series(2), given=read).geometry.axis_deg == pytest.approx(4.25)


def test_an_axis_beside_the_file_turns_views_as_one_in_it(tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(YAML)
    (tmp_path / "beside.yaml").write_text(YAML.partition("\n")[2])
    inside = from_file(series(2), given=read_alignment(tmp_path / "in.yaml")).geometry
    beside = from_file(
        series(2), given=read_alignment(tmp_path / "beside.yaml"), axis_deg=4.0
    ).geometry
    np.testing.assert_allclose(beside.matrices, inside.matrices)
    with pytest.raises(UserError, match="say it once"):
        from_file(series(2), given=read_alignment(tmp_path / "in.yaml"), axis_deg=5.0)


def test_shifts_are_raw_pixels_whatever_the_binning() -> None:
    binned = series().after("binned", facts={"bin": 2})
    found = from_file(binned, given=given(False)).geometry.shifts_px
    np.testing.assert_allclose(found, given().shifts_px / 2)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.txt", "", "yaml"),
        ("a.yaml", "views: [", "not YAML"),
        ("a.yaml", "shifts: []", "views"),
        ("a.yaml", "views: [{view: 0, dy_px: 1}]", "entry 0"),
        ("a.yaml", YAML.replace("2.0", "far"), "dy_px of view 1 is far"),
        ("a.yaml", YAML.replace("view: 1", "view: 0"), "view 0 is there twice"),
        ("a.csv", "view,dy_px,dx_px\n0,1,2\n2,1,2\n", "view 1 is not there"),
        ("a.csv", "view,dy,dx\n0,1,2\n", "columns"),
        ("a.csv", "view,dy_px,dx_px\n0,1\n", "dx_px of view 0"),
        ("a.csv", "view,dy_px,dx_px\n0,1,inf\n", "finite"),
        ("a.csv", "view,dy_px,dx_px\n0,1,2,3,4\n", "more"),
        ("a.csv", "", "columns"),
        ("a.csv", "view,dy_px,dx_px\n", "no view"),
        ("a.xf", "1 0 0 1 2\n", "six numbers"),
        ("a.xf", "1 0 0 -1 2 0\n", "mirrors"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=says):
        read_alignment(tmp_path / name)


def test_a_file_of_another_series_is_refused() -> None:
    with pytest.raises(UserError, match="aligns 7 views but the series has 9"):
        from_file(series(9), given=given())


def test_a_table_does_not_pretend_to_hold_magnifications(tmp_path: Path) -> None:
    enlarged = GivenAlignment("given", 85.0, given().shifts_px, 1.01 * given().matrices)
    with pytest.raises(UserError, match=r"\.xf"):
        write_alignment(tmp_path / "a.yaml", enlarged)


def test_the_file_is_read_before_the_work(tmp_path: Path) -> None:
    write_alignment(tmp_path / "a.csv", given(False))
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        stages = make_stages(
            compose("reconstruct", overrides=["align=file", f"align.path={tmp_path}/a.csv"])
        )
        np.testing.assert_allclose(
            stages.align(series(), threads=1).geometry.shifts_px, given().shifts_px, atol=1e-5
        )
        with pytest.raises(UserError, match="absent"):
            make_stages(
                compose(
                    "reconstruct", overrides=["align=file", f"align.path={tmp_path}/absent.csv"]
                )
            )
        with pytest.raises(UserError, match=r"align\.path"):
            make_stages(compose("reconstruct", overrides=["align=file"]))


def test_solved_tilts_beside_an_xf_and_in_an_aln_are_taken(tmp_path: Path) -> None:
    raw, matrices = series(), np.repeat(np.eye(2)[None], N, 0)
    solved = raw.geometry.angles_deg + 1.5
    shifts = np.random.default_rng(2).normal(0, 3, (N, 2))
    write_xf(tmp_path / "a.xf", matrices, shifts)
    write_tlt(tmp_path / "a.tlt", solved)
    write_aln(tmp_path / "b.aln", matrices, shifts, solved, (24, 24, N))
    for name in ("a.xf", "b.aln"):
        found = from_file(raw, given=read_alignment(tmp_path / name))
        np.testing.assert_allclose(found.geometry.angles_deg, solved, atol=1e-4)
        np.testing.assert_allclose(found.geometry.shifts_px, shifts[:, ::-1], atol=1e-3)
        assert "1.50 deg from the nominal ones" in found.history[-1]
    write_tlt(tmp_path / "a.tlt", solved[::-1])  # in another order
    with pytest.raises(UserError, match=r"a\.tlt has view .* in the same order"):
        from_file(raw, given=read_alignment(tmp_path / "a.xf"))


def test_views_that_aretomo_left_out_are_named(tmp_path: Path) -> None:
    keep = [0, 1, 3, 4, 6]
    lines = ["# AreTomo Alignment / Priims bprmMn", f"# RawSize = 24 24 {N}", "# NumPatches = 0"]
    lines += [f"# DarkFrame = {k} {k} 0.00" for k in (2, 5)]
    lines += [f"{k} 3.0 1.0 0 {k} 1 1 1 0 {20 * k - 60}" for k in keep]
    (tmp_path / "a.aln").write_text("\n".join(lines) + "\n")
    found = read_alignment(tmp_path / "a.aln")
    with pytest.raises(UserError, match=r"exclude=\[2,5\]"):
        from_file(series(), given=found)
    kept = series()
    kept = TiltSeries(kept.data[keep], Geometry(kept.geometry.angles_deg[keep], 1.0))
    aligned = from_file(kept, given=found)
    assert aligned.geometry.axis_deg == pytest.approx(3.0)


def test_views_that_cleaning_left_out_are_left_out_of_the_alignment(tmp_path: Path) -> None:
    keep = [0, 1, 3, 4, 6]
    raw, wanted = series(), given(False)
    write_alignment(tmp_path / "a.csv", wanted)
    kept = TiltSeries(
        raw.data[keep],
        Geometry(raw.geometry.angles_deg[keep], 1.0),
        facts={"kept_views": keep, "rejected_views": [2, 5]},
    )
    found = from_file(kept, given=read_alignment(tmp_path / "a.csv"))
    np.testing.assert_allclose(found.geometry.shifts_px, wanted.shifts_px[keep], atol=1e-5)
