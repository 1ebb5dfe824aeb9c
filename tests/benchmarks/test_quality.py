"""The quality table: its cases, its file, and the printed numbers of METHODS.md L that it has to
meet."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import torch

from benchmarks import quality, quality_summary
from benchmarks.quality_case import Case, Plan, score
from benchmarks.quality_cases import SETS, plans
from benchmarks.quality_methods import METHODS
from benchmarks.quality_slices import degrade, disc, face, outside_wedge_deg, project, slice_case
from benchmarks.quality_summary import gains
from recon.algorithms.tv import tv
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector

REQUIRED = ("wbp", "sirt", "sart", "tv")
PRINTED = {  # (set, wedge): dB of wbp, sart, tv tuned with the truth in view
    ("B2", 40): (22.40, 26.98, 32.14),
    ("B2", 60): (19.62, 24.42, 28.51),
    ("B2", 80): (17.31, 22.61, 26.90),
    ("B3", 40): (22.38, 24.66, 32.47),
    ("B3", 60): (20.27, 21.46, 26.10),
    ("B3", 80): (18.53, 19.67, 22.23),
}


@functools.cache
def first() -> Case:
    """B2 at a wedge of 40 degrees."""
    return plans(["B2"])[0].make()


@pytest.mark.parametrize(
    ("method", "printed_db", "within"), [("wbp", 22.40, 0.2), ("sart", 26.98, 0.2)]
)
def test_a_printed_number_is_met(method, printed_db, within):
    case = first()
    assert score(case, METHODS[method](case.A, case.y)).psnr_db == pytest.approx(
        printed_db, abs=within
    )


@pytest.mark.parametrize("wedge_deg", [0, 40, 60, 80])
def test_wbp_has_the_mean_of_the_face_within_2_percent(wedge_deg):
    case = slice_case("B2", "", face, outside_wedge_deg(wedge_deg, 2.0))
    inside, x = case.truth > 0, METHODS["wbp_auto"](case.A, case.y)
    assert float(x[inside].mean() / case.truth[inside].mean()) == pytest.approx(1, abs=0.02)


def test_tv_with_its_own_weight_comes_near_the_tuned_one():
    """At two thirds of the default iterations, to be quick."""
    case = first()
    x = tv(case.A, case.y, weight="auto", dimensions=2, n_iterations=220)
    assert score(case, x).psnr_db > 32.14 - 0.7


def test_the_committed_table_is_complete_and_meets_every_printed_number():
    rows = quality.read(quality.TABLE)
    assert tuple(rows[0]) == quality.COLUMNS
    by_key = {(row["benchmark"], row["case"], row["method"]): row for row in rows}
    assert len(by_key) == len(rows)
    for plan, method in itertools.product(plans(), REQUIRED):
        row = by_key[plan.benchmark, plan.name, method]
        psnr, ssim, nrmse, residual, withheld, seconds = (
            float(row[c]) for c in quality.COLUMNS[3:]
        )
        assert -5 < psnr < 80  # below 0: SART without positivity on lamellae that fill the views
        assert -0.2 < ssim <= 1
        assert min(nrmse, residual, withheld, seconds) >= 0
    for (benchmark, wedge), wanted in PRINTED.items():
        name = next(p.name for p in plans([benchmark]) if p.name.endswith(f"wedge {wedge} deg"))
        wbp, sart, own = (
            float(by_key[benchmark, name, m]["psnr_db"]) for m in ("wbp", "sart", "tv")
        )
        assert wbp == pytest.approx(wanted[0], abs=0.2)
        assert sart == pytest.approx(wanted[1], abs=0.2)
        assert own > wanted[2] - 0.7


def test_learned_methods_are_what_the_readme_says_of_them():
    """On the committed table: irdm beside converged TV and beside the published system, and the
    README's table is this one."""
    rows = quality.read(quality.TABLE)
    seen, unseen, *pictures = (
        gains([r for r in rows if belongs(r)], "irdm") for belongs in quality_summary.SETS.values()
    )
    assert (seen[0] - seen[1]).mean(0)[0] >= 2
    assert (unseen[0] - unseen[1]).mean(0)[0] >= 0.5
    for learned, tv_scores in (seen, unseen):
        assert (learned - tv_scores).mean(0)[1] > 0  # SSIM
        assert (learned / tv_scores).mean(0)[2] <= 1  # error on withheld views
    assert min((learned - tv_scores)[:, 0].min() for learned, tv_scores in pictures) >= -0.5
    published = {
        (r["benchmark"], r["case"]): float(r["psnr_db"]) for r in rows if r["method"] == "irdm2020"
    }
    ahead = [
        float(r["psnr_db"]) - published[r["benchmark"], r["case"]]
        for r in rows
        if r["method"] == "irdm"
    ]
    assert len(ahead) == len(published) == len(plans())
    assert np.mean(ahead) >= 2
    readme = quality_summary.README.read_text("utf-8")
    assert quality_summary.BEGIN + quality_summary.table(rows) + quality_summary.END in readme


def test_scikit_images_views_are_those_of_our_geometry():
    """Half a pixel of the axis, the sign of an angle or the views from behind wrong would be 2 %
    and more."""
    case = first()
    assert float((case.A(case.truth) - case.y).norm() / case.y.norm()) < 1e-3
    angles = case.A.geometry.angles_deg
    assert (angles.min(), angles.max(), angles.size) == (
        -68,
        70,
        70,
    )  # theta 0 to 68 and 110 to 178
    assert (np.diff(angles) == 2).all()
    theta = np.array([30.0])
    views, geometry = project(face(), theta)
    wrong = NativeProjector(
        Geometry(-geometry.angles_deg, 1.0, 0.0, geometry.shifts_px), (256, 256), 256
    )
    assert float((wrong(case.truth) - torch.from_numpy(views)).norm()) > 0.05 * float(
        np.linalg.norm(views)
    )


def test_wedges_lie_about_90_degrees():
    theta = outside_wedge_deg(45, 1.40625)
    assert theta.size == 96
    assert theta[48] == 112.5
    assert theta[47] == pytest.approx(67.5 - 1.40625)


def test_scores_by_hand():
    """Two pictures of 16 x 16: one perfect but for 2 outside the disc, one 0.1 too bright, and
    clipped."""
    A = NativeProjector(Geometry([0.0], 1.0), (16, 16), 16)
    truth = torch.full((16, 2, 16), 0.5)
    support = torch.ones(16, 1, 16)
    support[0] = 0
    truth[0] = 0
    x = truth.clone()
    x[0] = 2.0
    x[1:, 1] += 0.1
    case = Case("B2", "by hand", A(truth), A, truth, 1.0, support)
    s = score(case, x)
    one = 20 * np.log10(1 / (0.1 * np.sqrt(15 / 16)))
    perfect = 20 * np.log10(16 / 1e-12)
    assert s.psnr_db == pytest.approx((one + perfect) / 2, rel=1e-4)
    assert s.nrmse == pytest.approx((0.1 / 0.5) / 2, rel=1e-4)
    assert s.residual == pytest.approx(float((A(x) - case.y).norm() / case.y.norm()))
    whole = Case("3D", "by hand", A(truth), A, truth, 1.0)
    error = (2.0**2 * 32 + 0.1**2 * 15 * 16) / 512  # neither cut nor clipped, all voxels together
    assert score(whole, x).psnr_db == pytest.approx(-10 * np.log10(error), rel=1e-4)


def test_degraded_views_are_counts_about_moved_ones():
    views = np.zeros((200, 1, 64), np.float32)
    views[:, :, 20:44] = 3.0
    noisy = degrade(views, dose_e_px=400, misalignment_px=0.5, seed=0)
    counts = noisy * 400 / 3
    assert np.allclose(counts, np.rint(counts), atol=1e-3)
    inside = counts[:, :, 26:38]
    assert inside.mean() == pytest.approx(400, rel=0.01)
    assert inside.var() == pytest.approx(400, rel=0.1)
    middle = (noisy * np.arange(64)).sum((1, 2)) / noisy.sum((1, 2))
    assert middle.std() == pytest.approx(0.5, rel=0.2)  # its own noise is 0.07
    assert np.array_equal(noisy, degrade(views, dose_e_px=400, misalignment_px=0.5, seed=0))


def test_the_disc_is_scikit_images():
    within = disc()
    assert within[128, 0] and not within[127, 0] and within[128, 255]


def test_rows_are_kept_replaced_and_in_the_tables_order(tmp_path, monkeypatch):
    table, made = tmp_path / "quality.csv", []

    def measure(case, name):
        made.append(name)
        return dict(
            zip(
                quality.COLUMNS, (case.benchmark, case.name, name, *map(str, range(6))), strict=True
            )
        )

    def unmade(only=None):
        return [Plan(p.benchmark, p.name, lambda p=p: p) for p in plans(only)]

    monkeypatch.setattr(quality, "measure", measure)
    monkeypatch.setattr(quality, "plans", unmade)
    quality.main(["--only", "B2", "--methods", "tv,wbp"], table)
    assert made == ["tv", "wbp"] * 3
    assert [row["method"] for row in quality.read(table)] == ["wbp", "tv"] * 3
    quality.main(["--only", "B2", "--methods", "sart,wbp"], table)
    assert made[6:] == ["sart"] * 3
    quality.main(["--only", "B2", "--methods", "wbp", "--again"], table)
    assert made[9:] == ["wbp"] * 3
    quality.main(["--only", "B2,B4", "--methods", "sirt", "--cases", "wedge 4"], table)
    assert made[12:] == ["sirt"] * 2
    rows = quality.read(table)
    assert [row["case"] for row in rows if row["method"] == "tv"] == [p.name for p in plans(["B2"])]
    assert [row["method"] for row in rows] == [
        "wbp",
        "sirt",
        "sart",
        "tv",
        "wbp",
        "sart",
        "tv",
        "wbp",
        "sart",
        "tv",
        "sirt",
    ]


def test_b9_finds_every_atom_at_the_highest_dose():
    """The committed table; tests/analyze/test_atoms.py does it."""
    rows = {
        (row["dose"], row["method"]): row
        for row in quality.read(quality.TABLE.with_name("quality_atoms.csv"))
    }
    assert rows["1.6e5", "sirt"]["matched"] == rows["1.6e5", "sirt"]["true"] == "208"
    assert float(rows["1.6e5", "sirt"]["rmsd_pm"]) <= 5
    assert {method for _, method in rows} >= set(REQUIRED)


@pytest.mark.parametrize("option", ["--only", "--methods"])
def test_a_name_that_is_not_there_is_named(option, tmp_path, capsys):
    with pytest.raises(SystemExit):
        quality.main([option, "B7"], tmp_path / "quality.csv")
    known = list(SETS if option == "--only" else METHODS)
    assert f"B7 given, some of {', '.join(known)} wanted" in capsys.readouterr().err
