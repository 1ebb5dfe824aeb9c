"""What the report plots, and its rows for the references."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.io import write_volume
from recon.report.alignment import alignments
from recon.report.data import Run, load_runs
from recon.report.page import write_report
from recon.report.plots import crowther, plots
from recon.run.record import Record
from recon.series import Volume

ANGLES = np.arange(60.0, -61.0, -10.0)  # falling: plots are over rising tilts


def trust(name: str, error: float) -> dict[str, object]:
    return {
        "rows": 24,
        "withheld": {name: error, "wbp": 0.3, "sirt": 0.2, "tv": 0.1},
        "withheld_angles_deg": [40.0, 0.0, -40.0],
        "withheld_per_view": {
            name: [1.0, 2.0, 3.0],
            "wbp": [0.3, 0.3, 0.3],
            "sirt": [0.2, 0.2, 0.2],
            "tv": [0.1, 0.1, 0.1],
        },
        "whitened_residual": 1.0,
        "whitened_residual_per_view": [float(i) for i in range(ANGLES.size)],
        "invented_fraction": 0.1,
        "even_odd_fsc": {"frequency": [0.1, 0.2, 0.5], "correlation": [1.0, 0.5, 0.1]},
        "even_odd_fsc_crossing": {"0.5": 0.2, "0.143": 0.45},
    }


def run(name: str, **entries: object) -> Run:
    record = {
        "algorithm": name,
        "angles_deg": ANGLES.tolist(),
        "shape_zyx": [100, 8, 100],
        "trust": trust(name, 0.15),
    } | entries
    return Run(name, Path(name), Record.from_json(record), "", {"withheld": 0.15})


def named(found: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    return {str(plot["title"]): plot for plot in found}


def labels(plot: dict[str, object]) -> list[str]:
    return [line["label"] for line in plot["lines"]]


def test_every_curve_of_the_record_is_a_line_with_its_name() -> None:
    found = named(plots([run("irdm"), run("wbp")]))
    assert labels(found["Error of each withheld view"]) == [
        "irdm",
        "wbp",
        "sirt (reference)",
        "tv (reference)",
    ]
    assert found["Error of each withheld view"]["lines"][0]["x"] == [-40.0, 0.0, 40.0]
    assert found["Error of each withheld view"]["lines"][0]["y"] == [3.0, 2.0, 1.0]
    assert [bool(line.get("dashed")) for line in found["Error of each withheld view"]["lines"]] == [
        False,
        False,
        True,
        True,
    ]
    assert len({line["colour"] for line in found["Error of each withheld view"]["lines"]}) == 4
    assert (
        found["Residual over noise, each view"]["lines"][0]["y"]
        == [float(i) for i in range(ANGLES.size)][::-1]
    )
    assert found["FSC of even and odd views"]["lines"][0]["y"] == [1.0, 0.5, 0.1]
    assert "FSC with the truth" not in found
    assert "Convergence" not in found


def test_the_crowther_limit_is_a_line_at_its_frequency() -> None:
    wanted = (180 / 10) / (np.pi * 100)
    assert crowther(run("irdm")) == pytest.approx(wanted)
    assert crowther(run("irdm", crowther_per_voxel=0.25)) == 0.25
    marks = named(plots([run("irdm"), run("wbp")]))["FSC of even and odd views"]["marks"]
    assert marks == [[pytest.approx(wanted, abs=1e-4), "πD/N"]]
    assert (
        named(plots([run("irdm", crowther_per_voxel=0.6)]))["FSC of even and odd views"]["marks"]
        == []
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"even_odd_fsc": [1]},
        {"withheld_per_view": {"irdm": "x"}},
        {"withheld_angles_deg": [1.0]},
        {},
    ],
)
def test_a_damaged_curve_costs_its_line_only(broken: dict[str, object]) -> None:
    found = named(plots([run("irdm", trust=(trust("irdm", 0.15) | broken) if broken else "text")]))
    assert len(found) >= (1 if broken else 0)


def write(folder: Path, **entries: object) -> Path:
    folder.mkdir(parents=True)
    record = {
        "algorithm": "irdm",
        "angles_deg": ANGLES.tolist(),
        "shape_zyx": [16, 12, 20],
        "voxel_nm": 0.5,
        "trust": trust("irdm", 0.15),
    }
    (folder / "run.json").write_text(json.dumps(record | entries), "utf-8")
    data = torch.from_numpy(np.random.default_rng(0).normal(size=(16, 12, 20)).astype(np.float32))
    write_volume(Volume(data, 0.5, unit="density"), folder / "tomogram.mrc")
    write_volume(Volume(data, 0.5, unit="density"), folder / "truth.mrc")
    return folder


def test_references_have_rows_of_their_own(tmp_path: Path) -> None:
    page = write_report(tmp_path / "out", [write(tmp_path / "a")])
    rows = list(csv.DictReader((tmp_path / "out/report.csv").read_text("utf-8").splitlines()))
    assert [(r["method"], r["status"], float(r["withheld"])) for r in rows] == [
        ("irdm", "done", 0.15),
        ("wbp", "reference", 0.3),
        ("sirt", "reference", 0.2),
        ("tv", "reference", 0.1),
    ]
    text = page.read_text("utf-8")
    assert text.count("<small>reference</small>") == 3
    assert "tv is ahead of irdm on withheld views by 33 %" in text
    assert f"Crowther limit πD/N {np.pi * 20 / 18 * 0.5:.3g} nm" in text


def test_noted_scores_are_not_computed_again(tmp_path: Path) -> None:
    curve = {"frequency": [0.1, 0.5], "correlation": [1.0, 0.2]}
    noted = load_runs(
        [
            write(
                tmp_path / "a",
                scores={"psnr_db": 12.5},
                fsc_with_truth=curve,
                score_notes=["the middle"],
            )
        ]
    )[0]
    assert noted.numbers["psnr_db"] == 12.5
    assert noted.notes == ("the middle",)
    assert noted.fsc is not None
    assert noted.fsc.correlation == (1.0, 0.2)
    old = load_runs([write(tmp_path / "b", scores={"nrmse": 3.0})])[
        0
    ]  # without a curve: from the volumes, which are equal
    assert old.numbers["nrmse"] == 0
    assert old.numbers["fsc_0.5"] == 0.5


def test_warnings_are_on_the_page_once(tmp_path: Path) -> None:
    runs = [
        write(tmp_path / "a", warnings=["both <b>", "one"]),
        write(tmp_path / "b", warnings=["both <b>"]),
    ]
    text = write_report(tmp_path / "out", runs).read_text("utf-8")
    assert text.count('<p class="warning">both &lt;b&gt;</p>') == 1
    assert text.count(": one</p>") == 1


def test_beads_are_accounted_for_by_view_by_bead_and_with_error_bars() -> None:
    change = np.linspace(-0.2, 0.2, ANGLES.size)
    facts = {
        "method": "fiducial",
        "n_beads": 3,
        "residual_px_per_view": [0.1] * (ANGLES.size - 1) + [None],
        "residual_px_per_bead": [0.1, 0.3, 0.2],
        "tilt_change_deg": change.tolist(),
        "tilt_error_deg": [0.05] * ANGLES.size,
        "rotation_deg": (85 + change).tolist(),
        "magnification": (1 + change / 100).tolist(),
    }
    (found,) = alignments([run("wbp", facts={"align": facts})])
    drawn = named(found["plots"])
    assert drawn["Residual of each bead"]["lines"][0]["y"] == [0.3, 0.2, 0.1]
    assert (
        drawn["Residual of the beads in each view"]["lines"][0]["y"][0] is None
    )  # the last view is that of the lowest tilt
    middle, upper, lower = (line["y"] for line in drawn["Tilt of each view"]["lines"])
    assert middle == pytest.approx(change[::-1], abs=1e-4)
    np.testing.assert_allclose(np.subtract(upper, lower), 0.1, atol=1e-4)
    assert drawn["Rotation of each view"]["lines"][0]["y"] == pytest.approx(change[::-1], abs=1e-4)
    assert drawn["Magnification of each view"]["lines"][0]["y"] == pytest.approx(
        change[::-1], abs=1e-4
    )


@pytest.mark.parametrize("method", ["fiducial", "patch"])
def test_what_was_solved_for_and_what_was_not_determined_is_told(method: str) -> None:
    said = "rotation global (x-tilt, skew: not determined by these tracks, held as given)"
    (found,) = alignments([run("wbp", facts={"align": {"method": method, "freedom": said}})])
    assert ("solved for", said) in found["numbers"]
    (plain,) = alignments([run("wbp", facts={"align": {"method": "xcorr"}})])
    assert "solved for" not in dict(plain["numbers"])


def test_pictures_of_the_folder_are_in_the_page(tmp_path: Path) -> None:
    (tmp_path / "fiducials.png").write_bytes(b"picture")
    (found,) = alignments([Run("wbp", tmp_path, Record(angles_deg=tuple(ANGLES.tolist())))])
    assert found["pictures"] == [
        ("Beads through the views, and their residuals", "data:image/png;base64,cGljdHVyZQ==")
    ]
