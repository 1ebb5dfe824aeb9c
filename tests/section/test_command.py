"""``thickness_px=auto`` by the command: what is cut is said, and given again by its numbers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import torch

from recon.io import read_volume, write_tilt_series
from tests.section.conftest import Layered

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def test_auto_cuts_out_the_section_and_its_numbers_do_the_same(
    layered: Layered, command: Command, tmp_path: Path
) -> None:
    series = layered(width=192, rows=128, thickness=12, pretilt_deg=6.0, z_px=8.0)
    write_tilt_series(series, tmp_path / "film.mrc")
    common = (
        "film.mrc", "angles=-60:60:3", "align=none", "preprocess=none", "trust=none",
        "report=false", "algorithm=wbp",
    )  # fmt: skip
    done = command(*common, "thickness_px=auto", "output=auto")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "auto/run.json").read_text())
    window = record["window"]
    assert record["facts"]["section"]["is_layer"]
    assert abs(window["pretilt_deg"] - 6) < 1.5
    assert window["thickness_px"] < 80
    numbers = [f"{key}={value}" for key, value in window.items()]
    assert any(all(n.split("=")[0] in step for n in numbers) for step in record["history"])
    again = command(*common, *numbers, "output=numbers")
    assert again.returncode == 0, again.stderr
    volumes = [read_volume(tmp_path / name / "tomogram.mrc").data for name in ("auto", "numbers")]
    torch.testing.assert_close(volumes[0], volumes[1], rtol=0, atol=0)
    assert volumes[0].shape == (window["thickness_px"], 128, 192 + 2 * window["extend_px"])
