"""What the pages of docs/ show runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recon.cli import CONFIGS
from recon.command.compose import compose_config

ROOT = Path(__file__).resolve().parents[1]
EXTENDING = (ROOT / "docs/extending.md").read_text("utf-8")
FILES = dict(re.findall(r"```python file=(\S+)\n(.*?)```", EXTENDING, re.S))
BLOCKS = re.findall(r"```python\n(.*?)```", EXTENDING, re.S)


def test_the_method_in_a_file_reconstructs(
    command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "my_method.py").write_text(FILES["my_method.py"])
    small = ("sample.size=32", "sample.step_deg=6", "align.rounds=0", "threads=1", "report=false")
    words = ("plugins=[my_method.py]", "algorithm=landweber", "trust.rows=2", "output=out")
    done = command(*small, *words)
    assert done.returncode == 0, done.stderr
    assert "against the truth: PSNR" in done.stdout
    assert re.search(r"ahead of|equally well", done.stdout)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_runs(tmp_path: Path, block: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", block]
    done = subprocess.run(
        words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_composes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^    python (reconstruct|train)\.py (.*)$", EXTENDING, re.M)
    assert len(lines) >= 6
    for name, line in lines:
        words = [w for w in line.split("#")[0].split() if "=" in w and not w.startswith("plugins=")]
        words = [w for w in words if "landweber" not in w]
        config, _ = compose_config(CONFIGS, name, words)
        assert config is not None


def test_a_guide_to_the_house_names_what_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for path in re.findall(r"`((?:recon|models|configs|tests|docs)/[\w/.]+)`", text):
        if "mine" not in path:
            assert (ROOT / path).exists(), path
    assert len(text.splitlines()) <= 60
