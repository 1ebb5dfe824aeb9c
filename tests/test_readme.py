"""The README's code blocks run, and what it names exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recon.cli import CONFIGS
from recon.command.suggest import option_names

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SHELL = re.findall(r"```(?:bash|sh)\n(.*?)```", README, re.S)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)
COMMANDS = [
    line.split("#")[0].strip()
    for block in SHELL
    for line in block.splitlines()
    if line.startswith("python reconstruct.py")
]
FAST = [
    "sample.size=32",
    "sample.step_deg=6",
    "align.rounds=0",
    "preprocess.bin=1",
    "simulate.views.step_deg=6",
]


@pytest.mark.parametrize("line", sorted(set(COMMANDS)))
def test_every_command_composes(
    command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, line: str
) -> None:
    """On the small sample in place of the reader's own file, and for a few iterations."""
    words = shlex.split(line)[2:]
    while words and "=" not in words[0] and not words[0].startswith(("-", "+")):
        words = words[1:]
    if "--help" in words or "--cfg" in words:
        assert command(*words).returncode == 0
        return
    quick = (
        ["algorithm.n_iterations=2"]
        if not any(a in line for a in ("wbp", "quicklook", "irdm", "primal_dual"))
        else []
    )
    words = [
        w
        for w in words
        if not w.startswith(
            ("output=", "resume=", "angles=", "pixel_nm=", "exclude=", "algorithm.n_iterations")
        )
    ]
    small = ["phantom.size=32"] if any(w.startswith("phantom=") for w in words) else []
    done = command(*words, *FAST, *quick, *small, "output=out")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "out").rglob("tomogram.mrc"))


@pytest.mark.parametrize("block", PYTHON)
def test_every_python_block_runs(tmp_path: Path, block: str) -> None:
    subprocess.run(
        [sys.executable, "-c", block],
        cwd=tmp_path,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )


def test_every_option_it_names_exists() -> None:
    known = set(option_names(CONFIGS)) | set(option_names(CONFIGS, "train"))
    named = set(
        re.findall(
            r"(?<![\w.+/-])([a-z_]+(?:\.[a-z_]+)*)=",
            "\n".join(re.findall(r"`([^`\n]+)`", README) + COMMANDS),
        )
    )
    groups = {
        n for n in named if n.split(".")[0] in {p.name for p in CONFIGS.iterdir() if p.is_dir()}
    }
    assert groups <= known | {"model"}


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"`make ([a-z-]+)", README)) | set(
        re.findall(r"^make ([a-z-]+)", "\n".join(SHELL), re.M)
    ):
        assert f"\n{target}:" in makefile
