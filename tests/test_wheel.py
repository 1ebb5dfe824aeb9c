"""The wheel, built and used from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, without its dependencies: those come from this
    environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(folder.glob("tiltwise-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_holds_the_engine_the_configs_and_nothing_else(installed: Path) -> None:
    assert {p.name for p in installed.iterdir() if not p.name.endswith(".dist-info")} == {
        "tiltwise",
        "recon",
        "models",
    }
    assert (installed / "recon/configs/algorithm/sirt.yaml").exists()
    assert (installed / "recon/report/templates/report.html").exists()
    assert (installed / "models/weights/weights.toml").exists()
    assert (
        "tiltwise = tiltwise.__main__:main"
        in next(installed.glob("*.dist-info/entry_points.txt")).read_text()
    )


def test_the_console_script_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv[0] = 'tiltwise'; from recon.cli import CONFIGS; from tiltwise.__main__ import main; "
        "print(CONFIGS); main()"
    )
    words = [
        "reconstruct",
        "sample.size=32",
        "sample.step_deg=6",
        "align.rounds=0",
        "algorithm=wbp",
        "output=out",
    ]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stdout  # the wheel's own configs, not the checkout's
    assert (tmp_path / "out/tomogram.mrc").exists()


@pytest.mark.parametrize(
    ("words", "status"),
    [(["--help"], 0), ([], 2), (["segment"], 2), (["reconstruct", "algorithm=srt"], 2)],
)
def test_sub_commands(words: list[str], status: int) -> None:
    code = "import sys; sys.argv[0] = 'tiltwise'; from recon.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    said = done.stderr if status else done.stdout
    assert "reconstruct" in said or "srt" in said
