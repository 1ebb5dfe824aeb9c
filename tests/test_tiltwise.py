"""``import tiltwise``: what a notebook user does first, right and wrong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import tiltwise as tw
from recon.io import read_volume
from tiltwise.neighbours import check_neighbours

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = {"size": 48, "step_deg": 6.0}


@pytest.fixture(scope="module")
def aligned() -> tw.TiltSeries:
    return tw.align(tw.clean(tw.sample(**SAMPLE)), threads=1)


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = ("torch", "numba", "scipy", "hydra", "matplotlib", "numpy")
    code = f"import sys, tiltwise; dir(tiltwise); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_name_is_there_once_and_in_order() -> None:
    plain, lazy = tw.__all__, tw._WHERE
    assert sorted(plain) == sorted(lazy)
    assert len(set(plain)) == len(plain)
    kinds = [0 if n.isupper() else 1 if n[0].isupper() else 2 for n in plain]
    assert plain == [n for _, n in sorted(zip(kinds, plain, strict=True))]  # as ruff sorts them
    for name in plain:
        assert getattr(tw, name) is not None
    stated = {
        alias.name
        for node in ast.walk(ast.parse((ROOT / "tiltwise/__init__.py").read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("recon")
        for alias in node.names
    }
    assert stated == set(plain)  # what type checkers see is what there is


@pytest.mark.parametrize("method", [tw.SIRT(n_iterations=7), tw.TV(n_iterations=20), tw.WBP()])
def test_the_numbers_are_those_of_the_command_line(
    command: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    aligned: tw.TiltSeries,
    method: tw.Bound,
) -> None:
    options = [f"algorithm.{k}={v}" for k, v in method.options.items() if k == "n_iterations"]
    sample = [f"sample.{k}={v}" for k, v in SAMPLE.items()]
    plain = ("threads=1", "trust=none", "report=false", "output=out")
    done = command(*sample, f"algorithm={method.name}", *options, *plain)
    assert done.returncode == 0, done.stderr
    made = tw.reconstruct(aligned, method, threads=1)
    written = read_volume(tmp_path / "out/tomogram.mrc")
    assert torch.equal(made.data, written.data)
    assert made.voxel_nm == written.voxel_nm
    assert made.unit == "projection value / nm"


def test_a_series_of_any_array() -> None:
    angles = np.arange(-60, 61, 30)
    for views in (
        np.ones((5, 4, 6)),
        np.ones((5, 4, 6), np.uint16),
        torch.ones(5, 4, 6, dtype=torch.float64),
        [[[1.0] * 6] * 4] * 5,
    ):
        series = tw.series(views, angles, pixel_nm=0.7)
        assert series.data.dtype == torch.float32
        assert series.data.shape == (5, 4, 6)
        assert series.geometry.pixel_nm == 0.7


def test_grey_values_are_per_nm(aligned: tw.TiltSeries) -> None:
    """The sum of a volume, in nm, is what a view holds in all."""
    made = tw.reconstruct(aligned, tw.SIRT(n_iterations=20), threads=1)
    view = aligned.data[len(aligned.data) // 2]
    assert float(made.data.sum()) * float(made.voxel_nm or 0) == pytest.approx(
        float(view.sum()), rel=0.1
    )
    x = tw.SIRT.run(tw.projector(aligned), aligned.data, n_iterations=20)
    assert torch.equal(tw.volume(x, voxel_nm=1.0).data, made.data)


def test_a_method_of_ones_own(aligned: tw.TiltSeries) -> None:
    def back_projection(A, y):  # type: ignore[no-untyped-def]
        return A.T(y)

    made = tw.reconstruct(aligned, tw.Method(back_projection)(), threads=1)
    assert torch.equal(made.data, tw.projector(aligned).T(aligned.data))
    assert made.history[-1].startswith("reconstructed by back_projection()")


def test_it_can_be_looked_at(aligned: tw.TiltSeries, tmp_path: Path) -> None:
    made = tw.reconstruct(aligned, tw.WBP(), threads=1)
    for thing in (aligned, made):
        page = thing._repr_html_()
        assert "data:image/png;base64," in page
        assert thing.history[0][:20] in page
        assert len(repr(thing)) < 200
    assert tw.show(made).save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert tw.write(made, tmp_path / "v.mrc").exists()
    assert torch.equal(tw.read(tw.write(aligned, tmp_path / "s.mrc")).data, aligned.data)


def test_denoised_views_are_reconstructed_and_the_measured_ones_score(
    aligned: tw.TiltSeries,
) -> None:
    step = tw.GAUSSIAN(sigma_px=1.5)
    denoised = tw.denoise(aligned, step)
    assert torch.equal(denoised.data, tw.denoise(aligned, tw.GAUSSIAN, sigma_px=1.5).data)
    assert float(denoised.data.sum()) == pytest.approx(float(aligned.data.sum()), rel=1e-3)
    assert tw.denoise(aligned) is aligned
    plain, smooth = (tw.reconstruct(s, tw.WBP(), threads=1).data for s in (aligned, denoised))
    assert float(smooth.diff(dim=2).abs().mean()) < 0.8 * float(plain.diff(dim=2).abs().mean())
    scores = tw.score(aligned, tw.WBP(), threads=1, denoise=step)
    assert {"wbp", "wbp as measured"} <= set(scores.withheld)
    with pytest.raises(tw.UserError, match="series after denoise given to score, the measured one"):
        tw.score(denoised, tw.WBP())
    with pytest.raises(tw.UserError, match="a step such as"):
        tw.denoise(aligned, tw.XCORR)


def test_scores_are_those_of_the_report(aligned: tw.TiltSeries) -> None:
    scores = tw.score(aligned, tw.WBP(), threads=1)
    assert list(scores.withheld) == ["wbp", "sirt", "tv"]
    assert scores.withheld["tv"] < scores.withheld["wbp"]


STACK, ANGLES = np.zeros((5, 4, 6)), np.arange(-60.0, 61, 30)


def operator():  # type: ignore[no-untyped-def]
    return tw.projector(tw.series(STACK, ANGLES))


WRONG: list[tuple[str, Callable[[], object], str]] = [
    ("misspelt name", lambda: tw.sirt, "did you mean SIRT?"),
    ("recon", lambda: __import__("recon").sirt, "import tiltwise as tw"),
    ("numpy into TiltSeries", lambda: tw.TiltSeries(STACK, tw.Geometry(ANGLES)), r"tiltwise\.series"),
    ("angles for a geometry", lambda: tw.TiltSeries(torch.zeros(5, 4, 6), ANGLES), "a Geometry wanted"),
    ("one angle too few", lambda: tw.series(STACK, ANGLES[1:]), "5 projections but 4 tilt angles"),
    ("two dimensions", lambda: tw.series(STACK[0], ANGLES), r"\(tilt, y, x\)"),
    ("text", lambda: tw.series("needle.mrc", ANGLES), "an array of real numbers wanted"),
    ("complex", lambda: tw.series(STACK * 1j, ANGLES), "of complex128 given"),
    ("NaN", lambda: tw.series(STACK * np.nan, ANGLES), "not finite"),
    ("a series again", lambda: tw.series(tw.series(STACK, ANGLES), ANGLES), "it is one already"),
    ("no file", lambda: tw.read("nowhere.mrc"), "nowhere.mrc"),
    ("clean an array", lambda: tw.clean(STACK), r"series\(array, angles_deg\)"),
    ("align an array", lambda: tw.align(STACK), r"series\(array, angles_deg\)"),
    ("an option that clean has not", lambda: tw.clean(tw.series(STACK, ANGLES), bni=2), "did you mean bin"),
    ("a name for a method", lambda: tw.reconstruct(tw.series(STACK, ANGLES), "tv"), r"SIRT\(\)"),
    ("a plain function", lambda: tw.reconstruct(tw.series(STACK, ANGLES), len), r"Method\(function\)"),
    ("positional option", lambda: tw.TV(100), "name=value wanted"),
    ("write a tensor", lambda: tw.write(torch.zeros(2, 2, 2), "a.mrc"), r"volume\(x, voxel_nm="),
    ("write an unknown suffix", lambda: tw.write(tw.series(STACK, ANGLES), "a.xyz"), "mrc"),
    ("show an array", lambda: tw.show(STACK), "a Volume or a TiltSeries"),
    ("report nothing", lambda: tw.report(), "no folder given"),
    ("per pixel passed for per nm", lambda: tw.Volume(torch.zeros(2, 2, 2), 0.7), r"volume\(x, voxel_nm"),
    ("numpy into Volume", lambda: tw.Volume(np.zeros((2, 2, 2), np.float32), None), r"tiltwise\.volume"),
    ("views of another series", lambda: tw.SIRT.run(operator(), torch.zeros(3, 4, 6)), "build the projector"),
    ("a series for views", lambda: tw.SIRT.run(operator(), tw.series(STACK, ANGLES)), r"series\.data"),
    ("an array for views", lambda: tw.TV.run(operator(), STACK), r"torch\.from_numpy"),
    ("a thickness of nothing", lambda: tw.projector(tw.series(STACK, ANGLES), thickness_px=0), "thickness_px=0"),
    ("a misspelt option of the sample", lambda: tw.sample(sise=32), "did you mean size"),
    ("angles in words", lambda: tw.series(STACK, ["a"] * 5), "numbers in degrees"),
    ("a pixel in words", lambda: tw.series(STACK, ANGLES, pixel_nm="0.7"), "pixel_nm='0.7'"),
    ("ragged lists", lambda: tw.series([[[1.0], [1.0, 2.0]]], [0.0]), "an array wanted"),
    ("a masked array", lambda: tw.series(np.ma.array(STACK), ANGLES), "masked"),
    ("read nothing", lambda: tw.read(None), "a path is wanted"),
    ("one view to leave out", lambda: tw.read("a.mrc", exclude=3), "a list of view numbers"),
    ("cleaning as alignment", lambda: tw.align(tw.series(STACK, ANGLES), tw.PREPROCESS()), r"XCORR\(\)"),
    ("alignment as cleaning", lambda: tw.clean(tw.series(STACK, ANGLES), tw.XCORR()), r"PREPROCESS\(\)"),
    ("threads in words", lambda: tw.align(tw.series(STACK, ANGLES), threads="2"), "threads='2'"),
    ("half a voxel thick", lambda: tw.projector(tw.series(STACK, ANGLES), thickness_px=10.5), "a whole number"),
    ("arguments swapped", lambda: tw.write("a.mrc", tw.series(STACK, ANGLES)), "a path is wanted"),
    ("a picture without width", lambda: tw.show(tw.series(STACK, ANGLES), width_px=0), "width_px=0"),
    ("a folder without a run", lambda: tw.report("nowhere"), "run.json"),
    ("a projection of numpy", lambda: operator()(STACK), r"torch\.from_numpy"),
    ("a voxel of nothing", lambda: tw.volume(STACK, voxel_nm=0), "voxel_nm=0"),
    ("not a number", lambda: tw.TV(weight=float("nan")), "weight=nan"),
    ("no threads", lambda: tw.reconstruct(tw.series(STACK, ANGLES), threads=0), "threads=0"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "says"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_every_wrong_first_step_gets_a_sentence(call: Callable[[], object], says: str) -> None:
    with pytest.raises((tw.UserError, AttributeError), match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_what_is_not_resampled_is_refused_and_not_reconstructed() -> None:
    """It gave a residual of .42 instead of .12 once, without a word."""
    from recon.align.xcorr import xcorr
    from recon.projectors.native import NativeProjector

    found = xcorr(tw.clean(tw.sample(**SAMPLE)), rounds=0)
    for attempt in (
        lambda: NativeProjector(found.geometry, (48, 48), 48),
        lambda: tw.reconstruct(found),
    ):
        with pytest.raises(tw.UserError, match=r"its axis at .* deg and shifts along the axis"):
            attempt()
    matrices = np.repeat(np.eye(2)[None], 5, 0)
    with pytest.raises(tw.UserError, match="a matrix for each view"):
        NativeProjector(tw.Geometry(ANGLES, matrices=matrices), (6, 6), 6)
    across = np.stack([np.zeros(5), np.arange(5) / 10], axis=1)
    NativeProjector(tw.Geometry(ANGLES, shifts_px=across), (6, 6), 6)  # what a projector knows of


def test_another_package_of_our_name_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_neighbours()
    (tmp_path / "models").mkdir()
    (tmp_path / "models/__init__.py").touch()
    monkeypatch.delitem(sys.modules, "models", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"under the name 'models'.*rename that folder"):
        check_neighbours()


def test_options_beside_a_bound_step_add_to_it(aligned: tw.TiltSeries) -> None:
    half = tw.clean(aligned, tw.PREPROCESS(bin=2, hot_pixel_sigma=None), taper_px=2)
    assert half.data.shape == (len(aligned.data), 24, 24)
    with pytest.raises(tw.UserError, match="did you mean taper_px"):
        tw.clean(aligned, tw.PREPROCESS(bin=2), tapr_px=2)


def test_the_noise_of_other_pixels_is_forgotten(aligned: tw.TiltSeries) -> None:
    from recon.api import NOISE

    assert NOISE in aligned.facts
    assert NOISE not in tw.clean(aligned, bin=2).facts


def test_doubts_of_an_alignment_are_said() -> None:
    steep = tw.sample(**SAMPLE)
    beyond = tw.series(steep.data, steep.geometry.angles_deg + 40, pixel_nm=1.0)
    with pytest.warns(UserWarning, match=r"beyond \+-90"):
        tw.align(beyond, tw.FIXED(), threads=1)


def test_a_page_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(tw.UserError, match="would be replaced"):
        tw.report(tmp_path)


def test_angles_as_text() -> None:
    assert tw.series(STACK, "-60:60:30").geometry.angles_deg.tolist() == ANGLES.tolist()
