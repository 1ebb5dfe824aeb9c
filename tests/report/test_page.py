"""The report: one file, complete whatever a run left out, honest whatever a run left in."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recon.algorithms.wbp import wbp
from recon.as_json import to_json
from recon.geometry import Geometry
from recon.io import write_volume
from recon.io.mrc import planes as report_planes
from recon.io.mrc.planes import read_planes, read_rows, sections
from recon.projectors.native import NativeProjector
from recon.report import page as report
from recon.report import pictures as report_pictures
from recon.report.data import Run, load_runs
from recon.report.page import write_report
from recon.report.pictures import wedge_edges, wedge_lines
from recon.report.verdict import verdict_paragraphs
from recon.run.record import FORMAT, Record
from recon.series import Volume
from recon.trust.scores import TrustScores

HOSTILE = """</script><script>alert(1)</script>"><img src=x onerror='alert(2)'> {{ 7*7 }} & ü"""
MakeRun = Callable[..., Path]


def blob(
    shape: tuple[int, int, int] = (16, 20, 24), seed: int = 0, noise: float = 0.1
) -> np.ndarray:
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    solid = ((z / 0.6) ** 2 + (y / 0.7) ** 2 + ((x - 0.2) / 0.5) ** 2 < 1).astype(np.float32)
    return solid + noise * np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A finished run's folder: run.json with what is asked for, a small tomogram, and its truth."""

    def make(
        name: str,
        volume: np.ndarray | None = None,
        /,
        truth: np.ndarray | None = None,
        **entries: object,
    ) -> Path:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        angles = np.arange(-60.0, 61.0, 10.0)
        volume = blob() if volume is None else volume
        record = {
            "name": "needle",
            "algorithm": name,
            "residual": 0.1,
            "residual_per_view": [0.1 + 0.001 * i for i in range(angles.size)],
            "residual_per_iteration": [1.0, 0.5, 0.2, 0.1],
            "noise_per_pixel": 2.0,
            "shape_zyx": list(volume.shape),
            "voxel_nm": 0.5,
            "grey_unit": "projection value / nm",
            "angles_deg": angles.tolist(),
            "axis_deg": 86.5,
            "shifts_px": [[0.5 * i, -0.25 * i] for i in range(angles.size)],
            "against_truth": {"axis_error_deg": 0.1},
            "facts": {"align": {"error_px_per_view": [0.1] * angles.size}},
            "history": ["read", "aligned"],
            "seconds": 3.5,
            "peak_memory_gb": 0.4,
            "config": {
                "algorithm": {"_target_": f"recon.algorithms.{name}", "n_iterations": 5},
                "output": str(folder),
            },
            "versions": {"tiltwise": "0.1"},
            "command": ["reconstruct.py", "algorithm=" + name],
        }
        record |= entries
        (folder / "run.json").write_text(
            json.dumps({k: v for k, v in record.items() if v != "absent"}), "utf-8"
        )
        write_volume(Volume(torch.from_numpy(volume), 0.5, unit="density"), folder / "tomogram.mrc")
        if truth is not None:
            write_volume(Volume(torch.from_numpy(truth), 0.5, unit="density"), folder / "truth.mrc")
        return folder

    return make


def data_of(page: Path) -> dict[str, object]:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>',
        page.read_text("utf-8"),
        re.DOTALL,
    )
    assert found
    data = json.loads(found[1])
    assert isinstance(data, dict)
    return data


def picture(uri: str) -> np.ndarray:
    image = Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))
    return np.asarray(image.convert("RGB") if image.mode == "P" else image)


def withheld(own: str, **errors: float) -> dict[str, object]:
    return {
        "withheld": errors,
        "invented_fraction": 0.05 if own == "tv" else 0.01,
        "noise_share_of_data": 0.06,
    }


# ---- one file


def test_the_page_needs_no_other_file(make_run: MakeRun, tmp_path: Path) -> None:
    page = write_report(tmp_path / "out", [make_run("wbp", truth=blob(noise=0)), make_run("tv")])
    assert sorted(p.name for p in page.parent.iterdir()) == ["report.csv", "report.html"]
    text = page.read_text("utf-8").replace(
        "http://www.w3.org/2000/svg", ""
    )  # a name, not an address that is fetched
    assert not re.search(r"https?://", text)
    assert not re.search(r"""\b(src|href)\s*=\s*["'](?!data:)""", text)
    assert "@import" not in text
    assert not re.search(r"url\(|\bfetch\(|XMLHttpRequest|\bimport\b", text)


def test_a_failed_write_leaves_the_old_page(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = write_report(tmp_path / "out", [make_run("wbp")])
    before = page.read_bytes()
    monkeypatch.setattr(report, "_page", lambda runs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(tmp_path / "out", [])
    assert page.read_bytes() == before
    assert len(list(page.parent.iterdir())) == 2


def test_the_page_stays_small_for_large_noisy_volumes(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise does not compress: the slices must be coded and reduced until they fit."""
    limit = 300_000
    full = report_pictures.PICTURE_BYTES
    monkeypatch.setattr(report_pictures, "PICTURE_BYTES", limit)
    noise = np.random.default_rng(0).standard_normal((40, 300, 280)).astype(np.float32)
    page = write_report(tmp_path / "out", [make_run("wbp", noise), make_run("sirt", noise)])
    assert page.stat().st_size < limit + 700_000  # spectra, plots and the program come on top
    assert "compressed (JPEG, quality " in page.read_text("utf-8")
    data = data_of(page)
    assert isinstance(data["methods"], list)
    assert all(len(at) <= 64 for at in data["methods"][0]["at"].values())
    assert report_pictures.MOST_SECTIONS <= 64
    assert report_planes.LARGEST_SIDE <= 256
    assert full + report_pictures.MOST_PICTURED * 130_000 < 15_000_000


# ---- hostile and broken input


def test_names_cannot_become_markup(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(
        "wbp",
        name=HOSTILE,
        algorithm=HOSTILE,
        grey_unit=HOSTILE,
        history=[HOSTILE],
        config={HOSTILE: HOSTILE},
        versions={HOSTILE: "1"},
    )
    text = write_report(tmp_path / "out", [run], {HOSTILE: HOSTILE}).read_text("utf-8")
    assert "alert(1)</script>" not in text
    assert "<img src=x" not in text
    assert "onerror='" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "{{ 7*7 }}" in text
    assert text.count("<script") == text.count("</script>") == 2


def test_a_failed_run_is_shown_and_the_rest_is_complete(make_run: MakeRun, tmp_path: Path) -> None:
    page = write_report(
        tmp_path / "out",
        [make_run("wbp"), make_run("tv")],
        {"sart": "3 subsets given, 2 or fewer wanted"},
    )
    text = page.read_text("utf-8")
    assert "failed: 3 subsets given, 2 or fewer wanted" in text
    assert "sart failed and is not compared." in text
    methods = data_of(page)["methods"]
    assert isinstance(methods, list)
    assert [m["label"] for m in methods] == ["wbp", "tv"]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda run: (run / "run.json").unlink(), "run.json is missing"),
        (lambda run: (run / "run.json").write_text("{", "utf-8"), "run.json cannot be read"),
        (
            lambda run: (run / "run.json").write_text("[]", "utf-8"),
            "run.json does not hold a record",
        ),
        (lambda run: (run / "tomogram.mrc").unlink(), "tv is not pictured"),
        (
            lambda run: (run / "tomogram.mrc").write_bytes(
                (run / "tomogram.mrc").read_bytes()[:-9]
            ),
            "tomogram.mrc is shorter",
        ),
    ],
)
def test_a_damaged_run_costs_a_sentence(
    make_run: MakeRun, tmp_path: Path, damage: Callable[[Path], object], sentence: str
) -> None:
    good, bad = make_run("wbp"), make_run("tv")
    damage(bad)
    page = write_report(tmp_path / "out", [good, bad])
    assert sentence in page.read_text("utf-8")
    methods = data_of(page)["methods"]
    assert isinstance(methods, list)
    assert [m["label"] for m in methods] == ["wbp"]


def test_any_key_may_be_missing_or_wrong(make_run: MakeRun, tmp_path: Path) -> None:
    keys = json.loads((make_run("full") / "run.json").read_text("utf-8"))
    runs = [make_run(f"no {key}", **{key: "absent"}) for key in keys]
    runs += [make_run(f"text {key}", **{key: "text"}) for key in keys]
    runs += [
        make_run(
            "nan",
            residual=float("nan"),
            residual_per_view=[float("nan")] * 13,
            trust={"withheld": float("inf"), "new": 3.5},
        )
    ]
    for run in runs:
        write_report(tmp_path / "out", [run])
    page = write_report(tmp_path / "out", runs)
    assert "pictures show the first 12" in page.read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO((page.parent / "report.csv").read_text("utf-8"))))
    assert rows[-1]["residual"] == rows[-1]["withheld"] == ""
    assert rows[-1]["new"] == "3.5"


def test_a_record_of_a_newer_format_is_shown_and_said(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("wbp", format_version=FORMAT + 1), make_run("tv", format_version=FORMAT)]
    text = write_report(tmp_path / "out", runs).read_text("utf-8")
    assert text.count(f"run.json is of format {FORMAT + 1}") == 1
    assert "needle" in text


def test_a_record_nested_without_end_is_a_failed_row(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("wbp")
    (run / "run.json").write_text("[" * 100_000 + "]" * 100_000, "utf-8")
    text = write_report(tmp_path / "out", [run]).read_text("utf-8")
    assert "run.json cannot be read" in text


def test_a_name_that_is_no_utf_8_is_shown_with_marks(make_run: MakeRun, tmp_path: Path) -> None:
    """As Python hands on a file's name of other bytes: half of a surrogate pair."""
    run = make_run("wbp", name="needle \udcff", command=["reconstruct.py", "\udcff.mrc"])
    assert "needle ?" in write_report(tmp_path / "out", [run]).read_text("utf-8")


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_a_constant_volume_is_pictured(make_run: MakeRun, tmp_path: Path, value: float) -> None:
    page = write_report(
        tmp_path / "out",
        [make_run("wbp", np.full((6, 5, 4), value, np.float32), truth=blob((6, 5, 4)))],
    )
    low, high, black, white = np.array(data_of(page)["window"], float)
    assert low <= black < white <= high
    assert "NaN" not in re.sub(r"base64,[^\"]*", "", page.read_text("utf-8"))


def test_no_runs_at_all(tmp_path: Path) -> None:
    assert "There are no runs to report." in write_report(tmp_path / "new" / "out", []).read_text(
        "utf-8"
    )
    assert "No run finished: a and b failed." in write_report(
        tmp_path / "out", [], {"a": "x", "b": "y"}
    ).read_text("utf-8")


# ---- numbers


def test_the_table_as_csv(make_run: MakeRun, tmp_path: Path) -> None:
    truth = blob(noise=0)
    runs = [
        make_run("wbp", blob(noise=0.2), truth),
        make_run("tv", blob(noise=0.1), truth, trust=withheld("tv", tv=0.07, wbp=0.1)),
    ]
    page = write_report(tmp_path / "out", runs, {"sart": 'a "quoted", sentence'})
    rows = list(csv.DictReader(io.StringIO((page.parent / "report.csv").read_text("utf-8"))))
    assert list(rows[0])[:6] == [
        "method",
        "folder",
        "status",
        "withheld",
        "residual",
        "residual_over_noise",
    ]
    assert {
        "psnr_db",
        "ssim",
        "nrmse",
        "invented_fraction",
        "seconds",
        "peak_memory_gb",
        "failure",
    } <= set(rows[0])
    assert [r["status"] for r in rows] == ["done", "done", "failed"]
    assert rows[2]["failure"] == 'a "quoted", sentence'
    assert float(rows[1]["withheld"]) == 0.07
    expected = [np.linalg.norm(blob(noise=n) - truth) / np.linalg.norm(truth) for n in (0.2, 0.1)]
    assert [float(r["nrmse"]) for r in rows[:2]] == pytest.approx(expected, rel=1e-5)
    assert float(rows[1]["psnr_db"]) - float(rows[0]["psnr_db"]) == pytest.approx(
        20 * np.log10(2), abs=1e-3
    )


def test_the_residual_is_divided_by_the_noise(make_run: MakeRun) -> None:
    """0.1 of data with mean 30 and deviation 40 is 5; a noise of 2 goes 2.5 times into it."""
    run = make_run("wbp", residual=0.1, noise_per_pixel=2.0)
    stack = np.full((4, 4, 4), 30.0, np.float32) + 40 * np.sign(
        np.arange(64).reshape(4, 4, 4) % 2 - 0.5
    ).astype(np.float32)
    write_volume(Volume(torch.from_numpy(stack), 1.0, unit="density"), run / "aligned.mrc")
    assert load_runs([run])[0].numbers["residual_over_noise"] == pytest.approx(2.5, rel=1e-4)


def test_methods_of_one_name_are_told_apart_by_their_options(make_run: MakeRun) -> None:
    runs = [
        make_run(
            f"{i}",
            algorithm="sirt",
            config={"algorithm": {"n_iterations": n}, "output": f"{i}", "restore": {"_target_": t}},
        )
        for i, (n, t) in enumerate(
            [
                (10, "recon.a"),
                (50, "recon.a"),
                (50, "recon.learned.unet"),
                (50, "recon.learned.unet"),
            ]
        )
    ]
    labels = [run.label for run in load_runs([*runs, make_run("tv")])]
    assert labels == [
        "sirt n_iterations=10 restore=a",
        "sirt n_iterations=50 restore=a",
        "sirt n_iterations=50 restore=unet #3",
        "sirt n_iterations=50 restore=unet #4",
        "tv",
    ]


def test_volumes_of_another_shape_are_not_scored(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("wbp", blob((16, 20, 24)), truth=blob((8, 10, 12)))
    assert "the tomogram has 16 × 20 × 24 voxels, the truth 8 × 10 × 12" in write_report(
        tmp_path, [run]
    ).read_text("utf-8")


# ---- the verdict


def run_with(label: str, trust: dict[str, object] | None = None, **numbers: float) -> Run:
    record = Record.from_json({"algorithm": label, "trust": trust or {}})
    return Run(label, Path(label), record, "", numbers)


def test_the_verdict_ranks_by_withheld_views() -> None:
    said = verdict_paragraphs(
        [
            run_with("sirt", withheld=0.1, residual=0.01),
            run_with("tv", {"noise_share_of_data": 0.06}, withheld=0.088, residual=0.05),
        ]
    )
    assert said[0] == "tv is ahead of sirt on withheld views by 12 % (error: tv 0.088, sirt 0.1)."
    assert "Noise alone would leave an error of about 0.06" in said[1]


def test_a_lead_within_two_percent_is_none() -> None:
    assert (
        "sirt and tv predict withheld views equally well"
        in verdict_paragraphs([run_with("sirt", withheld=0.1), run_with("tv", withheld=0.101)])[0]
    )


def test_a_residual_alone_proves_nothing() -> None:
    said = verdict_paragraphs([run_with("sirt", residual=0.1), run_with("tv", residual=0.05)])[0]
    assert said.startswith(
        "Not decided. tv fits its own views most closely (residual 0.05), but a small residual "
        "alone proves nothing"
    )
    assert (
        "a small residual alone proves nothing"
        in verdict_paragraphs([run_with("tv", residual=0.05)])[0]
    )


def test_a_single_run_is_compared_with_its_own_references() -> None:
    said = verdict_paragraphs(
        [run_with("tv", {"withheld": {"tv": 0.07, "wbp": 0.14, "sirt": 0.1}}, withheld=0.07)]
    )
    assert (
        said[0]
        == "tv is ahead of sirt on withheld views by 30 % and of wbp by 50 % (error: tv 0.07, sirt "
        "0.1, wbp 0.14)."
    )


def test_a_learned_method_is_shown_beside_tv() -> None:
    """TV was no run of the command; it is a reference of every other method."""
    runs = [
        run_with("wbp", {"withheld": {"wbp": 0.14, "sirt": 0.1, "tv": 0.088}}, withheld=0.14),
        run_with(
            "irdm {}",
            {"withheld": {"irdm {}": 0.1, "wbp": 0.14, "sirt": 0.1, "tv": 0.088}},
            withheld=0.1,
        ),
    ]
    said = verdict_paragraphs(runs)[0]
    assert said.startswith(
        "tv is ahead of irdm {} on withheld views by 12 %, of sirt by 12 % and of wbp by 37 %"
    )


def test_those_behind_a_draw_are_named() -> None:
    said = verdict_paragraphs(
        [
            run_with("sirt", withheld=0.1),
            run_with("tv", withheld=0.101),
            run_with("wbp", withheld=0.2),
        ]
    )[0]
    assert said.startswith(
        "sirt and tv predict withheld views equally well (a lead below 2 % is no lead)"
    )
    assert "they are ahead of wbp on withheld views by 50 %" in said


def test_the_truth_decides_where_scores_disagree() -> None:
    said = verdict_paragraphs(
        [run_with("sirt", withheld=0.1, nrmse=0.2), run_with("tv", withheld=0.08, nrmse=0.3)]
    )
    assert any(
        "sirt is ahead of tv in the distance from the known truth by 33 %" in s for s in said
    )
    assert any("the truth decides" in s for s in said)


def test_fitted_noise_and_invented_energy_are_said() -> None:
    said = " ".join(
        verdict_paragraphs(
            [
                run_with("cgls", residual_over_noise=0.6, invented_fraction=0.01),
                run_with("tv", residual_over_noise=1.0, invented_fraction=0.07),
            ]
        )
    )
    assert "cgls fits the views more closely than their noise allows" in said
    assert "tv put 7.0 % of its energy where no view measured, the most of all" in said


# ---- slices and spectra


def test_planes_are_the_sections_of_the_volume(make_run: MakeRun) -> None:
    volume = blob((300, 20, 24), seed=3)
    planes = read_planes(make_run("wbp", volume) / "tomogram.mrc", 10)
    assert {k: len(v) for k, v in planes.at.items()} == {"xy": 10, "xz": 10, "zy": 10}
    np.testing.assert_array_equal(planes.planes["xy"], volume[planes.at["xy"]])
    halved = volume.reshape(150, 2, 20, 24).mean(1)  # 300 sections are shown in 150
    np.testing.assert_allclose(
        planes.planes["xz"], halved[:, planes.at["xz"]].swapaxes(0, 1), atol=1e-6
    )
    np.testing.assert_allclose(
        planes.planes["zy"], np.moveaxis(halved[:, :, planes.at["zy"]], 2, 0), atol=1e-6
    )
    np.testing.assert_array_equal(planes.middle_xz, volume[:, 10])


def test_sections_are_spread_over_the_whole_axis() -> None:
    assert sections(5, 64) == [0, 1, 2, 3, 4]
    assert sections(1000, 4) == [125, 375, 625, 875]


def test_rows_are_those_of_the_volume(make_run: MakeRun) -> None:
    volume = blob(seed=5)
    np.testing.assert_array_equal(
        read_rows(make_run("wbp", volume) / "tomogram.mrc", 3, 7), volume[:, 3:10]
    )


def test_sheets_hold_the_greys_of_the_volume(make_run: MakeRun, tmp_path: Path) -> None:
    """Tile k of the xz sheet is the k-th section, and a grey of the sheet turns back into the
    voxel's value."""
    volume = blob(noise=0.05)
    data = data_of(write_report(tmp_path, [make_run("wbp", volume)]))
    assert isinstance(data["methods"], list)
    low, high = np.array(data["window"], float)[:2]
    sheet = data["methods"][0]["sheets"]["xz"]
    pixels, columns, (tile_w, tile_h), (width, height) = (
        picture(sheet["picture"]),
        sheet["columns"],
        sheet["tile"],
        sheet["size"],
    )
    for k in (0, 9, 13):
        left, top = (k % columns) * tile_w, (k // columns) * tile_h
        shown = low + (high - low) * pixels[top : top + height, left : left + width] / 255.0
        np.testing.assert_allclose(shown, np.clip(volume[:, k], low, high), atol=(high - low) / 509)


@pytest.mark.parametrize(("first", "last"), [(-60, 60), (-70, 50), (-20, 70), (-75, 10)])
def test_the_wedge_is_drawn_at_the_tilts(first: int, last: int) -> None:
    """A view at tilt t measures the direction (k_z, k_x) = (sin t, cos t): its line is drawn there,
    z down."""
    drawn = wedge_lines(np.arange(first, last + 1, 2.5))
    assert drawn is not None
    lines = drawn["lines"]
    assert isinstance(lines, list)
    directions = sorted(np.rad2deg(np.arctan2(z2 - z1, x2 - x1)) % 180 for x1, z1, x2, z2 in lines)
    assert directions == pytest.approx(sorted([first % 180, last % 180]), abs=1e-3)
    assert all(max(abs(v) for v in line) == 0.5 for line in lines)


def test_a_full_turn_has_no_wedge() -> None:
    assert wedge_edges(np.arange(-90, 90, 3.0)) is None
    assert wedge_edges(np.array([0.0])) is None
    assert wedge_lines(np.array([])) is None


def test_the_drawn_wedge_is_where_back_projection_is_empty(
    make_run: MakeRun, tmp_path: Path
) -> None:
    """Tilts from -20 to 70: the wedge is not symmetric, so a sign error would put it where the
    energy is."""
    n, angles = 64, np.arange(-20.0, 71.0, 2.0)
    A = NativeProjector(Geometry(angles, 1.0), (n, n), n)
    solid = torch.from_numpy(blob((n, 8, n)))
    volume = wbp(A, A(solid)).numpy()
    page = write_report(tmp_path / "out", [make_run("wbp", volume, angles_deg=angles.tolist())])
    methods = data_of(page)["methods"]
    assert isinstance(methods, list)
    spectrum = picture(methods[0]["fourier"]).astype(float).sum(2)
    k_z, k_x = np.mgrid[-0.5 : 0.5 : n * 1j, -0.5 : 0.5 : n * 1j]
    direction = np.rad2deg(np.arctan2(k_z, k_x)) % 180
    (x1, z1, x2, z2), (x3, z3, x4, z4) = methods[0]["wedge"]["lines"]
    edges = sorted(
        np.rad2deg(np.arctan2(z, x)) % 180 for x, z in ((x2 - x1, z2 - z1), (x4 - x3, z4 - z3))
    )
    far = (np.hypot(k_z, k_x) > 0.15) & (np.hypot(k_z, k_x) < 0.45)
    inside = far & (direction > edges[0] + 6) & (direction < edges[1] - 6)
    mirrored = far & (180 - direction > edges[0] + 6) & (180 - direction < edges[1] - 6) & ~inside
    measured = far & ((direction < edges[0] - 6) | (direction > edges[1] + 6))
    assert spectrum[inside].mean() < 0.6 * spectrum[measured].mean()
    assert spectrum[inside].mean() < 0.6 * spectrum[mirrored & measured].mean()


def test_a_doubtful_run_says_so_before_it_is_praised_and_what_to_do_is_said() -> None:
    angles = tuple(float(a) for a in range(-60, 61, 3))
    run = run_with("sirt", withheld=0.3, invented_fraction=0.01)
    trust = TrustScores(withheld={"sirt": 0.3, "tv": 0.1})
    record = replace(
        run.record, algorithm="sirt", warnings=("odd", "odder"), angles_deg=angles, trust=trust
    )
    said = verdict_paragraphs([replace(run, record=record)])
    assert said[0].startswith("Read the 2 warnings below first")
    assert said[-1] == (
        "Next: the same command with algorithm=tv, which predicts withheld views better."
    )
    assert any("about 33 % there" in s or "about 32 % there" in s for s in said)
    around = replace(record, warnings=(), angles_deg=tuple(float(a) for a in range(0, 180, 3)))
    said = verdict_paragraphs([replace(run, record=around)])
    assert not any("where no view measured" in s for s in said)
    assert not said[0].startswith("Read the")


def test_denoised_views_are_shown_with_what_was_done_to_them(make_run: MakeRun) -> None:
    told = {"method": "tv", "options": {"weight": 1.0}, "seconds": 1.5, "gain": 2.25}
    trust = TrustScores(withheld={"sirt": 0.2, "sirt as measured": 0.1})
    folder = make_run("sirt", facts={"denoise": told}, trust=to_json(trust))
    Image.new("L", (8, 4)).save(folder / "restored.png")
    page = write_report(folder, [folder]).read_text("utf-8")
    assert "Views before the reconstruction" in page
    assert "tv, 1.5 s" in page
    assert "2.25" in page
    assert "One view and one sinogram" in page
    assert "sirt as measured" in page
    # Where the views as measured do better, the page says so.
    assert "denoise=none and inpaint=none" in page


def test_views_as_measured_have_no_such_section(make_run: MakeRun) -> None:
    folder = make_run("wbp")
    assert "Views before the reconstruction" not in write_report(folder, [folder]).read_text(
        "utf-8"
    )
