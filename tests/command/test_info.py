"""``tiltwise info`` says what was read and by whose word, and touches nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.cli import CONFIGS, path_to_override
from recon.command.compose import compose_config
from recon.command.info import print_info
from recon.errors import UserError
from recon.geometry import Geometry
from recon.io import write_tilt_series, write_volume
from recon.series import TiltSeries, Volume
from recon.simulate.schemes import dose_symmetric

BAD = Path(__file__).parents[1] / "data" / "bad"
CASES = [
    c
    for c in tomllib.loads((BAD / "cases.toml").read_text("utf-8"))["case"]
    if c.get("cli", True) and not c["file"].endswith(".dm3")
]
Info = Callable[..., str]


@pytest.fixture
def info(capsys: pytest.CaptureFixture[str]) -> Info:
    def run(*words: str) -> str:
        config, _ = compose_config(CONFIGS, "reconstruct", path_to_override(words))
        print_info(config)
        return " ".join(capsys.readouterr().out.split())

    return run


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """41 views of 24 x 16 pixels of 0.7 nm, recorded outward from 0."""
    angles = dose_symmetric(max_tilt_deg=60, step_deg=3)
    views = torch.from_numpy(
        np.random.default_rng(0).uniform(1, 9, (angles.size, 16, 24)).astype("f4")
    )
    write_tilt_series(
        TiltSeries(views, Geometry(angles, 0.7), history=("made",)), tmp_path / "ts.mrc"
    )
    return tmp_path / "ts.mrc"


def test_it_says_what_was_read_and_writes_nothing(
    info: Info, series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(series.parent)
    before = sorted(series.parent.rglob("*"))
    text = info("ts.mrc", "threads=1", "preprocess.bin=2")
    for words in (
        "ts.mrc: a tilt series",
        "MRC float32, 41 views of 24 x 16 pixels",
        "0.7 nm, from Tiltwise label",
        "from ts.tlt and",
        "-60, -57, -54",
        "-60 to 60 degrees, step 3",
        "dose-symmetric from 0",
        "60 of 180 degrees",
        "history made",
        "GB of memory to clean and align",
        "slabs of",
        "all finite",
    ):
        assert words in text
    assert sorted(series.parent.rglob("*")) == before


def test_options_overrule_the_file(info: Info, series: Path) -> None:
    text = info(str(series), "angles=-40:40:2", "pixel_nm=1.5", "exclude=[0,2]")
    for words in (
        "1.5 nm, from pixel_nm",
        "from angles=-40:40:2",
        "-38 to 40 degrees, step 2 (2 to 4)",
        "views dropped 0, 2",
        "sequential",
    ):
        assert words in text


def test_a_finished_volume_is_told_from_a_series(info: Info, tmp_path: Path) -> None:
    volume = Volume(
        torch.rand(8, 6, 4),
        0.5,
        history=("read x.mrc", "reconstructed by sirt(n_iterations=5)"),
        unit="as stored",
    )
    for name in ("tomogram.mrc", "tomogram.tif"):
        write_volume(volume, tmp_path / name)
        text = info(str(tmp_path / name))
        assert f"{name}: a finished volume, no tilt series" in text
        assert "4 x 6 x 8 voxels (x, y, z)" in text
        assert "0.5 nm" in text
        # The user knows better.
        assert f"{name}: a tilt series" in info(str(tmp_path / name), "angles=-70:70:20")


def test_memory_that_will_not_do_is_said_after_what_was_read(
    info: Info, series: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="memory_gb"):
        info(str(series), "memory_gb=0.1")
    assert "a tilt series" in capsys.readouterr().out


@pytest.mark.parametrize("case", CASES, ids=lambda c: " ".join([c["file"], *c.get("args", [])]))
def test_a_file_with_a_problem_gives_the_sentence_of_the_run(
    info: Info, monkeypatch: pytest.MonkeyPatch, case: dict[str, list[str] | str]
) -> None:
    monkeypatch.chdir(BAD)
    with pytest.raises(UserError) as caught:
        info(str(BAD / str(case["file"])), *case.get("args", []))
    assert all(word in str(caught.value) for word in case["says"])


def test_without_a_file_it_asks_for_one(info: Info) -> None:
    with pytest.raises(UserError, match="tiltwise info FILE"):
        info()
